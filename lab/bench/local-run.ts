import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sleep } from './open-loop.ts';

/** `npm start` as a process of its own, on free ports. */
export interface LocalRun {
  readonly api: string;
  readonly driftToken: string;
  /** Resolves when the subscriber's events reach it. */
  subscribe(url: string, eventTypes: readonly string[]): Promise<void>;
  /** Processor time that it has used so far, all its workers included; undefined where /proc is not to be had. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

const driftToken = 'bench';

export async function startLocalRun(...flags: readonly string[]): Promise<LocalRun> {
  const ports = ['--port', '0', '--aws-port', '0', '--json', '--drift-token', driftToken];
  const child: ChildProcess = spawn(process.execPath, ['local/main.ts', ...ports, ...flags], {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  const errors: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => errors.push(line));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the local run ended with code ${code}: ${errors.join('\n')}`);
  });
  const ready = new Promise<{ api: string }>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as { api: string });
    });
  });
  const { api } = await Promise.race([ready, ended]);
  ended.catch(() => undefined);

  return {
    api,
    driftToken,
    subscribe: (url, eventTypes) => subscribe(api, url, eventTypes),
    cpuMs: () => cpuMsOf(child.pid),
    async stop() {
      process.removeListener('exit', kill);
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Resolves when events reach the subscriber. */
export async function subscribe(api: string, url: string, eventTypes: readonly string[]): Promise<void> {
  const created = await fetch(`${api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, eventTypes }),
  });
  if (created.status !== 201) throw new Error(`creating a subscription was answered ${created.status}`);
  const { subscriptionId } = (await created.json()) as { subscriptionId: string };
  for (;;) {
    const shown = await fetch(`${api}/v1/subscriptions/${subscriptionId}`);
    const { provisioning } = (await shown.json()) as { provisioning: string };
    if (provisioning === 'ready') return;
    if (provisioning === 'rejected') throw new Error(`${subscriptionId} was rejected`);
    await sleep(100);
  }
}

let ticksPerSecond: number | undefined;

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: fields 14 and 15, in clock ticks. */
function cpuMsOf(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, and may hold anything.
    const [, , , , , , , , , , , , user = '', system = ''] = stat.slice(stat.lastIndexOf(')') + 1).split(' ');
    ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    return ((Number(user) + Number(system)) * 1000) / ticksPerSecond;
  } catch {
    return undefined;
  }
}
