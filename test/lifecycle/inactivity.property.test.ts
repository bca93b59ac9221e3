import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRun } from '../../lab/support/inactivity-reference-model.ts';
import { disturbedHistories, type History, undisturbedHistories } from './histories.ts';
import { LifecycleRun } from './lifecycle-run.ts';

/** More with `LIFECYCLE_HISTORIES=100000 npx vitest run test/lifecycle`. */
const histories = Number(process.env.LIFECYCLE_HISTORIES ?? 2_400);

async function holds({ seed, quietSeconds, steps }: History): Promise<void> {
  expect(checkRun(await new LifecycleRun(seed, quietSeconds).play(steps))).toEqual([]);
}

describe('inactivity is what the reference model says', () => {
  it('to the second, for every order in which events arrive', { timeout: 600_000 }, async () => {
    await fc.assert(fc.asyncProperty(undisturbedHistories, holds), { numRuns: histories / 2 });
  });

  it('whatever crashes, fails or is missed on the way', { timeout: 600_000 }, async () => {
    await fc.assert(fc.asyncProperty(disturbedHistories, holds), { numRuns: histories / 2 });
  });
});
