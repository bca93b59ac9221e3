import { maxAttempts } from '../../lambdas/domain/deliveries/retry-schedule.ts';
import { filling } from './batches.ts';
import { usdOf } from './bill.ts';
import { type Case, defaultCase } from './case.ts';
import { usageOfDelivery } from './model/delivery-usage.ts';
import { ledgerWrites, usageOfFailedAttempt } from './model/failure-usage.ts';
import { unitsOf } from './model/queue.ts';
import { queueUnitBytes } from './stated.ts';
import type { Units } from './units.ts';
import { sumOf, times } from './usage.ts';

/** USD of a day at 100 events a second for one subscriber. */
export interface FailingDay {
  readonly what: string;
  readonly small: number;
  readonly large: number;
}

export function failingDays(units: Units): FailingDay[] {
  const usual = { ...defaultCase(units), rate: 100 };
  const events = 100 * 86_400;
  const both = (what: string, usd: (load: Case) => number): FailingDay => ({
    what,
    small: usd({ ...usual, eventBytes: 400 }),
    large: usd({ ...usual, eventBytes: 10_000 }),
  });
  const perDelivery = (load: Case): number =>
    usdOf(sumOf(...usageOfDelivery(load, filling(load, units), units).values()));
  return [
    both('delivered as it comes, for comparison', (load) => events * perDelivery(load)),
    both('every answer is a 500: the circuit is open, the queue fills', (load) =>
      usdOf({ queueRequest: events * unitsOf(load.eventBytes + units.envelopeBytes, queueUnitBytes) }),
    ),
    both('half of the answers are a 500: each event takes two attempts, on average', (load) => {
      const failing = { ...load, failingPercent: 50 };
      const attempt = usageOfFailedAttempt(failing, filling(failing, units), units);
      const { first, deliveryMore, further } = ledgerWrites(failing, units);
      const writes = { tableWriteUnit: (first + deliveryMore + further) / 2 };
      return events * (perDelivery(failing) + usdOf(sumOf(attempt, writes)));
    }),
  ];
}

/** USD for a million failed attempts of events that are tried again. */
export function failedAttemptUsd(units: Units, of: Partial<Case>): number {
  const load = { ...defaultCase(units), ...of };
  const { further } = ledgerWrites(load, units);
  const attempt = usageOfFailedAttempt(load, filling(load, units), units);
  return usdOf(sumOf(times(attempt, 1_000_000), { tableWriteUnit: further * 1_000_000 }));
}

/** USD for a million events that fail at every attempt. */
export function exhaustedUsd(units: Units, of: Partial<Case>): number {
  const load = { ...defaultCase(units), ...of };
  const { first, further } = ledgerWrites(load, units);
  const attempts = times(usageOfFailedAttempt(load, filling(load, units), units), maxAttempts);
  // Its end is an event of its own.
  const each = sumOf(attempts, { tableWriteUnit: first + (maxAttempts - 1) * further, busEvent: 1 });
  return usdOf(times(each, 1_000_000));
}
