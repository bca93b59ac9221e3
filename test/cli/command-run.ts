import { runFanout } from '../../cli/run-fanout.ts';
import type { Surroundings } from '../../cli/surroundings.ts';

export interface CommandRun {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Set: standard input and output are a terminal of that width, and this is what the person answers. */
  readonly terminal?: { readonly columns: number; readonly answer?: string };
  /** What happens while the command waits. */
  readonly onSleep?: () => Promise<void> | void;
}

/** Runs the command line in this process; time passes only while it sleeps. */
export async function runCommand(
  args: readonly string[],
  { env = {}, stdin = '', terminal, onSleep }: RunOptions = {},
): Promise<CommandRun> {
  let out = '';
  let err = '';
  let now = 0;
  const tty = terminal === undefined ? {} : { isTTY: true, columns: terminal.columns, hasColors: () => true };
  const surroundings: Surroundings = {
    env,
    stdin: Object.assign(bytesOf(stdin), terminal === undefined ? {} : { isTTY: true }),
    stdout: { ...tty, write: (text) => (out += text) },
    stderr: { ...tty, write: (text) => (err += text) },
    sleep: async (milliseconds) => {
      now += milliseconds;
      await onSleep?.();
    },
    clock: () => now,
    beforeInterruption: () => () => undefined,
    ask: async (question) => {
      err += question;
      return terminal?.answer ?? '';
    },
  };
  const exitCode = await runFanout(args, surroundings);
  return { exitCode, out, err };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text);
}

/** The commands that the help shows: the groups, or those of a group. */
export async function commandsIn(path: readonly string[]): Promise<string[]> {
  const { out } = await runCommand([...path, '--help']);
  const [, list = ''] = /\nCommands:\n((?: {2,}.*\n)+)/.exec(out) ?? [];
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}
