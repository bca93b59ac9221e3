import type { DeliveryRecord } from '../domain/delivery-ledger.ts';
import type { JsonObject } from '../domain/json.ts';

/** Reads what became of a subscription's events. */
export interface DeliveryLog {
  /** Undefined: it was never tried. */
  read(subscriptionId: string, webhookId: string): Promise<DeliveryRecord | undefined>;
  /** Undelivered ones newest failure first; others in no order that means anything. */
  list(
    subscriptionId: string,
    query: DeliveryQuery,
  ): Promise<{ readonly deliveries: DeliveryRecord[]; readonly next?: JsonObject }>;
}

export interface DeliveryQuery {
  /** `undelivered`: all but `delivered`. Absent: all. */
  readonly state?: DeliveryRecord['state'] | 'undelivered';
  /** Undelivered ones that first failed within this time; epoch ms, both inclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Of one replay only. */
  readonly replayName?: string;
  /** The stored event too, which may be large. */
  readonly withEvent?: boolean;
  readonly limit: number;
  readonly after?: JsonObject;
}
