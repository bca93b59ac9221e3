import { QueueDoesNotExist, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { routeNames } from '../domain/routes/desired-route.ts';
import type { RetryQueues } from '../provision/ports.ts';

/** Limits of one SendMessageBatch call; SQS's 1 MiB, with room for the call's own text. */
const messagesPerCall = 10;
const bytesPerCall = 1000 * 1024;

interface Names {
  readonly prefix: string;
  /** A queue's url is this and its name. */
  readonly queueUrlBase: string;
}

export function sqsRetryQueues(client: SQSClient, { prefix, queueUrlBase }: Names): RetryQueues {
  return {
    async send(subscriptionId, messages) {
      const QueueUrl = `${queueUrlBase}${routeNames(prefix, subscriptionId).queue}`;
      const messageIds: (string | undefined)[] = messages.map(() => undefined);
      for (const indices of callsOf(messages.map(({ body }) => Buffer.byteLength(body)))) {
        const Entries = indices.map((index) => {
          const { body, delaySeconds, traceHeader } = messages[index] ?? {};
          return { Id: String(index), MessageBody: body, DelaySeconds: delaySeconds, ...traced(traceHeader) };
        });
        try {
          const { Successful = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
          for (const { Id, MessageId } of Successful) messageIds[Number(Id)] = MessageId;
        } catch (error) {
          if (error instanceof QueueDoesNotExist) return undefined;
          throw error;
        }
      }
      return messageIds;
    },
  };
}

/** Not counted towards a message's size. */
function traced(traceHeader: string | undefined) {
  if (traceHeader === undefined) return {};
  return { MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: traceHeader } } };
}

/** The messages' places, as many for each call as it takes. */
function callsOf(sizes: readonly number[]): number[][] {
  const calls: number[][] = [];
  let bytesInCall = 0;
  for (const [index, bytes] of sizes.entries()) {
    const call = calls.at(-1);
    if (call === undefined || call.length === messagesPerCall || bytesInCall + bytes > bytesPerCall) {
      calls.push([index]);
      bytesInCall = bytes;
    } else {
      call.push(index);
      bytesInCall += bytes;
    }
  }
  return calls;
}
