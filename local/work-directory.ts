import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'webhook-fanout-run-';

export interface WorkDirectory {
  readonly path: string;
  /** Also happens when the process ends. */
  remove(): void;
}

/**
 * A folder for what one run makes, the bundles above all. A process that was killed leaves its own (9 MB), so those
 * whose process is gone are removed first.
 */
export function makeWorkDirectory(parent: string = tmpdir()): WorkDirectory {
  for (const path of abandoned(parent)) rmSync(path, { recursive: true, force: true });
  const path = mkdtempSync(join(parent, `${prefix}${process.pid}-`));
  const remove = (): void => {
    process.removeListener('exit', remove);
    rmSync(path, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return { path, remove };
}

/** This user's alone: in a folder that all share, anybody may use the name. */
function abandoned(parent: string): string[] {
  return readdirSync(parent)
    .filter((name) => name.startsWith(prefix) && !isRunning(Number.parseInt(name.slice(prefix.length), 10)))
    .map((name) => join(parent, name))
    .filter((path) => {
      const found = lstatSync(path, { throwIfNoEntry: false });
      return found?.isDirectory() === true && found.uid === process.getuid?.();
    });
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 asks, and does nothing.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else. Not a process id at all: not ours to judge.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
