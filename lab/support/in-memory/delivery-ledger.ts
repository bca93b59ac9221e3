import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';

/** What a write makes of the stored record: a success is forgotten for a replay's failure only. */
export function ledgerWrite(stored: DeliveryRecord | undefined, record: DeliveryRecord): DeliveryRecord {
  const mayOverwrite = record.state === 'delivered' || record.replayName !== undefined;
  return stored?.state === 'delivered' && !mayOverwrite ? stored : record;
}

/** What a batch reads of these records: all but the stored event and response. */
export function ledgerRead(
  webhookIds: readonly string[],
  stored: (webhookId: string) => DeliveryRecord | undefined,
): Map<string, DeliveryRecord> {
  const found = new Map<string, DeliveryRecord>();
  for (const id of webhookIds) {
    const record = stored(id);
    if (record === undefined) continue;
    const { event: _, responseHead: __, ...read } = record;
    found.set(id, read);
  }
  return found;
}
