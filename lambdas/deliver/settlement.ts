import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { QueuedMessage } from '../domain/deliveries/delivery-message.ts';
import type { PostponeReason } from '../domain/deliveries/delivery-plan.ts';
import type { LedgerWrite } from './ports.ts';

/** Where a message is left: what to write down, and whether it stays in the queue. */
export interface Settlement {
  readonly message: QueuedMessage;
  readonly record?: DeliveryRecord | undefined;
  readonly isBesidesRetries?: boolean;
  /** Absent: done with, once `record` is written. `until` (epoch ms): hidden so long; without it, until its visibility timeout ends. */
  readonly stays?: {
    readonly until?: number;
    readonly reason: PostponeReason | 'no-time' | 'retry' | 'malformed' | 'unpublished';
  };
}

/** `records` as they were read, by webhook id. */
export function writesOf(
  settlements: readonly Settlement[],
  records: ReadonlyMap<string, DeliveryRecord>,
): LedgerWrite[] {
  return settlements.flatMap(({ record, isBesidesRetries = false }) =>
    record === undefined ? [] : [{ record, known: records.get(record.webhookId), isBesidesRetries }],
  );
}
