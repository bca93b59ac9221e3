import { billPerMillion, totalOf } from './bill.ts';
import { type Filling, floorPerMillion } from './floor.ts';
import type { Played } from './play.ts';
import { type Part, parts } from './usage.ts';

export const targetPerMillionDeliveries = 1.6;
/** The fan-out that the target is for. */
export const targetFanOut = 10;
/** As many as a batch takes (domain/desired-route.ts). */
export const fullBatch = 10;

/** What a million deliveries cost, and what they cannot cost less than. USD. */
export interface DeliveryBill {
  readonly byPart: ReadonlyMap<Part, number>;
  readonly total: number;
  readonly floor: number;
  readonly filling: Filling;
}

export function deliveryBill({ usage, deliveries, scenario, messagesPerBatch }: Played): DeliveryBill {
  const byPart = billPerMillion(usage, deliveries);
  const filling = { fanOut: scenario.fanOut, messagesPerBatch };
  return { byPart, total: totalOf(byPart), floor: floorPerMillion(filling), filling };
}

/** The largest part of the first bill first: each part's name, and what it comes to in each bill. */
export function rowsByPart(bills: readonly DeliveryBill[]): readonly (readonly [Part, readonly number[]])[] {
  return parts
    .map((part) => [part, bills.map(({ byPart }) => byPart.get(part) ?? 0)] as const)
    .sort(([, [left = 0]], [, [right = 0]]) => right - left);
}

export function usd(value: number): string {
  return value.toFixed(value < 0.095 ? 3 : 2);
}

/** `1.20 (29 %)` */
export function withShare(value: number, total: number): string {
  return `${usd(value)} (${Math.round((100 * value) / total)} %)`;
}
