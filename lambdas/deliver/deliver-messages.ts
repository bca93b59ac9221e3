import {
  type DeliveryRecord,
  isInLedger,
  ownRecord,
  recordAfter,
  recordInLedger,
} from '../domain/deliveries/delivery-ledger.ts';
import {
  type DeliveryMessage,
  parseMessage,
  type QueuedMessage,
  traceOf,
} from '../domain/deliveries/delivery-message.ts';
import {
  chooseCopy,
  copiesOfEach,
  type DeliverableSubscription,
  type DeliveryPlan,
  deliveryPlanner,
  isHeldBack,
  losesItsPlace,
  parkingPlan,
} from '../domain/deliveries/delivery-plan.ts';
import { batchParallelism } from '../domain/deliveries/endpoint-health.ts';
import { hidingSeconds } from '../domain/deliveries/retry-schedule.ts';
import { type Attempt, type Endpoint, endpointOf, makeAttempt, subjectOf } from './attempts.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { inParallel } from './in-parallel.ts';
import { type Ended, settleEnded } from './settle-ended.ts';
import { type Settlement, writesOf } from './settlement.ts';

/** What became of some messages. */
export interface DeliveredMessages {
  /** Those that must stay in the queue. All others are done with. */
  readonly kept: readonly QueuedMessage[];
  readonly attempts: readonly Attempt[];
  /** Nothing is sent to the subscriber just now. */
  readonly isStopped: boolean;
  /** As it was when they were planned. */
  readonly subscriber: DeliverableSubscription;
}

interface Options {
  readonly isProbe: boolean;
  /** Milliseconds that are left for this invocation. */
  readonly remainingMs: () => number;
}

interface Planned {
  readonly message: DeliveryMessage;
  readonly record: DeliveryRecord | undefined;
  readonly plan: DeliveryPlan;
}

/** An attempt (15 s) and the writes after it must fit into what is left. */
const leastRemainingMs = 25_000;
const shortWaitMs = 5_000;
/** Of shorter waits `EventToDelivered` tells. A metric that has no figure in an hour is not paid for in that hour. */
const leastWaitToTellMs = 60_000;

/**
 * Delivers messages of the queue: one read, the attempts in parallel, one write (one more for what has ended), and then hides
 * what must wait. Throws where the ledger could not be read or written; then all of them must stay, and what was sent may be sent again.
 */
export async function deliverMessages(
  queued: readonly QueuedMessage[],
  deps: DeliverDeps,
  { isProbe, remainingMs }: Options,
): Promise<DeliveredMessages> {
  const { ledger, clock, random } = deps;
  const receivedAt = clock();
  const { messages, malformed } = readAll(queued, deps);
  const { subscriber, records } = await ledger.read(messages.map(({ webhookId }) => webhookId));
  const planning = { now: receivedAt, random, isProbe };
  const planOf = deliveryPlanner(subscriber, planning);
  const plannedCopies = messages.map((message): Planned => {
    // A replay, a repetition or a queue that was still there can bring what a deleted subscription of the same id has had.
    const record = ownRecord(records.get(message.webhookId), subscriber.state);
    return { message, record, plan: planOf(message, record) };
  });
  const planned = copiesOfEach(plannedCopies).flatMap((copies) => {
    const chosen = chooseCopy(copies);
    // A resend goes ahead of what waits untried, and may be cancelled: that waits on.
    const isAhead = chosen.message.isResend && chosen.record === undefined && chosen.plan.kind === 'attempt';
    return [chosen, ...copies.filter(({ plan }) => isAhead && plan.kind === 'postpone')];
  });
  reportWaits(planned, receivedAt, deps);

  const due = planned.filter(({ plan }) => plan.kind === 'attempt');
  const triedBefore = ({ record }: Planned): number => record?.attempts ?? 0;
  // What was tried before is due longer than what is new; but it may fail for its own sake, so it makes a poor probe.
  due.sort((one, other) => (triedBefore(other) - triedBefore(one)) * (isProbe ? -1 : 1));
  const spared = isProbe ? due.splice(1) : [];
  const parallelism = batchParallelism(subscriber.state, receivedAt);
  const { attempts, postponed } = await attemptAll(
    due,
    parallelism,
    endpointOf(subscriber, receivedAt),
    deps,
    remainingMs,
  );
  const ended = [
    ...planned.flatMap((one) => expired(one, receivedAt, deps)),
    ...attempts.filter(({ record }) => record.state === 'exhausted' || record.state === 'discarded'),
  ];
  const goingOn = [
    ...malformed.map((message): Settlement => ({ message, stays: { reason: 'malformed' } })),
    ...postponed,
    ...[...planned, ...spared.map((one) => spare(one, subscriber, receivedAt))].flatMap((one) =>
      settlePlan(one, receivedAt, deps),
    ),
    ...attempts.flatMap(settleAttempt),
  ];
  const write = async (settled: readonly Settlement[]): Promise<void> => {
    const written = writesOf(settled, records);
    if (written.length > 0) await ledger.write(written);
  };
  // What was delivered is known before anything waits for the bus.
  await Promise.all([write(goingOn), trace(attempts, deps)]);
  const published = await settleEnded(ended, deps);
  await write(published);
  const settlements = [...goingOn, ...published];
  await hide(settlements, deps);
  return {
    kept: settlements.filter(({ stays }) => stays !== undefined).map(({ message }) => message),
    attempts,
    subscriber,
    isStopped: isHeldBack(subscriber, planning),
  };
}

function readAll(queued: readonly QueuedMessage[], { log, subscriptionId }: DeliverDeps) {
  const malformed: QueuedMessage[] = [];
  const messages: DeliveryMessage[] = [];
  for (const one of queued) {
    const parsed = parseMessage(one);
    if (parsed.kind === 'malformed') {
      // A fault of the system: nothing but rules and replays write to this queue. It ends in the dead-letter queue.
      log.error('malformed message', {
        ...traceOf(one),
        subscriptionId,
        messageId: one.messageId,
        reason: parsed.reason,
      });
      malformed.push(one);
      continue;
    }
    messages.push(parsed.message);
  }
  return { messages, malformed };
}

async function attemptAll(
  due: readonly Planned[],
  parallelism: number,
  endpoint: Endpoint,
  deps: DeliverDeps,
  remainingMs: () => number,
): Promise<{ attempts: Attempt[]; postponed: Settlement[] }> {
  const attempts: Attempt[] = [];
  const postponed: Settlement[] = [];
  let endpointStops = false;
  await inParallel(due, parallelism, async ({ message, record }) => {
    // What asked for a rest, or to be left alone, gets nothing more from this batch.
    const reason = endpointStops ? 'throttled' : remainingMs() < leastRemainingMs ? 'no-time' : undefined;
    if (reason !== undefined) {
      postponed.push({ message, stays: { until: deps.clock() + shortWaitMs, reason } });
      return;
    }
    const attempt = await makeAttempt(message, record, endpoint, deps);
    attempts.push(attempt);
    if (attempt.outcome.kind === 'throttle' || attempt.outcome.kind === 'disable') endpointStops = true;
  });
  return { attempts, postponed };
}

/** What becomes of a message that is due, where another one is the probe. */
function spare({ message, record }: Planned, { state }: DeliverableSubscription, now: number): Planned {
  const plan: DeliveryPlan = losesItsPlace(message, now)
    ? parkingPlan(message, record, state?.cancelledReplays)
    : { kind: 'postpone', until: now, reason: 'circuit-open' };
  return { message, record, plan };
}

/** Where a message is left that is neither tried nor at its end; nothing for others. */
function settlePlan({ message, record, plan }: Planned, now: number, deps: DeliverDeps): Settlement[] {
  const { subscriptionId, log } = deps;
  switch (plan.kind) {
    case 'attempt':
    case 'expire':
      return [];
    case 'postpone':
      return [{ message, stays: plan }];
    case 'acknowledge':
      log.info(plan.reason === 'delivered' ? 'duplicate dropped' : 'message dropped', {
        ...traceOf(message),
        subscriptionId,
        webhookId: message.webhookId,
        reason: plan.reason,
        // By it the command line counts what a cancelled replay has dropped.
        ...(message.replayName === undefined ? {} : { replayName: message.replayName }),
      });
      return [{ message }];
    case 'leave-queue':
      return [{ message, record: recordInLedger(subjectOf(subscriptionId, message), record, plan.takesOver, now) }];
    case 'discard': {
      const verdict = { state: 'discarded', reason: plan.reason } as const;
      return [{ message, record: recordAfter(subjectOf(subscriptionId, message), record, undefined, verdict, now) }];
    }
    default:
      return plan satisfies never;
  }
}

function expired({ message, record, plan }: Planned, now: number, { subscriptionId }: DeliverDeps): Ended[] {
  if (plan.kind !== 'expire') return [];
  const verdict = { state: 'exhausted', reason: `expired: it waited for 14 days (${plan.reason})` } as const;
  return [{ message, record: recordAfter(subjectOf(subscriptionId, message), record, undefined, verdict, now) }];
}

/** Nothing for an event that has ended: see settle-ended.ts. */
function settleAttempt({ message, record, isBesidesRetries }: Attempt): Settlement[] {
  switch (record.state) {
    case 'delivered':
      return [{ message, record }];
    case 'discarded':
    case 'exhausted':
      return [];
    case 'retrying':
      return isInLedger(record)
        ? [{ message, record, isBesidesRetries }]
        : [{ message, record, isBesidesRetries, stays: { until: record.nextAttemptAt ?? 0, reason: 'retry' } }];
    default:
      return record.state satisfies never;
  }
}

async function trace(attempts: readonly Attempt[], { traces, subscriptionId }: DeliverDeps): Promise<void> {
  await traces?.record(
    attempts.flatMap(({ message: { traceHeader, webhookId, eventType }, record, startedAt, result, host }) =>
      traceHeader === undefined
        ? []
        : [{ traceHeader, subscriptionId, webhookId, eventType, attempt: record.attempts, host, startedAt, result }],
    ),
  );
}

async function hide(settlements: readonly Settlement[], deps: DeliverDeps): Promise<void> {
  const { queue, clock, log, subscriptionId } = deps;
  const now = clock();
  const waiting = settlements.filter(({ stays }) => stays !== undefined);
  const hidden = waiting.flatMap(({ message: { receiptHandle }, stays }) =>
    stays?.until === undefined ? [] : [{ receiptHandle, seconds: hidingSeconds(stays.until, now) }],
  );
  try {
    if (hidden.length > 0) await queue.hide(hidden);
  } catch (error) {
    // They come again when their visibility timeout ends, and the ledger knows their time.
    log.error('could not hide messages', { subscriptionId, error });
  }
  const untried = Map.groupBy(waiting, ({ stays }) => stays?.reason);
  untried.delete('retry');
  if (untried.size > 0) {
    const counts = [...untried].map(([reason, { length }]) => [reason, length]);
    log.info('waiting', { subscriptionId, untried: Object.fromEntries(counts) });
  }
}

function reportWaits(planned: readonly Planned[], now: number, { metrics, subscriptionId }: DeliverDeps): void {
  const waits = planned
    .filter(({ plan }) => plan.kind === 'attempt' || (plan.kind === 'postpone' && plan.reason !== 'not-due'))
    .map(({ message, record }) => now - Math.max(message.sentAt, record?.nextAttemptAt ?? 0));
  const longest = Math.max(0, ...waits);
  if (longest >= leastWaitToTellMs) metrics.add('OldestDueDelivery', longest / 1000, { subscriptionId });
}
