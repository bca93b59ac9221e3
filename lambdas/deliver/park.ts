import { ownRecord, recordAfter, recordInLedger } from '../domain/deliveries/delivery-ledger.ts';
import { type DeliveryMessage, parseMessage } from '../domain/deliveries/delivery-message.ts';
import { parkingPlan } from '../domain/deliveries/delivery-plan.ts';
import { lastSafeInstant } from '../domain/deliveries/retry-schedule.ts';
import { subjectOf } from './attempts.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { settleEnded } from './settle-ended.ts';
import { type Settlement, writesOf } from './settlement.ts';

/** Longer than a run takes, so that it meets no message twice: each receive counts towards the dead-letter queue. */
const hiddenSeconds = 90;
/**
 * What becomes too old within this time is taken. It is run every hour, and a standard queue's order is best effort: what one
 * run does not meet, the next five do.
 */
const horizonMs = 6 * 60 * 60 * 1000;
/** So many receives at once: what one invocation parks in its 70 s is hundreds of events a second. */
const parallelReceives = 8;
/**
 * A queue hands out about the oldest first: so many receives in a row of what is young, and few are left that are old. What
 * was received three times says nothing about that, for SQS moves it to the back of the queue
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html).
 */
const receivesOfYoung = 30;
const receivesInOrder = 2;
const leastRemainingMs = 20_000;

/**
 * While deliveries are stopped nobody reads the queue, and after 14 days it forgets. What is about to be forgotten is
 * written to the ledger, event included, so that it can be replayed. A run that ends for lack of time, and found some, asks for the next.
 */
export async function park(deps: DeliverDeps, remainingMs: () => number): Promise<{ readonly parked: number }> {
  const { queue, control, subscriptionId, log } = deps;
  let parked = 0;
  let young = 0;
  let isOutOfTime = false;

  async function parkInTurns(): Promise<void> {
    while (young < receivesOfYoung) {
      if (remainingMs() <= leastRemainingMs) {
        isOutOfTime = true;
        return;
      }
      const received = await queue.receive(10, hiddenSeconds);
      if (received.length === 0) return;
      const limit = deps.clock() + horizonMs;
      // Those that are younger come back by themselves.
      const old = received.filter(({ sentAt }) => lastSafeInstant(sentAt) <= limit).map(parseMessage);
      if (old.length > 0) young = 0;
      else if (received.every(({ receiveCount }) => receiveCount <= receivesInOrder)) young++;
      const messages = old.flatMap((parsed) => (parsed.kind === 'message' ? [parsed.message] : []));
      // Not `parked += await …`: the other receives count meanwhile.
      const count = await parkMessages(messages, deps);
      parked += count;
    }
  }

  // A call that fails ends one of them, and not the others' work.
  const turns = await Promise.allSettled(Array.from({ length: parallelReceives }, parkInTurns));
  if (isOutOfTime && parked > 0) await control.send([{ message: { subscriptionId, action: 'park' }, delaySeconds: 0 }]);
  if (parked > 0) log.warn('parked in the ledger', { subscriptionId, parked, isOutOfTime });
  const failed = turns.find((turn) => turn.status === 'rejected');
  // Lambda repeats the run.
  if (failed !== undefined) throw failed.reason;
  return { parked };
}

async function parkMessages(messages: readonly DeliveryMessage[], deps: DeliverDeps): Promise<number> {
  if (messages.length === 0) return 0;
  const { queue, ledger, clock, subscriptionId } = deps;
  const now = clock();
  const { records, subscriber } = await ledger.read(messages.map(({ webhookId }) => webhookId));
  const { cancelledReplays } = subscriber.state ?? {};
  const planned = messages.flatMap((message) => {
    const record = ownRecord(records.get(message.webhookId), subscriber.state);
    const plan = parkingPlan(message, record, cancelledReplays);
    return plan === 'acknowledge' ? [] : [{ message, record, plan, subject: subjectOf(subscriptionId, message) }];
  });
  const unique = [...new Map(planned.map((one) => [one.message.webhookId, one])).values()];
  const verdict = { state: 'exhausted', reason: 'expired: deliveries were stopped for 14 days' } as const;
  const expired = unique.flatMap(({ message, record, plan, subject }) =>
    plan === 'expire' ? [{ message, record: recordAfter(subject, record, undefined, verdict, now) }] : [],
  );
  const takenOver = unique.flatMap(({ message, record, plan, subject }) =>
    plan === 'leave-queue' && record !== undefined ? [{ message, record: recordInLedger(subject, record, true) }] : [],
  );
  const settled: Settlement[] = [...takenOver, ...(await settleEnded(expired, deps))];
  const written = writesOf(settled, records);
  if (written.length > 0) await ledger.write(written);
  const staying = new Set(settled.filter(({ stays }) => stays !== undefined).map(({ message }) => message.messageId));
  const done = messages.filter(({ messageId }) => !staying.has(messageId));
  if (done.length > 0) await queue.acknowledge(done.map(({ receiptHandle }) => receiptHandle));
  return written.length;
}
