import { usdOf } from './bill.ts';
import { type Case, defaultCase } from './case.ts';
import { monthOf } from './model/month.ts';
import { daysPerMonth } from './stated.ts';
import type { Units } from './units.ts';

/** USD of one replay of so many days to one of ten subscribers, and of one search of the logs of a month. */
export function mistakes(units: Units, rate: number): { readonly replay: number; readonly search: number } {
  const load = { ...defaultCase(units), rate, fanOut: 10, subscribers: 10, replayedDays: daysPerMonth };
  const part = (of: Case, name: 'replays' | 'log queries'): number => usdOf(monthOf(of, units).usage.get(name) ?? {});
  return {
    replay: part(load, 'replays'),
    search: daysPerMonth * part({ ...load, replayedDays: 0, logQueries: 1 }, 'log queries'),
  };
}
