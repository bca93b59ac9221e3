/**
 * `npm run simulate:faults`: does the simulator find what it is there to find? Introduces faults into the product one at a
 * time, runs seeds until an invariant does not hold, and prints a table. Ends with 1 where a fault was not found.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ProductFault, productFaults } from './fault-list.ts';

const mostSeeds = 200;

interface Finding {
  readonly seed?: number;
  readonly invariant?: string;
}

const rows: { fault: ProductFault; finding: Finding }[] = [];
for (const fault of productFaults) {
  const finding = find(fault);
  rows.push({ fault, finding });
  console.error(`${fault.name}: ${finding.seed === undefined ? 'not found' : `seed ${finding.seed}`}`);
}
console.log('| fault | where | seeds | what did not hold |\n| --- | --- | ---: | --- |');
for (const { fault, finding } of rows) {
  const seeds = finding.seed === undefined ? `not within ${mostSeeds}` : String(finding.seed);
  console.log(`| ${fault.name} | \`${fault.file}\` | ${seeds} | ${finding.invariant ?? ''} |`);
}
process.exit(rows.every(({ finding }) => finding.seed !== undefined) ? 0 : 1);

function find(fault: ProductFault): Finding {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', path('fault-hook.ts'), path('fault-run.ts'), String(mostSeeds)],
    { encoding: 'utf8', env: { ...process.env, SIMULATED_FAULT: fault.name } },
  );
  if (status !== 0) throw new Error(`${fault.name} could not be tried:\n${stderr}`);
  return JSON.parse(stdout) as Finding;
}
