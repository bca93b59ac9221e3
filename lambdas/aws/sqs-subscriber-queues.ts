import { GetQueueUrlCommand, QueueDoesNotExist, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { routeNames } from '../domain/routes/desired-route.ts';
import type { SubscriberQueues } from '../manage/ports.ts';

/** Limits of one SendMessageBatch call; SQS's 1 MiB, with room for the call's own text. */
const maxMessagesPerCall = 10;
const maxBytesPerCall = 1000 * 1024;

export function sqsSubscriberQueues(client: SQSClient, routePrefix: string): SubscriberQueues {
  return {
    async put(subscriptionId, envelopes) {
      const { queue } = routeNames(routePrefix, subscriptionId);
      let queueUrl: string | undefined;
      try {
        queueUrl = (await client.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl;
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return false;
        throw error;
      }
      for (const bodies of callsOf(envelopes)) {
        const result = await client.send(
          new SendMessageBatchCommand({
            QueueUrl: queueUrl,
            Entries: bodies.map((body, index) => ({ Id: String(index), MessageBody: body })),
          }),
        );
        const [failed] = result.Failed ?? [];
        if (failed !== undefined) throw new Error(`the subscriber's queue did not take an event: ${failed.Code}`);
      }
      return true;
    },
  };
}

function callsOf(bodies: readonly string[]): string[][] {
  const calls: string[][] = [];
  let bytesInCall = 0;
  for (const body of bodies) {
    const bytes = Buffer.byteLength(body);
    const call = calls.at(-1);
    if (call === undefined || call.length === maxMessagesPerCall || bytesInCall + bytes > maxBytesPerCall) {
      calls.push([body]);
      bytesInCall = bytes;
    } else {
      call.push(body);
      bytesInCall += bytes;
    }
  }
  return calls;
}
