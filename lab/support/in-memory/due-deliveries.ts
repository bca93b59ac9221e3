import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { DueDeliveries } from '../../../lambdas/provision/ports.ts';

/** Where the items are: a map by webhook id for each subscription. */
type Ledger = ReadonlyMap<string, Map<string, DeliveryRecord>>;

const keysPerPage = 100;

export function inMemoryDueDeliveries(ledger: Ledger): DueDeliveries {
  function change(read: DeliveryRecord, next: (stored: DeliveryRecord) => DeliveryRecord): boolean {
    const items = ledger.get(read.subscriptionId);
    const stored = items?.get(read.webhookId);
    if (items === undefined || stored?.state !== 'retrying' || stored.dueAt !== read.dueAt) return false;
    items.set(read.webhookId, next(stored));
    return true;
  }

  return {
    async *due(shard, until) {
      const due: DeliveryRecord[] = [];
      for (const items of ledger.values()) {
        for (const record of items.values()) {
          if (record.dueAt !== undefined && record.dueAt <= until && record.dueShard === shard) due.push(record);
        }
      }
      due.sort((one, other) => (one.dueAt ?? 0) - (other.dueAt ?? 0));
      for (let start = 0; start < due.length; start += keysPerPage) yield due.slice(start, start + keysPerPage);
    },
    async *waiting(subscriptionId) {
      yield [...(ledger.get(subscriptionId)?.values() ?? [])].filter(
        ({ state, messageId, dueAt }) => state === 'retrying' && (messageId === undefined || dueAt === undefined),
      );
    },
    async read(keys) {
      return keys.flatMap(({ subscriptionId, webhookId }) => ledger.get(subscriptionId)?.get(webhookId) ?? []);
    },
    async move(record, place) {
      return change(record, (stored) => {
        if (!('nextAttemptAt' in place)) return { ...stored, ...place };
        const { messageId: _, queuedAt: __, ...rest } = stored;
        return { ...rest, ...place };
      });
    },
    async exhaust(record, reason) {
      return change(record, (stored) => {
        const { nextAttemptAt: _, messageId: __, queuedAt: ___, dueAt: ____, dueShard: _____, ...rest } = stored;
        return { ...rest, state: 'exhausted', reason };
      });
    },
  };
}
