/**
 * `npm run simulate:faults`: does the simulator find what it is there to find? Introduces faults into the product one at a
 * time, runs seeds until an invariant does not hold, and prints a table. Ends with 1 where a fault was not found.
 */
import { type ProductFault, productFaults } from './fault-list.ts';
import { type Finding, findFault } from './find-fault.ts';

const maxSeeds = 300;

const rows: { fault: ProductFault; finding: Finding }[] = [];
for (const fault of productFaults) {
  const finding = findFault(fault, maxSeeds);
  rows.push({ fault, finding });
  console.error(`${fault.name}: ${finding.seed === undefined ? 'not found' : `seed ${finding.seed}`}`);
}
console.log('| fault | where | seeds | what did not hold |\n| --- | --- | ---: | --- |');
for (const { fault, finding } of rows) {
  const seeds = finding.seed === undefined ? `not within ${maxSeeds}` : String(finding.seed);
  console.log(`| ${fault.name} | \`${fault.file}\` | ${seeds} | ${finding.invariant ?? ''} |`);
}
process.exit(rows.every(({ finding }) => finding.seed !== undefined) ? 0 : 1);
