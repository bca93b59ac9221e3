import { EngineError } from '../../local/aws/engine/engine-error.ts';
import type { Queue, ReceivedMessage } from '../../local/aws/engine/queue.ts';
import type { FaultWeather } from './fault-weather.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

interface Around {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: FaultWeather;
  /** SQS's 120,000, scaled down: with so many in flight it hands out nothing. */
  readonly maxInFlight?: number;
  /** Its order is best effort. Handing it out so costs receives, which a queue for few of them must not lose. */
  readonly isUnordered?: boolean;
}

/** From the fourth receive on a message is left alone: five failed receives lead to a dead-letter queue by design. */
export const sparedFromReceive = 3;

/** What an event source mapping sees of a queue: smaller batches than there could be, copies, and lost deletions. */
export function flakyQueue(
  queue: Queue,
  { scheduler, random, weather, maxInFlight = Number.POSITIVE_INFINITY, isUnordered = false }: Around,
): Queue {
  const handOutAgain = ({ receiptHandle }: ReceivedMessage) =>
    scheduler.setTimer(scheduler.now() + random.spread(1, 3_000), () =>
      ifThere(() => queue.changeVisibility(receiptHandle, 0)),
    );
  const receiveCounts = new Map<string, number>();
  return {
    name: queue.name,
    arn: queue.arn,
    send: (message, senderId) => queue.send(message, senderId),
    async receive(options = {}) {
      const { maxMessages = 1 } = options;
      const room = maxInFlight - queue.counts().inFlight;
      if (room <= 0) {
        // A long poll comes back empty.
        await scheduler.sleep(Math.min(options.waitSeconds ?? 0, 20) * 1000);
        return [];
      }
      const received = await queue.receive({
        ...options,
        maxMessages: Math.min(room, random.chance(0.5) ? maxMessages : random.integer(1, maxMessages)),
      });
      const isMixed = isUnordered && received.length > 1 && weather.strikes('any-order');
      const messages = isMixed ? received.filter(() => random.chance(0.5)) : received;
      for (const message of received) {
        if (!messages.includes(message)) ifThere(() => queue.changeVisibility(message.receiptHandle, 0));
      }
      for (const message of messages) {
        receiveCounts.set(message.receiptHandle, message.receiveCount);
        if (message.receiveCount < sparedFromReceive && weather.strikes('message-twice')) handOutAgain(message);
      }
      return messages;
    },
    deleteMessage(receiptHandle) {
      const receiveCount = receiveCounts.get(receiptHandle) ?? 0;
      receiveCounts.delete(receiptHandle);
      if (receiveCount < sparedFromReceive && weather.strikes('lost-acknowledgement')) return;
      queue.deleteMessage(receiptHandle);
    },
    changeVisibility: (receiptHandle, seconds) => queue.changeVisibility(receiptHandle, seconds),
    purge: () => queue.purge(),
    setAttributes: (change) => queue.setAttributes(change),
    settings: () => queue.settings(),
    policy: () => queue.policy(),
    readAttributes: () => queue.readAttributes(),
    counts: () => queue.counts(),
    oldestSentAt: () => queue.oldestSentAt(),
  };
}

/** A message that was deleted meanwhile, or a queue, is no fault of the one who asks. */
function ifThere(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}
