import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFlags } from '../../local/read-flags.ts';
import { measureIdle, type Played, play, type Run } from './play.ts';
import { costReport } from './report.ts';

const usage = `Plays events at a fan-out of 1, 10 and 100 on the local run, counts what AWS would bill, and writes docs/cost.md.

  npm run cost -- [options]

  --out FILE   in place of docs/cost.md; - prints it`;

const { values } = readFlags(usage, { options: { out: { type: 'string', default: 'docs/cost.md' } } });

const runsByFanOut: readonly (readonly [number, readonly Run[]])[] = [
  [1, runs(60, 500)],
  [10, runs(40, 200)],
  [100, runs(12, 50)],
];

process.env.TZ = 'UTC';
const played: Played[] = [];
for (const [fanOut, wanted] of runsByFanOut) {
  console.error(`fan-out ${fanOut} …`);
  played.push(...(await play(fanOut, wanted)));
}
console.error('at rest …');
const text = costReport(played, await measureIdle());
if (values.out === '-') console.log(text);
else writeFileSync(join(import.meta.dirname, '..', '..', values.out), text);
process.exit(0);

function runs(oneByOne: number, fullBatches: number): Run[] {
  return [
    { events: oneByOne, pace: 'one-by-one' },
    { events: fullBatches, pace: 'full-batches' },
  ];
}
