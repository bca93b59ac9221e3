/**
 * `npm run simulate -- --seeds N [--seed S] [--days D]`: runs the product in simulated time, and tries to lose an event.
 * `--seed S` alone runs that one; with `--seeds N` it is the first of N. Ends with 1 where an invariant did not hold.
 */
import { parseArgs } from 'node:util';
import { formatFailure, formatSummary } from './report.ts';
import { type RunReport, simulate } from './simulation.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, days: { type: 'string', default: '1' } },
});
const days = wholeNumber('days', values.days, 1);
const first = values.seed === undefined ? 1 : wholeNumber('seed', values.seed, 0);
const count = values.seeds === undefined ? 1 : wholeNumber('seeds', values.seeds, 1);

const startedAt = performance.now();
const reports: RunReport[] = [];
for (let seed = first; seed < first + count; seed++) {
  const report = await simulate({ seed, days });
  reports.push(report);
  if (report.violations.length > 0) console.log(formatFailure(report, days));
}
console.log(formatSummary(reports, days, performance.now() - startedAt));
process.exit(reports.some(({ violations }) => violations.length > 0) ? 1 : 0);

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least) return value;
  console.error(`--${name} must be a whole number from ${least} on, not ${text}`);
  process.exit(2);
}
