import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usd } from '../bill.ts';
import type { Case } from '../case.ts';
import type { Units } from '../units.ts';
import { billFor, perMillion } from './loads.ts';
import { table } from './markdown.ts';

/** As measured before traces, the tables' key, kept answers and metrics were changed. */
const before = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'units-before.json'), 'utf8')) as Units;

const targets: readonly (readonly [string, number, (units: Units, of?: Partial<Case>) => number])[] = [
  ...(
    [
      [10, 1, 3.9],
      [10, 100, 2.6],
      [1, 1, 9],
      [1, 100, 6.5],
    ] as const
  ).map(
    ([fanOut, rate, target]) =>
      [
        `a million deliveries, fan-out ${fanOut}, ${rate} a second`,
        target,
        (units: Units, of: Partial<Case> = {}) => perMillion(units, { rate, fanOut, ...of }),
      ] as const,
  ),
  [
    '300 subscribers at rest, a month',
    45,
    (units: Units) => billFor(units, { rate: 0, fanOut: 300, subscribers: 300 }).total,
  ],
];

export function beforeAndAfterTable(units: Units): string {
  return table(
    ['USD', 'before', 'now', 'now, without event history', 'aimed at'],
    targets.map(([what, target, of]) => [
      what,
      usd(of(before)),
      usd(of(units)),
      usd(of(units, { historyDays: 0 })),
      usd(target),
    ]),
  );
}

/** The largest parts of what is left, without the event history. */
export function heldTable(units: Units): string {
  const loads = [
    { rate: 1, fanOut: 10 },
    { rate: 100, fanOut: 10 },
    { rate: 1, fanOut: 1 },
    { rate: 100, fanOut: 1 },
  ];
  return table(
    ['a million deliveries', 'parts, in USD'],
    loads.map((load) => {
      const { byPart, month } = billFor(units, { ...load, historyDays: 0 });
      const each = [...byPart]
        .filter(([part]) => part !== 'monthly base')
        .map(([part, value]) => [part, (value / month.deliveries) * 1_000_000] as const)
        .filter(([, value]) => value >= 0.095)
        .toSorted(([, one], [, other]) => other - one);
      return [
        `fan-out ${load.fanOut}, ${load.rate} a second`,
        each.map(([part, value]) => `${part} ${usd(value)}`).join(', '),
      ];
    }),
    1,
  );
}
