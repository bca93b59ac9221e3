import { type Bill, billOf } from '../bill.ts';
import { type Case, defaultCase } from '../case.ts';
import type { Units } from '../units.ts';

/** The loads that documents show: each subscriber gets every event, but for what is said otherwise. */
export function load(units: Units, of: Partial<Case>): Case {
  const fanOut = of.fanOut ?? 10;
  return { ...defaultCase(units), fanOut, subscribers: fanOut, ...of };
}

export function billFor(units: Units, of: Partial<Case>): Bill {
  return billOf(load(units, of), units);
}

/** USD for a million deliveries, without the monthly base. */
export function perMillion(units: Units, of: Partial<Case>): number {
  return billFor(units, of).perMillion ?? 0;
}
