import { type DeliveryRecord, recordAfter } from '../domain/delivery-ledger.ts';
import { type DeliveryMessage, parseMessage, type QueuedMessage } from '../domain/delivery-message.ts';
import { type DeliveryPlan, planDelivery, type Subscriber } from '../domain/delivery-plan.ts';
import { batchParallelism } from '../domain/endpoint-health.ts';
import { deliveryExhausted } from '../domain/operational-event.ts';
import { hidingSeconds } from '../domain/retry-schedule.ts';
import { type Attempt, makeAttempt, subjectOf } from './attempts.ts';
import type { DeliverDeps } from './handler.ts';

/** What became of some messages. */
export interface DeliveredMessages {
  /** Those that must stay in the queue. All others are done with. */
  readonly kept: readonly QueuedMessage[];
  readonly attempts: readonly Attempt[];
  /** As it was when they were planned. */
  readonly subscriber: Subscriber;
}

interface Options {
  readonly isProbe: boolean;
  /** Milliseconds that are left for this invocation. */
  readonly remainingMs: () => number;
}

/** An attempt (15 s) and the writes after it must fit into what is left. */
const leastRemainingMs = 25_000;
const shortHoldMs = 5_000;

/** What stays, and until when (epoch ms) it is hidden; undefined: until its visibility timeout ends. */
interface Keep {
  readonly message: QueuedMessage;
  readonly until?: number;
}

/**
 * Delivers messages of the queue: one read, the attempts in parallel, one write, and then hides what must wait. Throws
 * where the ledger could not be read or written; then all of them must stay, and what was sent may be sent again.
 */
export async function deliverMessages(
  queued: readonly QueuedMessage[],
  deps: DeliverDeps,
  { isProbe, remainingMs }: Options,
): Promise<DeliveredMessages> {
  const { ledger, queue, clock, random, log, subscriptionId } = deps;
  const receivedAt = clock();
  const { messages, malformed } = readAll(queued, deps);
  const { subscriber, records } = await ledger.read(messages.map(({ webhookId }) => webhookId));

  const attempts: Attempt[] = [];
  const keeps: Keep[] = malformed.map((message) => ({ message }));
  const toWrite: DeliveryRecord[] = [];
  const held: Record<string, number> = {};
  const hold = (message: QueuedMessage, until: number, reason: string): void => {
    keeps.push({ message, until });
    held[reason] = (held[reason] ?? 0) + 1;
  };

  const planned = messages.map((message) => {
    const record = records.get(message.webhookId);
    return {
      message,
      record,
      plan: planDelivery(message, record, subscriber, { now: receivedAt, random: random(), isProbe }),
    };
  });
  reportAge(planned, receivedAt, deps);

  const due: { message: DeliveryMessage; record: DeliveryRecord | undefined }[] = [];
  for (const { message, record, plan } of planned) {
    switch (plan.kind) {
      case 'attempt':
        due.push({ message, record });
        break;
      case 'hold':
        hold(message, plan.until, plan.reason);
        break;
      case 'acknowledge':
        log.info('held back', { subscriptionId, webhookId: message.webhookId, reason: plan.reason });
        break;
      case 'expire':
        await giveUp(message, expired(message, record, plan.reason), deps, toWrite, keeps);
        break;
      default:
        throw plan satisfies never;
    }
  }

  let endpointStops = false;
  await inParallel(due, batchParallelism(subscriber.state, receivedAt), async ({ message, record }) => {
    // What asked for a rest, or to be left alone, gets nothing more from this batch.
    if (endpointStops) return hold(message, clock() + shortHoldMs, 'throttled');
    if (remainingMs() < leastRemainingMs) return hold(message, clock() + shortHoldMs, 'no-time');
    const attempt = await makeAttempt(message, record, subscriber, deps);
    attempts.push(attempt);
    if (attempt.outcome.kind === 'throttle' || attempt.outcome.kind === 'disable') endpointStops = true;
  });

  for (const { message, record } of attempts) {
    if (record.state === 'exhausted') await giveUp(message, record, deps, toWrite, keeps);
    else toWrite.push(record);
    if (record.state === 'retrying') keeps.push({ message, until: record.nextAttemptAt ?? 0 });
  }
  if (toWrite.length > 0) await ledger.write(toWrite);

  const now = clock();
  const hidden = keeps.flatMap(({ message: { receiptHandle }, until }) =>
    until === undefined ? [] : [{ receiptHandle, seconds: hidingSeconds(until, now, receivedAt) }],
  );
  if (hidden.length > 0) await queue.hide(hidden);
  if (Object.keys(held).length > 0) log.info('waiting', { subscriptionId, held });
  return { kept: keeps.map(({ message }) => message), attempts, subscriber };

  function expired(message: DeliveryMessage, record: DeliveryRecord | undefined, reason: string): DeliveryRecord {
    const verdict = { state: 'exhausted', reason: `expired: the queue keeps it for 14 days (${reason})` } as const;
    return recordAfter(subjectOf(subscriptionId, message), record, undefined, verdict, receivedAt);
  }
}

/** Publish, then mark: what is given up is told before it is written down. What could not be told stays in the queue. */
async function giveUp(
  message: DeliveryMessage,
  record: DeliveryRecord,
  { publisher, subscriptionId, log, clock }: DeliverDeps,
  toWrite: DeliveryRecord[],
  keeps: Keep[],
): Promise<void> {
  if (!message.isOperational) {
    const told = deliveryExhausted(subscriptionId, message, record.attempts, record.reason ?? '', clock());
    const outcome = await publisher.publish([told]);
    if (outcome.kind === 'failed') {
      log.error('could not publish an operational event', { type: told.detail.type, reason: outcome.reason });
      keeps.push({ message });
      return;
    }
  }
  toWrite.push(record);
}

/** Parses, and keeps one of those with the same id: the youngest, which the queue keeps longest. The others are done with. */
function readAll(queued: readonly QueuedMessage[], { log, subscriptionId }: DeliverDeps) {
  const malformed: QueuedMessage[] = [];
  const byId = new Map<string, DeliveryMessage>();
  for (const one of queued) {
    const parsed = parseMessage(one);
    if (parsed.kind === 'malformed') {
      // A fault of the system: nothing but rules and replays write to this queue. It ends in the dead-letter queue.
      log.error('malformed message', { subscriptionId, messageId: one.messageId, reason: parsed.reason });
      malformed.push(one);
      continue;
    }
    const { message } = parsed;
    const other = byId.get(message.webhookId);
    if (other === undefined || other.sentAt <= message.sentAt) byId.set(message.webhookId, message);
  }
  return { messages: [...byId.values()], malformed };
}

function reportAge(
  planned: readonly { message: DeliveryMessage; record: DeliveryRecord | undefined; plan: DeliveryPlan }[],
  now: number,
  { metrics, subscriptionId }: DeliverDeps,
): void {
  const waits = planned
    .filter(({ plan }) => plan.kind === 'attempt' || (plan.kind === 'hold' && plan.reason !== 'not-due'))
    .map(({ message, record }) => now - Math.max(message.sentAt, record?.nextAttemptAt ?? 0));
  if (waits.length === 0) return;
  metrics.add('OldestDueDelivery', Math.max(0, ...waits) / 1000, { subscriptionId });
}

async function inParallel<Item>(
  items: readonly Item[],
  parallelism: number,
  work: (item: Item) => Promise<void> | void,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(parallelism, items.length) }, worker));
}
