import { filling } from '../batches.ts';
import { usd } from '../bill.ts';
import type { Case } from '../case.ts';
import { deliveredItemBytes } from '../model/delivery-usage.ts';
import { priceOf } from '../prices.ts';
import { storedItemOverheadBytes } from '../stated.ts';
import type { Units } from '../units.ts';
import { load, perMillion } from './loads.ts';
import { table } from './markdown.ts';

const rates = [1, 100] as const;
const million = 1_000_000;
/** Of capacity that is provisioned and follows the load, so much is used. */
const usedCapacity = 0.7;

/** What was decided against, or is for some subscribers only: what it would save, and what it would take away. */
export function savingsTable(units: Units): string {
  const cases = rates.map((rate) => load(units, { rate }));
  const batch = (one: Case): number => filling(one, units).deliveries;
  const change = (of: Partial<Case>) => (one: Case) => perMillion(units, one) - perMillion(units, { ...one, ...of });
  const readUnit = priceOf('tableReadUnit', million);
  const provisioned = (['tableWriteCapacityHour', 'tableReadCapacityHour'] as const).reduce(
    (sum, name) => sum + priceOf(name, million / 3600 / usedCapacity),
    0,
  );
  const stored = (one: Case): number => (deliveredItemBytes(one, units) + storedItemOverheadBytes) * million;
  const { memoryMegabytes } = units.template;
  const waitingMs = (one: Case): number => one.answerMs + units.delivery.callsPerBatch * 6;
  const savings: readonly (readonly [string, (one: Case) => number, string])[] = [
    [
      '[a window of 10 s in which batches gather](subscriptions.md#cheaper-deliveries-that-may-wait), for each subscriber that asks for it',
      change({ windowSeconds: 10 }),
      'up to twenty seconds: it is there, and off by default ([why](decisions/0061-batches-gather-for-those-who-ask.md))',
    ],
    [
      '`maxConcurrency` 5 instead of 10, for each subscriber that asks for it',
      change({ maxConcurrency: 5 }),
      'half of the speed at which a backlog goes',
    ],
    [
      'provisioned capacity for the ledger, of which 70 % are used around the clock',
      () => priceOf('tableWriteUnit', million) + readUnit - provisioned,
      'room for bursts: what goes beyond it is throttled, its batch comes again, and what was sent but could not be written down is sent twice',
    ],
    [
      `an \`eventHistoryDays\` of 0`,
      change({ historyDays: 0 }),
      'search, explanation and resending of single events: it is a choice',
    ],
    [
      'no log line for an attempt that succeeded',
      () => priceOf('logGigabyte', units.delivery.lineBytes * million),
      'the search in all logs for one post’s path; the ledger says less, and not for how long an event waited',
    ],
    [
      'the subscription’s two records read with eventual consistency',
      (one) => readUnit / batch(one),
      'certainty: after a `Retry-After` the next batch may not know of it, a pause or a new secret may be missed for about a second',
    ],
    [
      `delivery functions of 128 instead of ${memoryMegabytes.deliver} MB, as far as they only wait`,
      (one) =>
        priceOf('lambdaGigabyteSecond', (waitingMs(one) / 1000) * ((memoryMegabytes.deliver - 128) / 1024) * million) /
        batch(one),
      'half of the processor: a delivery computes twice as long before and after its post; and the room that Node needs',
    ],
    [
      'a function url instead of the HTTP API',
      (one) => priceOf('apiRequest', million / one.fanOut),
      'the API’s throttling, its access log, and an address of one’s own',
    ],
    [
      'delivered items kept for 15 days instead of 30',
      (one) => (priceOf('tableGigabyteMonth', stored(one)) + priceOf('backupGigabyteMonth', stored(one))) / 2,
      'that a replay of what is older holds back what was delivered: the archive has 30 days',
    ],
    [
      'no point-in-time recovery of the ledger',
      (one) => priceOf('backupGigabyteMonth', stored(one)),
      'the way back after a fault that spoils it: which events were delivered, and those that never were',
    ],
    [
      'the ledger read with eventual consistency',
      () => readUnit / 2,
      'certainty: an event that comes twice within about a second is delivered twice',
    ],
  ];
  return table(
    ['', '1 post a second', '100 posts a second', 'what it would take away'],
    savings.map(([what, saves, takesAway]) => [what, ...cases.map((one) => usd(saves(one))), takesAway]),
    3,
  );
}
