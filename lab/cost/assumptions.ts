import { maxHeardBytes } from '../../lambdas/aws/heard-answer.ts';
import { deliveriesPerSecond, deliverMs, type Filling } from './batches.ts';
import type { Case } from './case.ts';
import {
  accountConcurrency,
  awsCallMs,
  coldStartMs,
  computingMs,
  connectionIdleSeconds,
  environmentIdleSeconds,
  gatherers,
  handshake,
  keyCacheSeconds,
} from './stated.ts';
import type { Units } from './units.ts';

/** What is not counted but assumed, each in a sentence. */
export function assumptions(load: Case, filling: Filling, units: Units): string[] {
  const { template } = units;
  const { perBatch, perMessage } = computingMs.deliver;
  const batchesPerSecond = (deliveriesPerSecond(load) * load.subscribers) / filling.deliveries;
  const atOnce = (batchesPerSecond * deliverMs(load, units, filling.deliveries)) / 1000;
  return [
    'The load is steady: events come by chance around their average, each subscriber gets its share of them, and all are messages of conversations whose inactivity follows.',
    `A poll of a queue returns with what is there. So a batch gathers only while all of a subscriber’s ${filling.concurrency} batches are under way: ${filling.deliveries.toFixed(1)} messages to a batch here. The stack’s own queues are gathered by ${gatherers} pollers for ${template.windowSeconds.activity} s, by a receive for each message.`,
    ...(filling.isRaised
      ? [
          `At a maxConcurrency of ${load.maxConcurrency} the subscribers would never catch up: it is reckoned with ${filling.concurrency}.`,
        ]
      : []),
    `A batch of deliveries computes for ${perBatch} ms and ${perMessage} ms for each message, at ${template.memoryMegabytes.deliver} MB, and waits for the answers and ${awsCallMs} ms for each call of AWS.`,
    `A receiver closes a connection that was idle for ${connectionIdleSeconds} s; an answer of more than ${maxHeardBytes / 1024} KB ends it. A new one takes ${handshake.milliseconds} ms and ${handshake.bytes} bytes.`,
    `Lambda lets an environment go that was idle for ${environmentIdleSeconds / 60} minutes; a cold start is billed with ${coldStartMs} ms.`,
    ...(atOnce > accountConcurrency
      ? [
          `About ${Math.round(atOnce).toLocaleString('en-US')} delivery functions run at once: Lambda’s default for an account is ${accountConcurrency.toLocaleString('en-US')}.`,
        ]
      : []),
    ...(load.failingPercent > 0 ? ['Attempts fail by chance, and what failed is tried again from the queue.'] : []),
    ...(load.tableKey === 'aws-owned'
      ? []
      : [
          `DynamoDB asks KMS once in ${keyCacheSeconds / 60} minutes for each environment and table, the dearest reading of its documents.`,
        ]),
    'Not in it: free tiers, taxes, support, storage of logs, a city’s or an hour’s peaks.',
  ];
}
