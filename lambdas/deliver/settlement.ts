import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { QueuedMessage } from '../domain/deliveries/delivery-message.ts';
import type { PostponeReason } from '../domain/deliveries/delivery-plan.ts';

/** Where a message is left: what to write down, and whether it stays in the queue. */
export interface Settlement {
  readonly message: QueuedMessage;
  readonly record?: DeliveryRecord | undefined;
  /** Absent: done with, once `record` is written. `until` (epoch ms): hidden so long; without it, until its visibility timeout ends. */
  readonly stays?: {
    readonly until?: number;
    readonly reason: PostponeReason | 'no-time' | 'retry' | 'malformed' | 'unpublished';
  };
}
