import { readSecrets, secretsInForce } from '../subscriptions/signing-secret.ts';
import type { SubscriptionConfig, SubscriptionState } from '../subscriptions/subscription.ts';
import { isSigningSecret } from '../subscriptions/webhook-signature.ts';
import type { DeliveryRecord } from './delivery-ledger.ts';
import type { DeliveryMessage } from './delivery-message.ts';
import { lastSafeInstant } from './retry-schedule.ts';

/** A subscription as its two records are found; people may have written nonsense into `config`. */
export interface DeliverableSubscription {
  readonly config?: Partial<SubscriptionConfig>;
  readonly state?: SubscriptionState;
}

export type PostponeReason =
  | 'not-due'
  | 'duplicate'
  | 'throttled'
  | 'circuit-open'
  | 'paused'
  | 'disabled'
  | 'not-ready';

export type DeliveryPlan =
  | { readonly kind: 'attempt' }
  /** Nothing is left to do: it had its end, or its replay was called off. */
  | { readonly kind: 'acknowledge'; readonly reason: DeliveryRecord['state'] | 'replay-cancelled' }
  /** Not now, and it counts as no attempt. `until` in epoch ms. */
  | { readonly kind: 'postpone'; readonly until: number; readonly reason: PostponeReason }
  /** It would wait on, but the queue is about to forget it. */
  | { readonly kind: 'expire'; readonly reason: PostponeReason };

/** How long to wait for what has no time of its own: a person who resumes, a subscription that becomes ready. */
const lookAgainMs = 2 * 60 * 1000;
/**
 * While a circuit is open the mapping is off; this is for the batches that were under way. Where the probe is overdue,
 * `provision` has not heard of the circuit and the mapping is on: until the next look at all routes, a message that came
 * back every few seconds would be received so often that it ended in the dead-letter queue.
 */
const maxCircuitHoldMs = 15 * 60 * 1000;
/** What waited for the same instant does not come back in the same instant. */
const spreadMs = 10 * 1000;
/** A second message of an event lets the first have its turn; if the first is gone, the second takes over. */
const duplicateGraceMs = 60 * 1000;

export interface PlanContext {
  readonly now: number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** The one attempt that finds out whether an open circuit can close. */
  readonly isProbe: boolean;
}

/** What to do with each message of a batch, given what is known of it and of its subscriber. */
export function deliveryPlanner(
  subscriber: DeliverableSubscription,
  { now, random, isProbe }: PlanContext,
): (message: DeliveryMessage, record: DeliveryRecord | undefined) => DeliveryPlan {
  const forAll = subscriberHold(subscriber, now, isProbe);
  return (message, record) => {
    const spread = Math.floor(random() * spreadMs);
    const { replayName } = message;
    if (replayName !== undefined && subscriber.state?.cancelledReplays?.includes(replayName)) {
      return { kind: 'acknowledge', reason: 'replay-cancelled' };
    }
    if (record !== undefined && record.state !== 'retrying' && !isReplayed(message, record)) {
      return { kind: 'acknowledge', reason: record.state };
    }
    const hold =
      forAll === undefined
        ? messageHold(message, record, now)
        : { until: forAll.until + spread, reason: forAll.reason };
    if (hold === undefined) return { kind: 'attempt' };
    const last = lastSafeInstant(message.sentAt);
    if (last <= now) return { kind: 'expire', reason: hold.reason };
    return { kind: 'postpone', reason: hold.reason, until: Math.min(hold.until, last) };
  };
}

function isReplayed(message: DeliveryMessage, record: DeliveryRecord): boolean {
  const { replayName } = message;
  if (replayName === undefined || record.replayName === replayName) return false;
  return record.state !== 'delivered' || message.replaysDelivered;
}

interface Hold {
  readonly until: number;
  readonly reason: PostponeReason;
}

/** What keeps all messages back. */
function subscriberHold(subscriber: DeliverableSubscription, now: number, isProbe: boolean): Hold | undefined {
  const { config, state } = subscriber;
  if (config === undefined || typeof config.url !== 'string' || state?.provisioning === 'rejected') {
    return { until: now + lookAgainMs, reason: 'not-ready' };
  }
  // An unsigned delivery is never sent.
  if (signingSecrets(subscriber, now).length === 0) return { until: now + lookAgainMs, reason: 'not-ready' };
  if (state?.disabled !== undefined) return { until: now + lookAgainMs, reason: 'disabled' };
  if (config.status === 'paused') return { until: now + lookAgainMs, reason: 'paused' };
  if (state?.throttledUntil !== undefined && state.throttledUntil > now) {
    return { until: state.throttledUntil, reason: 'throttled' };
  }
  if (state?.circuit?.state === 'open' && !isProbe) {
    const { probeAt } = state.circuit;
    const until = probeAt > now ? Math.min(probeAt, now + maxCircuitHoldMs) : now + lookAgainMs;
    return { until, reason: 'circuit-open' };
  }
  return undefined;
}

function messageHold(message: DeliveryMessage, record: DeliveryRecord | undefined, now: number): Hold | undefined {
  if (record?.state !== 'retrying' || record.nextAttemptAt === undefined) return undefined;
  const isCarrier = record.messageId === undefined || record.messageId === message.messageId;
  const until = record.nextAttemptAt + (isCarrier ? 0 : duplicateGraceMs);
  return until > now ? { until, reason: isCarrier ? 'not-due' : 'duplicate' } : undefined;
}

/**
 * The secrets that sign at `now`, newest first; none where the subscription is not ready. One that cannot sign, in an
 * item that was written by hand, is left out.
 */
export function signingSecrets({ config, state }: DeliverableSubscription, now: number): readonly string[] {
  const own = readSecrets(config?.secrets);
  const stored = own.length > 0 ? own : readSecrets(state?.generatedSecrets);
  const usable = stored.filter(({ secret }) => isSigningSecret(secret));
  return [...new Set(secretsInForce(usable, now).map(({ secret }) => secret))];
}
