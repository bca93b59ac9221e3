import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { DeliveryMessage } from '../domain/deliveries/delivery-message.ts';
import { deliveryEnded } from '../domain/deliveries/operational-event.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import type { Settlement } from './settlement.ts';

/** An event that is exhausted, or that its receiver does not want. */
export interface Ended {
  readonly message: DeliveryMessage;
  readonly record: DeliveryRecord;
}

/** Publish, then mark: that an event has ended is published before it is written down; what could not be published stays. */
export async function settleEnded(
  ended: readonly Ended[],
  { publisher, metrics, subscriptionId, log, clock }: DeliverDeps,
): Promise<Settlement[]> {
  // Nothing is published about an operational event that was not delivered, or one could bring forth the next for ever.
  const published = ended.filter(({ message }) => !message.isOperational);
  const now = clock();
  if (published.length > 0) {
    const outcome = await publisher.publish(
      published.map(({ message, record }) => deliveryEnded(subscriptionId, message, record, now)),
    );
    if (outcome.kind !== 'published') {
      log.error('could not publish how deliveries ended', { subscriptionId, outcome: outcome.kind });
      return ended.map((one) =>
        published.includes(one) ? { ...one, record: undefined, stays: { reason: 'unpublished' } } : one,
      );
    }
  }
  const exhausted = ended.filter(({ record }) => record.state === 'exhausted').length;
  if (exhausted > 0) metrics.add('DeliveriesExhausted', exhausted, { subscriptionId });
  return [...ended];
}
