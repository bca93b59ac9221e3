import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureIdle, type Played, play, type Scenario } from './play.ts';
import { costReport } from './report.ts';

/**
 * `npm run cost`: plays events at a fan-out of 1, 10 and 100 on the local run, counts what AWS would bill, and writes
 * docs/cost.md. `--out -` prints it instead.
 */
const { values } = parseArgs({ options: { out: { type: 'string', default: 'docs/cost.md' } } });

const scenarios: readonly Scenario[] = [
  { fanOut: 1, events: 60, pace: 'sparse' },
  { fanOut: 10, events: 40, pace: 'sparse' },
  { fanOut: 100, events: 12, pace: 'sparse' },
  { fanOut: 1, events: 1500, pace: 'busy' },
  { fanOut: 10, events: 500, pace: 'busy' },
  { fanOut: 100, events: 120, pace: 'busy' },
];

process.env.TZ = 'UTC';
const played: Played[] = [];
for (const scenario of scenarios) {
  console.error(`${scenario.pace}, fan-out ${scenario.fanOut}: ${scenario.events} events …`);
  played.push(await play(scenario));
}
console.error('at rest …');
const text = costReport(played, await measureIdle());
if (values.out === '-') console.log(text);
else writeFileSync(join(import.meta.dirname, '..', '..', values.out), text);
process.exit(0);
