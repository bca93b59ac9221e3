import { type DeliveryRecord, dueShards, waitingInLedger } from '../domain/deliveries/delivery-ledger.ts';
import { parseMessage } from '../domain/deliveries/delivery-message.ts';
import { type DueStep, dueHorizonSeconds, dueStep, sentPlace } from '../domain/deliveries/due-delivery.ts';
import { deliveryEnded } from '../domain/deliveries/operational-event.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventPublisher } from '../ports/event-publisher.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import type { DeliveryKey, DueDeliveries, RetryQueues } from './ports.ts';

export interface DueDeliveryDeps {
  readonly subscriptions: SubscriptionStore;
  readonly dueDeliveries: DueDeliveries;
  readonly retryQueues: RetryQueues;
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface DueDeliverySweep {
  /** Throws where the index could not be read; what of one subscription fails is left to the next sweep. */
  sweep(hasTime: () => boolean): Promise<void>;
  /** Makes due at once what waits in the ledger since an attempt before `since`; false where time ran out. */
  retryNow(subscriptionId: string, since: number, hasTime: () => boolean): Promise<boolean>;
}

const movesAtOnce = 25;
/** A subscriber's queue that is not there yet, or not any more, is asked again after this. */
const noQueueMs = 15 * 60 * 1000;

/**
 * Every minute: puts what is due before the next run back into its subscriber's queue, delayed to the second, and then
 * marks it. What a run leaves over, or crashes on between the two, the next one finds again. Nothing of one subscription
 * keeps another's waiting.
 */
export function createDueDeliveries(deps: DueDeliveryDeps): DueDeliverySweep {
  const { subscriptions, dueDeliveries, retryQueues, publisher, clock, metrics, log } = deps;

  async function sweepShard(shard: number, hasTime: () => boolean): Promise<number> {
    let looked = 0;
    for await (const keys of dueDeliveries.due(shard, clock() + dueHorizonSeconds * 1000)) {
      const bySubscription = Map.groupBy(keys, ({ subscriptionId }) => subscriptionId);
      await Promise.all([...bySubscription].map(([id, itsKeys]) => sweepSubscription(id, itsKeys)));
      looked += keys.length;
      if (!hasTime()) {
        log.warn('sweep of due deliveries ran out of time, the next one goes on', { shard, looked });
        break;
      }
    }
    return looked;
  }

  async function sweepSubscription(subscriptionId: string, keys: readonly DeliveryKey[]): Promise<void> {
    try {
      const [stored, records] = await Promise.all([subscriptions.read(subscriptionId), dueDeliveries.read(keys)]);
      const now = clock();
      const due = records.filter(
        ({ state, dueAt = Number.POSITIVE_INFINITY }) =>
          state === 'retrying' && dueAt <= now + dueHorizonSeconds * 1000,
      );
      const steps = due.map((record) => ({ record, step: dueStep(record, stored, now) }));
      await send(steps, stored, now);
      await Promise.all(steps.map(({ record, step }) => settle(record, step, now)));
    } catch (error) {
      log.error('due deliveries not put into the queue, the next sweep finds them again', {
        subscriptionId,
        deliveries: keys.length,
        error,
      });
    }
  }

  /** Send, then mark. */
  async function send(
    steps: readonly { readonly record: DeliveryRecord; readonly step: DueStep }[],
    { subscriptionId }: StoredSubscription,
    now: number,
  ): Promise<void> {
    const sending = steps.flatMap(({ record, step }) =>
      step.kind === 'send' && record.event !== undefined
        ? [{ record, body: record.event, delaySeconds: step.delaySeconds, traceHeader: record.traceHeader }]
        : [],
    );
    if (sending.length === 0) return;
    const messageIds = await retryQueues.send(subscriptionId, sending);
    await Promise.all(
      sending.map(async ({ record }, index) => {
        const messageId = messageIds?.[index];
        if (messageIds === undefined) await dueDeliveries.move(record, { dueAt: now + noQueueMs });
        // What the queue did not take stays due.
        else if (messageId !== undefined) await dueDeliveries.move(record, sentPlace(record, messageId, now));
      }),
    );
    const sent = messageIds?.filter((id) => id !== undefined).length ?? 0;
    metrics.add('RetriesQueued', sent);
    log.info('retries put into the queue', { subscriptionId, sent, of: sending.length });
  }

  async function settle(record: DeliveryRecord, step: DueStep, now: number): Promise<void> {
    if (step.kind === 'recheck') await dueDeliveries.move(record, { dueAt: step.dueAt });
    // Without its event it cannot be sent; such an item was written by hand.
    const isUnsendable = step.kind === 'send' && record.event === undefined;
    if (step.kind !== 'exhaust' && !isUnsendable) return;
    const reason = step.kind === 'exhaust' ? step.reason : 'the ledger does not hold its event';
    if (step.kind === 'exhaust' && step.isPublished && !(await publishExhausted(record, reason, now))) return;
    if (await dueDeliveries.exhaust(record, reason)) {
      metrics.add('DeliveriesExhausted', 1, { subscriptionId: record.subscriptionId });
    }
  }

  /** Publish, then mark. Nothing is published about an operational event, as in the delivery function. */
  async function publishExhausted(record: DeliveryRecord, reason: string, now: number): Promise<boolean> {
    const { subscriptionId, messageId = '', event = '' } = record;
    const parsed = parseMessage({ messageId, receiptHandle: '', body: event, sentAt: now });
    if (parsed.kind === 'malformed' || parsed.message.isOperational) return true;
    const outcome = await publisher.publish([
      deliveryEnded(subscriptionId, parsed.message, { ...record, state: 'exhausted', reason }, now),
    ]);
    return outcome.kind === 'published';
  }

  return {
    async sweep(hasTime) {
      const shards = Array.from({ length: dueShards }, (_, shard) => shard);
      const results = await Promise.allSettled(shards.map((shard) => sweepShard(shard, hasTime)));
      const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      if (failed.length > 0) throw new AggregateError(failed, `${failed.length} shards could not be swept`);
      metrics.add('DueSweepCompleted', 1);
    },

    async retryNow(subscriptionId, since, hasTime) {
      for await (const records of dueDeliveries.waiting(subscriptionId)) {
        const now = clock();
        const later = records.filter(
          ({ dueAt = Number.POSITIVE_INFINITY, lastAttemptAt = 0 }) => dueAt > now && lastAttemptAt < since,
        );
        for (let start = 0; start < later.length; start += movesAtOnce) {
          if (!hasTime()) return false;
          const part = later.slice(start, start + movesAtOnce);
          await Promise.all(part.map((record) => dueDeliveries.move(record, waitingInLedger(record.webhookId, now))));
        }
      }
      return true;
    },
  };
}
