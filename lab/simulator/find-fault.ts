import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProductFault } from './fault-list.ts';

/** Without a seed: no run has found it. */
export interface Finding {
  readonly seed?: number;
  readonly invariant?: string;
  readonly text?: string;
}

/** Runs seeds 1, 2, … in a process in which the product has this fault, until an invariant does not hold. */
export function findFault({ name }: ProductFault, maxSeeds: number): Finding {
  const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', path('fault-hook.ts'), path('fault-run.ts'), String(maxSeeds)],
    { encoding: 'utf8', env: { ...process.env, SIMULATED_FAULT: name } },
  );
  if (status !== 0) throw new Error(`${name} could not be tried:\n${stderr}`);
  return JSON.parse(stdout) as Finding;
}
