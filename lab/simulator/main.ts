import { readFlags, wholeNumberFlag } from '../../local/read-flags.ts';
import { formatFailure, formatSummary } from './report.ts';
import { type RunReport, simulate } from './simulation.ts';

const usage = `Runs the product in simulated time, and tries to make it lose an event.

  npm run simulate -- [options]

  --seeds N   so many runs, one after the other. Default: one
  --seed S    that one, the same to the last step each time; with --seeds the first of them. Default 1
  --days D    of each run. Default 1

Ends with 1 where an invariant did not hold, and prints how to see it again.`;

const { values } = readFlags(usage, {
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, days: { type: 'string', default: '1' } },
});
const days = wholeNumberFlag('days', values.days, 1);
const first = values.seed === undefined ? 1 : wholeNumberFlag('seed', values.seed, 0);
const count = values.seeds === undefined ? 1 : wholeNumberFlag('seeds', values.seeds, 1);

const startedAt = performance.now();
const reports: RunReport[] = [];
for (let seed = first; seed < first + count; seed++) {
  const report = await simulate({ seed, days });
  reports.push(report);
  if (report.violations.length > 0) console.log(formatFailure(report, days));
}
console.log(formatSummary(reports, days, performance.now() - startedAt));
process.exit(reports.some(({ violations }) => violations.length > 0) ? 1 : 0);
