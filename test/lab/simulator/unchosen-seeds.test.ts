import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { simulateSeeds } from './days.ts';

// The seeds of the other tests are known to pass. Those that nobody has chosen find what those do not: a failure names its
// own, and the command that repeats it.
const firstSeed = randomInt(1_000, 1_000_000_000);

it.each([
  { count: 60, days: 1, forMs: 22_000 },
  { count: 5, days: 7, forMs: 18_000 },
])('nothing is lost in runs of $days days that nobody chose', { timeout: 300_000 }, async (runs) => {
  console.log(`npm run simulate -- --seed ${firstSeed} --seeds ${runs.count} --days ${runs.days}`);
  const reports = await simulateSeeds({ firstSeed, ...runs });
  expect(reports.length).toBeGreaterThan(0);
});
