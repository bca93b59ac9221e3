import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were taken on, a line each. */
export function describeMachine(): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  return {
    processor: `${cpu?.model.trim() || 'unknown'}, ${availableParallelism()} cores`,
    memory: `${(totalmem() / 1024 ** 3).toFixed(0)} GB`,
    system: `${distribution() ?? type()}, kernel ${release()}`,
    node: process.version,
    load: `${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores as it began`,
  };
}

/** Other work on the machine: figures of elapsed time are worth little then, ratios still are. */
export function isBusy(): boolean {
  return (loadavg()[0] ?? 0) > 0.5;
}

function distribution(): string | undefined {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
