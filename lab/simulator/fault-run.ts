/** Runs seeds until an invariant does not hold, and prints what was found as one line of JSON. */
import { simulate } from './simulation.ts';

const maxSeeds = Number(process.argv[2]);
let found: { readonly seed: number; readonly invariant: string; readonly text: string } | undefined;
for (let seed = 1; seed <= maxSeeds && found === undefined; seed++) {
  const { violations } = await simulate({ seed, days: 1 });
  const [first] = violations;
  if (first !== undefined) found = { seed, invariant: first.invariant, text: first.text };
}
console.log(JSON.stringify(found ?? {}));
process.exit(0);
