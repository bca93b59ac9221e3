import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';

/** What everybody reads of a delivery. The event and the answer's first bytes, which may be large, are not among them. */
export const deliveryAttributes = [
  'subscriptionId',
  'webhookId',
  'state',
  'attempts',
  'reason',
  'eventType',
  'occurredAt',
  'firstAttemptAt',
  'lastAttemptAt',
  'lastStatus',
  'lastError',
  'lastErrorMessage',
  'durationMs',
  'history',
  'nextAttemptAt',
  'undeliveredAt',
  'replayName',
] as const satisfies readonly (keyof DeliveryRecord)[];
