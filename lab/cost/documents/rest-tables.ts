import { usd } from '../bill.ts';
import { priceOf } from '../prices.ts';
import { hoursPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import { billFor } from './loads.ts';
import { bold, table } from './markdown.ts';

const counts = [0, 1, 10, 100, 300];

export function restTable(units: Units): string {
  return table(
    ['subscribers', 'nothing happens', 'one event an hour each'],
    counts.map((subscribers) => [
      String(subscribers),
      usd(billFor(units, { rate: 0, fanOut: subscribers, subscribers }).total),
      subscribers === 0 ? '' : usd(billFor(units, { rate: 1 / 3600, fanOut: subscribers, subscribers }).total),
    ]),
  );
}

export function baseTable(units: Units): string {
  const shown = [0, 10, 300];
  const bills = shown.map((subscribers) => billFor(units, { rate: 0, fanOut: subscribers, subscribers }));
  const [empty] = bills;
  const lines = (empty?.baseLines ?? []).map(({ what }, index) => [
    what.replace(/: \d.*/, ''),
    ...bills.map((bill) => usd(bill.baseLines[index]?.usd ?? 0)),
  ]);
  return table(
    ['USD a month', ...shown.map((count) => `${count} subscribers`)],
    [
      ...lines.filter((cells) => cells.slice(1).some((cell) => cell !== '0.000')),
      [bold('at rest'), ...bills.map(({ base }) => bold(usd(base)))],
    ],
  );
}

/** USD a month for each subscriber: while nothing happens, and more once it gets events. */
export function perSubscriber(units: Units): {
  readonly atRest: number;
  readonly withEvents: number;
  /** Once, whoever is the first: what the stack has of subscribers as soon as there are any. */
  readonly first: number;
} {
  const base = (rate: number, subscribers: number): number =>
    billFor(units, { rate, fanOut: subscribers, subscribers }).base;
  const atRest = (base(0, 11) - base(0, 1)) / 10;
  return {
    atRest,
    withEvents: (base(1, 11) - base(1, 1)) / 10 - atRest,
    first: base(0, 1) - base(0, 0) - atRest,
  };
}

/** Two small servers, a database in two zones with 50 GB, and a load balancer; USD a month. */
export function ownServerUsd(): number {
  return (
    priceOf('serverHour', 2 * hoursPerMonth) +
    priceOf('databaseHour', hoursPerMonth) +
    priceOf('databaseGigabyteMonth', 50) +
    priceOf('loadBalancerHour', hoursPerMonth)
  );
}

/** Posts a second from which on this stack costs more than such servers. */
export function breakEvenRate(units: Units, fanOut: number): number {
  let [low, high] = [0, 1000];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (billFor(units, { rate: middle, fanOut }).total > ownServerUsd()) high = middle;
    else low = middle;
  }
  return low;
}
