import { expect, it } from 'vitest';
import { simulateSeeds } from './days.ts';

// Two files of a hundred days each, so that both run at once.
it('no day loses an event, or sends one where it should not: the second hundred', { timeout: 600_000 }, async () => {
  const reports = await simulateSeeds({ firstSeed: 101, count: 100 });
  expect(reports.some(({ counts }) => counts.faults.size > 5)).toBe(true);
  expect(Math.min(...reports.map(({ counts }) => counts.answered2xx))).toBeGreaterThan(0);
});
