import { type PriceName, priceOf } from './prices.ts';
import { type Part, parts, type Usage } from './usage.ts';

/** USD for a million of something, by part. */
export type Bill = ReadonlyMap<Part, number>;

/** `count`: of how many events, or deliveries, the usage is. */
export function billPerMillion(usage: Usage, count: number): Bill {
  return new Map(
    parts.map((part) => {
      const used = Object.entries(usage.get(part) ?? {}) as [PriceName, number][];
      const usd = used.reduce((sum, [name, quantity]) => sum + priceOf(name, quantity), 0);
      return [part, (usd / count) * 1_000_000];
    }),
  );
}

export function totalOf(bill: Bill): number {
  return [...bill.values()].reduce((sum, usd) => sum + usd, 0);
}
