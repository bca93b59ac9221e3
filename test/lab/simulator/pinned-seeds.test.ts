import { expect, it } from 'vitest';
import { simulate } from '../../../lab/simulator/simulation.ts';

/** Seeds that once found something. */
it.each([
  // A subscription was deleted and made again while its deletion was under way: `ready`, and nothing was delivered.
  { seed: 195401184, days: 1 },
  // A message was forgotten by its queue after 14 days, and the ledger went on saying `retrying`.
  { seed: 555000016, days: 7 },
])('nothing is lost in seed $seed over $days days', async ({ seed, days }) => {
  expect((await simulate({ seed, days })).violations).toEqual([]);
});
