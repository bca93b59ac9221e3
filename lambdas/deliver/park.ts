import { recordAfter } from '../domain/deliveries/delivery-ledger.ts';
import { parseMessage } from '../domain/deliveries/delivery-message.ts';
import { lastSafeInstant } from '../domain/deliveries/retry-schedule.ts';
import { subjectOf } from './attempts.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { settleExhausted } from './exhaust.ts';

const hiddenSeconds = 60;
/** It is run every hour, so what becomes too old within the next two is taken now. */
const horizonMs = 2 * 60 * 60 * 1000;
/** A queue hands out about the oldest first: so many rounds without an old message, and there are none. */
const roundsWithoutAny = 3;
const leastRemainingMs = 20_000;

/**
 * While deliveries are stopped nobody reads the queue, and after 14 days it forgets. What is about to be forgotten is
 * written to the ledger, event included, so that it can be replayed.
 */
export async function park(deps: DeliverDeps, remainingMs: () => number): Promise<{ readonly parked: number }> {
  const { queue, ledger, clock, subscriptionId, log } = deps;
  let parked = 0;
  for (let fruitless = 0; fruitless < roundsWithoutAny && remainingMs() > leastRemainingMs; ) {
    const received = await queue.receive(10, hiddenSeconds);
    if (received.length === 0) break;
    const now = clock();
    const old = received.filter(({ sentAt }) => lastSafeInstant(sentAt) <= now + horizonMs);
    // Those that are younger come back by themselves; none is received twice in one run, since each receive counts
    // towards the dead-letter queue.
    fruitless = old.length === 0 ? fruitless + 1 : 0;
    if (old.length === 0) continue;

    const messages = old.map(parseMessage).flatMap((parsed) => (parsed.kind === 'message' ? [parsed.message] : []));
    const { records } = await ledger.read(messages.map(({ webhookId }) => webhookId));
    const open = messages.filter(({ webhookId }) => (records.get(webhookId)?.state ?? 'retrying') === 'retrying');
    const unique = [...new Map(open.map((message) => [message.webhookId, message])).values()];
    const settled = await Promise.all(
      unique.map((message) => {
        const verdict = { state: 'exhausted', reason: 'expired: deliveries were stopped for 14 days' } as const;
        const subject = subjectOf(subscriptionId, message);
        return settleExhausted(
          message,
          recordAfter(subject, records.get(message.webhookId), undefined, verdict, now),
          deps,
        );
      }),
    );
    const written = settled.flatMap(({ record }) => (record === undefined ? [] : [record]));
    if (written.length > 0) await ledger.write(written);
    const untold = new Set(settled.filter(({ stays }) => stays !== undefined).map(({ message }) => message.messageId));
    const done = messages.filter(({ messageId }) => !untold.has(messageId));
    if (done.length > 0) await queue.acknowledge(done.map(({ receiptHandle }) => receiptHandle));
    parked += written.length;
  }
  if (parked > 0) log.warn('parked in the ledger', { subscriptionId, parked });
  return { parked };
}
