import type { JsonObject } from '../../json/json.ts';
import type { SubscriptionState } from '../subscriptions/subscription.ts';
import {
  carriedByMessage,
  type DeliveryRecord,
  isOfPredecessor,
  lostAfterMs,
  type RetryPlace,
} from './delivery-ledger.ts';
import { believable, queueRetentionSeconds } from './retry-schedule.ts';

/*
 * What becomes of an event that is due by the ledger's index `due`: it waited in the ledger for its next attempt, or its
 * message should have been tried long ago. See docs/decisions/0014-what-waits-long-waits-in-the-ledger.md.
 */

/** The sweep runs every minute; what falls due before the next one is put into the queue now, delayed. */
export const dueHorizonSeconds = 75;

export type DueStep =
  /** Put it into its subscriber's queue. */
  | { readonly kind: 'send'; readonly delaySeconds: number }
  /** Its message rightly waits: look after it again then. */
  | { readonly kind: 'recheck'; readonly dueAt: number }
  | { readonly kind: 'exhaust'; readonly reason: string; readonly isPublished: boolean };

/** Both records of its subscription, as they are stored. */
interface Subscriber {
  readonly config?: JsonObject;
  readonly state?: SubscriptionState;
}

export function dueStep(record: DeliveryRecord, subscriber: Subscriber, now: number): DueStep {
  if (subscriber.config === undefined || isOfPredecessor(record, subscriber.state)) {
    return { kind: 'exhaust', reason: 'its subscription was deleted', isPublished: false };
  }
  const { messageId, queuedAt = now } = record;
  if (isStopped(subscriber)) {
    const waitsSince = record.nextAttemptAt ?? now;
    // One that left the queue untried has been sent anew, and is as old as it was.
    const forgottenAt = Math.min(queuedAt, waitsSince) + queueRetentionSeconds * 1000;
    if (forgottenAt <= now) {
      return { kind: 'exhaust', reason: 'expired: deliveries were stopped for 14 days', isPublished: true };
    }
    // Twice as long each time: it is looked at a dozen times in two weeks.
    const dueAt = Math.min(forgottenAt, now + Math.max(lostAfterMs, now - waitsSince));
    if (messageId !== undefined) return { kind: 'recheck', dueAt };
  }
  const nextAttemptAt = believable(record.nextAttemptAt, now) ?? now;
  return { kind: 'send', delaySeconds: Math.max(0, Math.ceil((nextAttemptAt - now) / 1000)) };
}

/** Where the event waits once it is in the queue again. One that is overdue is late from now on. */
export function sentPlace(record: DeliveryRecord, messageId: string, now: number): RetryPlace {
  return {
    ...carriedByMessage(record.webhookId, Math.max(record.nextAttemptAt ?? 0, now), messageId, now),
    nextAttemptAt: record.nextAttemptAt ?? now,
  };
}

/** Nobody reads its queue just now. */
function isStopped({ config, state }: Subscriber): boolean {
  return (
    config?.status === 'paused' ||
    state?.disabled !== undefined ||
    state?.provisioning === 'rejected' ||
    state?.circuit?.state === 'open'
  );
}
