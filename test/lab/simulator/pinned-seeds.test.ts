import { expect, it } from 'vitest';
import { simulate } from '../../../lab/simulator/simulation.ts';

/** Seeds that once found something, each by the simulator of that time; what they found is also held where it was mended. */
it.each([
  // A subscription was deleted and made again while its deletion was under way: `ready`, and nothing was delivered.
  { seed: 195401184, days: 1 },
  // A message was forgotten by its queue after 14 days, and the ledger went on saying `retrying`.
  { seed: 555000016, days: 7 },
  // The failure of a replay's copy replaced the success that the event's own message had meanwhile.
  { seed: 31000318, days: 1 },
  // A circuit opened by ten failures though a success had ended their streak since they were counted.
  { seed: 31000727, days: 1 },
  { seed: 31000822, days: 1 },
  // `conversation_inactive` was on the bus without its `conversation_push`, and a message came before it was tried again.
  { seed: 31000125, days: 1 },
  // A cancelled replay took an event along whose own message had met the replay's attempts.
  { seed: 31000666, days: 1 },
  // A resend of what was delivered was parked without a word.
  { seed: 31000597, days: 1 },
  // An item was written again while its route went, and was `ready` by what its predecessor had said.
  { seed: 31000791, days: 1 },
  // The ledger sent a resend for its next attempt twice, and the second copy was taken for a wish of its own.
  { seed: 41000174, days: 1 },
  // A successor's attempts were counted on with those of the deleted subscription before it, and an old resend began anew.
  { seed: 770417927, days: 7 },
  // Here it was the check that was wrong: what was asked for by, or of, a subscription that was since made again or resumed.
  { seed: 31000334, days: 1 },
  { seed: 31000958, days: 1 },
  { seed: 117200380, days: 1 },
  { seed: 640000298, days: 1 },
  // A failed resend wrote over the attempt that was made while it was under way, and the next one came at once.
  { seed: 73, days: 1 },
  // The check took for written what had given way to another attempt of the same moment.
  { seed: 324132846, days: 1 },
  // The check knew nothing of a push that was on the bus before its `conversation_inactive`.
  { seed: 324133006, days: 1 },
  // The check took the acceptance of a note for that of a close of the same millisecond.
  { seed: 324133306, days: 1 },
  // A function ended after `conversation_inactive` was taken and its push was not, before it had noted that.
  { seed: 804269091, days: 1 },
  // A failed resend's retry still said that it was one, and was made in spite of a `Retry-After`.
  { seed: 510991871, days: 1 },
  // A resend that was cancelled took an event along that had been tried before it.
  { seed: 263, days: 1 },
  // The check took a deletion for done while the route was there, and wanted to find a delivery that no ledger had heard of.
  { seed: 510991225, days: 1 },
  { seed: 271828419, days: 1 },
  // A close in seconds and the mirror of a push at its time are one fact.
  { seed: 300382844, days: 1 },
  // The history had an event only after its subscription had been made again under its id.
  { seed: 223415080, days: 1 },
])('nothing is lost in seed $seed over $days days', async ({ seed, days }) => {
  expect((await simulate({ seed, days })).violations).toEqual([]);
});
