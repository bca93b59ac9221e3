import { expect, it } from 'vitest';
import { simulate } from '../../../lab/simulator/simulation.ts';

it.each([3, 17])('seed %i replays exactly, step by step', async (seed) => {
  const [first, again] = [
    await simulate({ seed, days: 1, withDigest: true }),
    await simulate({ seed, days: 1, withDigest: true }),
  ];
  expect(again).toEqual(first);
});

it('two seeds are two days', async () => {
  const one = await simulate({ seed: 3, days: 1, withDigest: true });
  const other = await simulate({ seed: 4, days: 1, withDigest: true });
  expect(other.digest).not.toBe(one.digest);
});
