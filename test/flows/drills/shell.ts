import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runbook } from './article-commands.ts';
import type { Scene } from './scene.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const repository = here('../../..');

/** What the commands may call: the project's own command line. Any other fails, unless it works on AWS alone. */
const programs = {
  npx: `[ "$1" = --no ] && shift
[ "$1" = -- ] && shift
[ "$1" = fanout ] && shift || { echo "npx $1 does not run here" >&2; exit 127; }
exec "$NODE" "${here('../../../cli/fanout.ts')}" "$@"`,
  npm: 'echo "npm does not run here" >&2; exit 127',
  aws: 'echo "aws does not run here" >&2; exit 127',
};

/**
 * Runs a block as a person pastes it, with a terminal's environment for the local run, and gives what it prints. Time
 * passes meanwhile, about ten times as fast. Throws where a command fails. `mayFindFault`: it may also exit with 7, which
 * says that something is not well.
 */
export async function runCommands(
  commands: string,
  scene: Scene,
  { mayFindFault }: { readonly mayFindFault: boolean },
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'drill-shell-'));
  try {
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(directory, name), 0o755);
    }
    // Practised as the runbook says: in place of the first line of its one block its other.
    const [outset = '', practice = ''] = runbook.filter(({ article }) => article === '').map(({ text }) => text);
    const helpers = outset.slice(outset.indexOf('\n') + 1);
    const failed = mayFindFault ? 's=$?; [ "$s" = 7 ] || exit "$s"' : 'exit $?';
    const begin = practice.replace(/http:\S+/, scene.stack.aws);
    const script = [begin, helpers, 'set -uEo pipefail', `trap '${failed}' ERR`, commands, ':'].join('\n');
    const child = spawn('bash', ['-c', script], {
      cwd: repository,
      env: {
        HOME: directory,
        PATH: `${directory}${delimiter}${process.env.PATH}`,
        NODE: process.execPath,
        NODE_OPTIONS: `--import=${here('./moved-date-of-the-drill.mjs')}`,
        DRILL_AHEAD_MS: String(scene.now() - Date.now()),
        NODE_COMPILE_CACHE: scene.compileCache,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part) => (output += part));
    let exitCode: number | undefined;
    const exit = once(child, 'close').then(([code]) => {
      exitCode = code as number;
    });
    while (exitCode === undefined) {
      await scene.pass(1);
      await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    if (exitCode !== 0) throw new Error(`exit status ${exitCode} of\n${commands}\n\n${output}`);
    return output;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
