import type { LedgerWrite } from '../../../lambdas/deliver/ports.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';

/**
 * What a write makes of the stored record: a success gives way to the failure of what was to repeat that very one, and
 * whatever else was known to a failure besides the retries.
 */
export function ledgerWrite(stored: DeliveryRecord | undefined, write: LedgerWrite): DeliveryRecord {
  const { record, known, isBesidesRetries = false } = write;
  if (stored === undefined || record.state === 'delivered') return record;
  const isKnown = known?.lastAttemptAt === stored.lastAttemptAt;
  if (stored.state !== 'delivered') return isBesidesRetries && !isKnown ? stored : record;
  return known?.state === 'delivered' && isKnown ? record : stored;
}

/** What a batch reads of these records: all but the stored event. */
export function ledgerRead(
  webhookIds: readonly string[],
  stored: (webhookId: string) => DeliveryRecord | undefined,
): Map<string, DeliveryRecord> {
  const found = new Map<string, DeliveryRecord>();
  for (const id of webhookIds) {
    const record = stored(id);
    if (record === undefined) continue;
    const { event: _, ...read } = record;
    found.set(id, read);
  }
  return found;
}
