import type { PriceName } from './prices.ts';

/** What is billed, each in its price's own unit: requests, GB, months. */
export type Quantities = Readonly<Partial<Record<PriceName, number>>>;

export const parts = [
  'API',
  'ingest',
  'bus',
  'archive',
  'activity',
  'timers',
  'event history',
  'subscribers’ queues',
  'delivery functions',
  'ledger: reads and writes',
  'ledger: storage',
  'logs',
  'sent to the internet',
  'failed attempts',
  'new connections',
  'cold starts',
  'traces',
  'KMS',
  'replays',
  'log queries',
  'monthly base',
] as const;
export type Part = (typeof parts)[number];

/** What is billed, by the part of the system that it comes from. */
export type Usage = ReadonlyMap<Part, Quantities>;

export function sumOf(...quantities: readonly Quantities[]): Quantities {
  const sum: Partial<Record<PriceName, number>> = {};
  for (const one of quantities) {
    for (const [name, quantity] of Object.entries(one) as [PriceName, number][])
      sum[name] = (sum[name] ?? 0) + quantity;
  }
  return sum;
}

export function times(quantities: Quantities, factor: number): Quantities {
  return Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, quantity * factor]));
}

export function usageTimes(usage: Usage, factor: number): Usage {
  return new Map([...usage].map(([part, quantities]) => [part, times(quantities, factor)]));
}

export function addUsage(...usages: readonly Usage[]): Usage {
  return new Map(parts.map((part) => [part, sumOf(...usages.flatMap((usage) => usage.get(part) ?? []))] as const));
}
