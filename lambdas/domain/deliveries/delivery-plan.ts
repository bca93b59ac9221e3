import { readSecrets, secretsInForce } from '../subscriptions/signing-secret.ts';
import type { SubscriptionConfig, SubscriptionState } from '../subscriptions/subscription.ts';
import { isSigningSecret } from '../subscriptions/webhook-signature.ts';
import { type DeliveryRecord, fitsIntoQueue, isInLedger, isStillAskedFor, lostAfterMs } from './delivery-ledger.ts';
import type { DeliveryMessage, QueuedMessage } from './delivery-message.ts';
import { believable, lastSafeInstant } from './retry-schedule.ts';

/** A subscription as its two records are found; people may have written nonsense into `config`. */
export interface DeliverableSubscription {
  readonly config?: Partial<SubscriptionConfig>;
  readonly state?: SubscriptionState;
}

export type PostponeReason = 'not-due' | 'throttled' | 'circuit-open' | 'paused' | 'disabled' | 'not-ready';

type FinalState = Exclude<DeliveryRecord['state'], 'retrying'>;

export type DeliveryPlan =
  | { readonly kind: 'attempt' }
  /** A copy of what had its end, of what the ledger or another message carries, or of a cancelled replay: nothing is lost with it. */
  | {
      readonly kind: 'acknowledge';
      readonly reason: FinalState | 'replay-cancelled' | 'in-ledger' | 'carried-by-another';
    }
  /**
   * The ledger takes it over: its next attempt is too far away for the queue, it would lose its place there, or it
   * `takesOver` the attempts that a replay has begun, which go on without that.
   */
  | { readonly kind: 'leave-queue'; readonly takesOver: boolean }
  /** The replay that this event is tried for was called off: the event ends with it. */
  | { readonly kind: 'discard'; readonly reason: string }
  /** Not now, and it counts as no attempt. `until` in epoch ms. */
  | { readonly kind: 'postpone'; readonly until: number; readonly reason: PostponeReason }
  /** It would wait on, but the queue is about to forget it. */
  | { readonly kind: 'expire'; readonly reason: PostponeReason };

type ParkingPlan = Extract<DeliveryPlan, { readonly kind: 'acknowledge' | 'leave-queue' }>;

type MessageWait = Extract<DeliveryPlan, { readonly kind: 'postpone' | 'acknowledge' | 'leave-queue' }>;

/** How long to wait for what has no time of its own: a person who resumes, a subscription that becomes ready. */
export const recheckMs = 2 * 60 * 1000;
/**
 * While a circuit is open the mapping is off; this is for the batches that were under way. Where the probe is overdue,
 * `provision` has not heard of the circuit and the mapping is on: until the next look at all routes, a message that came
 * back every few seconds would be received so often that it ended in the dead-letter queue.
 */
const maxWaitMs = 15 * 60 * 1000;
/** What the ledger carries is sent by a sweep that may have begun before this batch was read. */
const sweepUnderWayMs = 3 * 60 * 1000;
/** One less than moves a message to the back: a run that ends halfway may cost another receive. */
const maxReceives = 2;
/** So far behind younger messages parking still finds a message in time: see deliver/park.ts `horizonMs`. */
const maxSetBackMs = 3 * 60 * 60 * 1000;
/** What waited for the same instant does not come back in the same instant. */
const spreadMs = 10 * 1000;

export interface PlanContext {
  readonly now: number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** The one attempt that finds out whether an open circuit can close. */
  readonly isProbe: boolean;
}

/** Whether nothing is sent to the subscriber just now. */
export function isHeldBack(subscriber: DeliverableSubscription, { now, isProbe }: PlanContext): boolean {
  return waitOfSubscriber(subscriber, now, isProbe) !== undefined;
}

/** What to do with each message of a batch, given what is known of it and of its subscriber. */
export function deliveryPlanner(
  subscriber: DeliverableSubscription,
  { now, random, isProbe }: PlanContext,
): (message: DeliveryMessage, record: DeliveryRecord | undefined) => DeliveryPlan {
  const waitOfAll = waitOfSubscriber(subscriber, now, isProbe);
  const cancelledReplays = subscriber.state?.cancelledReplays ?? [];
  return (message, record) => {
    const spread = Math.floor(random() * spreadMs);
    const dropped = dropCancelled(message, record, cancelledReplays);
    if (dropped !== undefined) return dropped;
    if (record !== undefined && record.state !== 'retrying' && !beginsAgain(message, record, cancelledReplays)) {
      return { kind: 'acknowledge', reason: record.state };
    }
    const own = waitOfMessage(message, record, now, { cancelledReplays, isFlowing: waitOfAll === undefined });
    if (own !== undefined && (own.kind !== 'postpone' || waitOfAll === undefined)) return own;
    if (waitOfAll === undefined || (isWantedNow(message, record) && isSystems(waitOfAll))) return { kind: 'attempt' };
    const { reason } = waitOfAll;
    const last = lastSafeInstant(message.sentAt);
    if (last <= now) return { kind: 'expire', reason };
    // The queue of one that is only throttled is read on.
    if (reason !== 'throttled' && losesItsPlace(message, now)) return parkingPlan(message, record, cancelledReplays);
    // Hidden for no longer than this, so that little is in flight of what nobody can try.
    const until = Math.min(waitOfAll.until, now + maxWaitMs) + spread;
    return { kind: 'postpone', reason, until: Math.min(until, last) };
  };
}

/**
 * A cancelled replay takes along only what belongs to it: copies that it has put into the queue, and the attempts that
 * it began. An event that was being tried before the replay, or waited untried, goes on.
 */
function dropCancelled(
  { replayName, messageId }: DeliveryMessage,
  record: DeliveryRecord | undefined,
  cancelledReplays: readonly string[],
): DeliveryPlan | undefined {
  if (replayName === undefined || !cancelledReplays.includes(replayName)) return undefined;
  if (record?.state === 'retrying') {
    if (record.replayName === replayName) return { kind: 'discard', reason: `its replay ${replayName} was cancelled` };
    // It has taken over the attempts of the event's own message.
    if (record.messageId === messageId) return undefined;
  }
  return { kind: 'acknowledge', reason: 'replay-cancelled' };
}

/**
 * Whether an event that had its end is tried anew, with all its attempts. A replay begins one that failed once for each
 * time that the queue hands its message out after another replay: more attempts than were asked for, and nothing twice.
 */
function beginsAgain(message: DeliveryMessage, record: DeliveryRecord, cancelledReplays: readonly string[]): boolean {
  const { replayName, replaysDelivered } = message;
  if (record.replayName === replayName) return false;
  if (replaysDelivered) return isStillAskedFor(message, record);
  if (record.state === 'delivered') return false;
  if (replayName !== undefined) return true;
  // What ended with a cancelled replay did not end for the event itself.
  return record.replayName !== undefined && cancelledReplays.includes(record.replayName);
}

/**
 * Whether a message must not be put back into the queue of a stopped subscriber: SQS moves to the back what was received three
 * times (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html),
 * behind what may be millions, and parking reads the queue from its front. It does no harm to what is young.
 */
export function losesItsPlace({ receiveCount = 0, sentAt }: QueuedMessage, now: number): boolean {
  return receiveCount >= maxReceives && now - sentAt > maxSetBackMs;
}

/**
 * What to do with a message that must not stay in its queue, and is not tried. Done with where the event has had its end, or the
 * ledger or another message carries it for good. Otherwise the ledger carries it on; its attempts are taken over where a replay
 * may end with what it carries.
 */
export function parkingPlan(
  message: DeliveryMessage,
  record: DeliveryRecord | undefined,
  cancelledReplays: readonly string[] = [],
): ParkingPlan {
  const leaves = { kind: 'leave-queue', takesOver: false } as const;
  const isDropped = dropCancelled(message, record, cancelledReplays) !== undefined;
  if (record === undefined) return isDropped ? { kind: 'acknowledge', reason: 'replay-cancelled' } : leaves;
  if (record.state !== 'retrying') {
    const isNeeded = !isDropped && beginsAgain(message, record, cancelledReplays);
    return isNeeded ? leaves : { kind: 'acknowledge', reason: record.state };
  }
  const isCarrier = !isInLedger(record) && (record.dueAt === undefined || record.messageId === message.messageId);
  if (isCarrier) return leaves;
  const takesOver = !isDropped && outlastsOwner(message, record, cancelledReplays);
  return takesOver ? { kind: 'leave-queue', takesOver } : { kind: 'acknowledge', reason: 'carried-by-another' };
}

/**
 * Should the replay that the attempts belong to be cancelled, it takes along what it has begun, and this message must not be
 * done with by then.
 */
function outlastsOwner(
  { replayName }: DeliveryMessage,
  { replayName: owner }: DeliveryRecord,
  cancelledReplays: readonly string[],
): boolean {
  if (owner === undefined || owner === replayName) return false;
  return replayName === undefined || cancelledReplays.includes(owner);
}

/** The messages of each event together: none of the lists is empty. */
export function copiesOfEach<Planned extends { readonly message: DeliveryMessage }>(
  planned: readonly Planned[],
): (readonly [Planned, ...Planned[]])[] {
  const byEvent = Object.groupBy(planned, ({ message }) => message.webhookId);
  return Object.values(byEvent).flatMap(([first, ...others] = []) => (first === undefined ? [] : [[first, ...others]]));
}

/**
 * Which of several messages of one event to keep, by what is planned for each: one with something left to do, for that
 * takes the place of the others; one that is due; one that no cancelled replay can take away; the youngest, which the
 * queue keeps longest. The others are done with.
 */
export function chooseCopy<Planned extends { readonly message: DeliveryMessage; readonly plan: DeliveryPlan }>(
  copies: readonly [Planned, ...Planned[]],
): Planned {
  const rank = ({ plan }: Planned): number => planRanks[plan.kind];
  const isReplay = ({ message }: Planned): number => (message.replayName === undefined ? 0 : 1);
  const [first, ...others] = copies;
  return others.reduce((best, copy) => {
    const order =
      rank(copy) - rank(best) || isReplay(copy) - isReplay(best) || best.message.sentAt - copy.message.sentAt;
    return order < 0 ? copy : best;
  }, first);
}

const planRanks: Readonly<Record<DeliveryPlan['kind'], number>> = {
  attempt: 0,
  postpone: 1,
  'leave-queue': 1,
  expire: 2,
  discard: 3,
  acknowledge: 4,
};

interface Wait {
  readonly until: number;
  readonly reason: PostponeReason;
}

/** What all messages wait for. */
function waitOfSubscriber(subscriber: DeliverableSubscription, now: number, isProbe: boolean): Wait | undefined {
  const { config, state } = subscriber;
  if (config === undefined || typeof config.url !== 'string' || state?.provisioning === 'rejected') {
    return { until: now + recheckMs, reason: 'not-ready' };
  }
  // An unsigned delivery is never sent.
  if (signingSecrets(subscriber, now).length === 0) return { until: now + recheckMs, reason: 'not-ready' };
  if (state?.disabled !== undefined) return { until: now + recheckMs, reason: 'disabled' };
  if (config.status === 'paused') return { until: now + recheckMs, reason: 'paused' };
  const throttledUntil = believable(state?.throttledUntil, now);
  if (throttledUntil !== undefined && throttledUntil > now) return { until: throttledUntil, reason: 'throttled' };
  if (state?.circuit?.state === 'open' && !isProbe) {
    const { probeAt } = state.circuit;
    return { until: probeAt > now ? probeAt : now + recheckMs, reason: 'circuit-open' };
  }
  return undefined;
}

/** The system decided it, so a person who wants one event now overrules it. */
function isSystems({ reason }: Wait): boolean {
  return reason === 'throttled' || reason === 'circuit-open';
}

/** A resend that nothing was tried for yet. */
function isWantedNow(message: DeliveryMessage, record: DeliveryRecord | undefined): boolean {
  return message.isResend && (record === undefined || isStillAskedFor(message, record));
}

/** What a message of an event that is being tried waits for; undefined: it is due. */
function waitOfMessage(
  message: DeliveryMessage,
  record: DeliveryRecord | undefined,
  now: number,
  { cancelledReplays, isFlowing }: { readonly cancelledReplays: readonly string[]; readonly isFlowing: boolean },
): MessageWait | undefined {
  if (record?.state !== 'retrying' || isWantedNow(message, record)) return undefined;
  const { messageId, sentAt, replayName } = message;
  const nextAttemptAt = believable(record.nextAttemptAt, now) ?? 0;
  if (outlastsOwner(message, record, cancelledReplays)) {
    return replayName === undefined && nextAttemptAt <= now ? undefined : { kind: 'leave-queue', takesOver: true };
  }
  if (isInLedger(record) && nextAttemptAt - now > sweepUnderWayMs) return { kind: 'acknowledge', reason: 'in-ledger' };
  const isCarrier = record.messageId === undefined || record.messageId === messageId;
  // Should the other message be lost, the ledger sends another. Behind a backlog of hours it takes each for lost before it comes, and
  // sends one more: there the first to come is tried.
  const isTakenForLost = isFlowing && now - nextAttemptAt >= lostAfterMs;
  if (!isCarrier && record.dueAt !== undefined && !isTakenForLost) {
    return { kind: 'acknowledge', reason: 'carried-by-another' };
  }
  if (nextAttemptAt <= now) return undefined;
  return isCarrier && fitsIntoQueue(nextAttemptAt, sentAt, now)
    ? { kind: 'postpone', until: nextAttemptAt, reason: 'not-due' }
    : { kind: 'leave-queue', takesOver: false };
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
