import type { Case } from './case.ts';
import { baseLines } from './model/base-usage.ts';
import { type Month, monthOf } from './model/month.ts';
import { type PriceName, priceOf } from './prices.ts';
import type { Units } from './units.ts';
import { type Part, parts, type Quantities, sumOf, type Usage } from './usage.ts';

/** USD of a month. */
export interface Bill {
  readonly month: Month;
  readonly byPart: ReadonlyMap<Part, number>;
  readonly total: number;
  /** What is paid whether anything happens or not; the rest follows the load. */
  readonly base: number;
  readonly baseLines: readonly { readonly what: string; readonly usd: number }[];
  /** USD for a million deliveries, without the base; undefined: there is not one in a month. */
  readonly perMillion: number | undefined;
}

export function billOf(load: Case, units: Units): Bill {
  const month = monthOf(load, units);
  const byPart = usdByPart(month.usage);
  const total = [...byPart.values()].reduce((sum, usd) => sum + usd, 0);
  const base = byPart.get('monthly base') ?? 0;
  return {
    month,
    byPart,
    total,
    base,
    baseLines: baseLines(load, units).map(({ what, quantities }) => ({ what, usd: usdOf(quantities) })),
    perMillion: month.deliveries < 1 ? undefined : ((total - base) / month.deliveries) * 1_000_000,
  };
}

/** Each part's share of the price of all: a step of a price counts for each part alike. */
function usdByPart(usage: Usage): Map<Part, number> {
  const all = sumOf(...usage.values());
  const each = new Map(
    (Object.entries(all) as [PriceName, number][]).map(([name, quantity]) => [
      name,
      quantity === 0 ? 0 : priceOf(name, quantity) / quantity,
    ]),
  );
  return new Map(
    parts.map((part) => {
      const quantities = Object.entries(usage.get(part) ?? {}) as [PriceName, number][];
      return [part, quantities.reduce((sum, [name, quantity]) => sum + quantity * (each.get(name) ?? 0), 0)];
    }),
  );
}

/** At the first step of each price. */
export function usdOf(quantities: Quantities): number {
  return (Object.entries(quantities) as [PriceName, number][]).reduce(
    (sum, [name, quantity]) => sum + priceOf(name, quantity),
    0,
  );
}

export function usd(value: number): string {
  if (value >= 99.5) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value < 0.095 ? 3 : 2);
}
