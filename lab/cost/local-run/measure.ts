import { writeFileSync } from 'node:fs';
import { unitsFile } from '../units.ts';
import { computingHere } from './computing.ts';
import { playRuns } from './runs.ts';
import { unitsOf } from './units-of-runs.ts';

/** Writes lab/cost/units.json anew. */
export async function measure(): Promise<void> {
  const runs = await playRuns((what) => console.error(`${what} …`));
  writeFileSync(unitsFile, `${JSON.stringify(unitsOf(runs), undefined, 2)}\n`);
  console.log(
    `written: ${unitsFile}\n\nProcessor time here, as it would be billed (lab/cost/stated.ts has what is reckoned with):`,
  );
  for (const line of computingHere(runs)) console.log(`  ${line}`);
}
