import { ownRecord, recordAfter, recordInLedger } from '../domain/deliveries/delivery-ledger.ts';
import { type DeliveryMessage, parseMessage, type QueuedMessage } from '../domain/deliveries/delivery-message.ts';
import { chooseCopy, copiesOfEach, losesItsPlace, parkingPlan } from '../domain/deliveries/delivery-plan.ts';
import { lastSafeInstant } from '../domain/deliveries/retry-schedule.ts';
import { subjectOf } from './attempts.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { settleEnded } from './settle-ended.ts';
import { type Settlement, writesOf } from './settlement.ts';

/** Longer than a run takes, so that it meets no message twice: each receive counts. */
const hiddenSeconds = 90;
/**
 * What becomes too old within this time is taken. It is run every hour, and a standard queue's order is best effort: what one
 * run does not meet, the next five do.
 */
const horizonMs = 6 * 60 * 60 * 1000;
/** So many receives at once: what one invocation parks in its 70 s is hundreds of events a second. */
const parallelReceives = 8;
/** Where something is old, so many receives in a row of what is young say that few are left that are. */
const receivesOfYoung = 30;
const leastRemainingMs = 20_000;

/**
 * While deliveries are stopped nobody reads the queue, and after 14 days it forgets. What is about to be forgotten is
 * written to the ledger, event included, so that it can be replayed. One receive from the front of the queue says whether
 * there is any. A run that ends for lack of time, and found some, asks for the next.
 */
export async function park(deps: DeliverDeps, remainingMs: () => number): Promise<{ readonly parked: number }> {
  const { queue, control, subscriptionId, log } = deps;
  let parked = 0;
  let young = receivesOfYoung - 1;
  let isOutOfTime = false;

  /** False: there is nothing more to do. */
  async function parkSome(): Promise<boolean> {
    if (remainingMs() <= leastRemainingMs) {
      isOutOfTime = true;
      return false;
    }
    const received = await queue.receive(10, hiddenSeconds);
    if (received.length === 0) return false;
    const now = deps.clock();
    const isOld = ({ sentAt }: QueuedMessage): boolean => lastSafeInstant(sentAt) <= now + horizonMs;
    young = received.some(isOld) ? 0 : young + 1;
    // The others come back by themselves.
    const leaving = received.filter((message) => isOld(message) || losesItsPlace(message, now)).map(parseMessage);
    const messages = leaving.flatMap((parsed) => (parsed.kind === 'message' ? [parsed.message] : []));
    // Not `parked += await …`: the other receives count meanwhile.
    const count = await takeOut(messages, isOld, deps);
    parked += count;
    return young < receivesOfYoung;
  }

  async function parkInTurns(): Promise<void> {
    while (young < receivesOfYoung && (await parkSome()));
  }

  const goesOn = await parkSome();
  // A call that fails ends one of them, and not the others' work.
  const turns = await Promise.allSettled(Array.from({ length: goesOn ? parallelReceives : 0 }, parkInTurns));
  if (isOutOfTime && parked > 0) await control.send([{ message: { subscriptionId, action: 'park' }, delaySeconds: 0 }]);
  if (parked > 0) log.warn('parked in the ledger', { subscriptionId, parked, isOutOfTime });
  const failed = turns.find((turn) => turn.status === 'rejected');
  // Lambda repeats the run.
  if (failed !== undefined) throw failed.reason;
  return { parked };
}

/**
 * Writes messages to the ledger and then deletes them: `exhausted` where they are old, otherwise to be sent to the queue anew.
 * Returns how many of the old ones were written.
 */
async function takeOut(
  messages: readonly DeliveryMessage[],
  isOld: (message: QueuedMessage) => boolean,
  deps: DeliverDeps,
): Promise<number> {
  if (messages.length === 0) return 0;
  const { queue, ledger, clock, subscriptionId } = deps;
  const now = clock();
  const { records, subscriber } = await ledger.read(messages.map(({ webhookId }) => webhookId));
  const { cancelledReplays } = subscriber.state ?? {};
  const planned = messages.flatMap((message) => {
    const record = ownRecord(records.get(message.webhookId), subscriber.state);
    const plan = parkingPlan(message, record, cancelledReplays);
    return plan.kind === 'acknowledge' ? [] : [{ message, record, plan, subject: subjectOf(subscriptionId, message) }];
  });
  const verdict = { state: 'exhausted', reason: 'expired: deliveries were stopped for 14 days' } as const;
  const expires = ({ message, plan }: (typeof planned)[number]): boolean => isOld(message) && !plan.takesOver;
  const unique = copiesOfEach(planned).map((copies) => {
    const [young] = copiesOfEach(copies.filter((one) => !expires(one)));
    return chooseCopy(young ?? copies);
  });
  const expired = unique.filter(expires).map(({ message, record, subject }) => {
    return { message, record: recordAfter(subject, record, undefined, verdict, now) };
  });
  const waiting = unique
    .filter((one) => !expires(one))
    .map(({ message, record, plan, subject }) => {
      return { message, record: recordInLedger(subject, record, plan.takesOver, now) };
    });
  const settled: Settlement[] = [...waiting, ...(await settleEnded(expired, deps))];
  const written = writesOf(settled, records);
  if (written.length > 0) await ledger.write(written);
  const staying = new Set(settled.filter(({ stays }) => stays !== undefined).map(({ message }) => message.messageId));
  const done = messages.filter(({ messageId }) => !staying.has(messageId));
  if (done.length > 0) await queue.acknowledge(done.map(({ receiptHandle }) => receiptHandle));
  return settled.filter(({ message, record }) => record !== undefined && isOld(message)).length;
}
