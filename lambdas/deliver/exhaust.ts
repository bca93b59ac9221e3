import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { DeliveryMessage } from '../domain/deliveries/delivery-message.ts';
import { deliveryExhausted } from '../domain/deliveries/operational-event.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import type { Settlement } from './settlement.ts';

/** Publish, then mark: that an event is exhausted is published before it is written down; what could not be published stays in the queue. */
export async function settleExhausted(
  message: DeliveryMessage,
  record: DeliveryRecord,
  { publisher, metrics, subscriptionId, log, clock }: DeliverDeps,
): Promise<Settlement> {
  // Nothing tells of an operational event that could not be delivered, or one could bring forth the next for ever.
  if (!message.isOperational) {
    const told = deliveryExhausted(subscriptionId, message, record.attempts, record.reason ?? '', clock());
    const outcome = await publisher.publish([told]);
    if (outcome.kind !== 'published') {
      log.error('could not publish an operational event', { type: told.detail.type, outcome: outcome.kind });
      return { message, stays: { reason: 'untold' } };
    }
  }
  metrics.add('DeliveriesExhausted', 1, { subscriptionId });
  return { message, record };
}
