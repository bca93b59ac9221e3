import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { routeNames } from '../domain/routes/desired-route.ts';
import type { SubscriberQueues } from '../manage/ports.ts';

/** Limits of one SendMessageBatch call; SQS's 1 MiB, with room for the call's own text. */
const maxMessagesPerCall = 10;
const maxBytesPerCall = 1000 * 1024;

export function sqsSubscriberQueues(client: SQSClient, routePrefix: string): SubscriberQueues {
  /** Undefined: there is no such queue. */
  async function urlOf(name: string): Promise<string | undefined> {
    try {
      return (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;
    } catch (error) {
      if (error instanceof QueueDoesNotExist) return undefined;
      throw error;
    }
  }

  async function countsOf(name: string): Promise<{ readonly visible: number; readonly hidden: number } | undefined> {
    const url = await urlOf(name);
    if (url === undefined) return undefined;
    const asked = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...asked] }),
    );
    const [visible, hidden] = asked.map((attribute) => Number(Attributes?.[attribute] ?? 0));
    return { visible: visible ?? 0, hidden: hidden ?? 0 };
  }

  return {
    async depth(subscriptionId) {
      const { queue, deadLetterQueue } = routeNames(routePrefix, subscriptionId);
      const [own, dead] = await Promise.all([countsOf(queue), countsOf(deadLetterQueue)]);
      return own && { waiting: own.visible, inFlight: own.hidden, deadLetters: dead?.visible ?? 0 };
    },

    async put(subscriptionId, envelopes, delaySeconds = 0) {
      const queueUrl = await urlOf(routeNames(routePrefix, subscriptionId).queue);
      if (queueUrl === undefined) return undefined;
      const ids: string[] = [];
      for (const bodies of callsOf(envelopes)) {
        const result = await client.send(
          new SendMessageBatchCommand({
            QueueUrl: queueUrl,
            Entries: bodies.map((body, index) => ({
              Id: String(index),
              MessageBody: body,
              ...(delaySeconds === 0 ? {} : { DelaySeconds: delaySeconds }),
            })),
          }),
        );
        const [failed] = result.Failed ?? [];
        if (failed !== undefined) throw new Error(`the subscriber's queue did not take an event: ${failed.Code}`);
        const sent = new Map(result.Successful?.map(({ Id, MessageId }) => [Id, MessageId]));
        ids.push(...bodies.map((_, index) => sent.get(String(index)) ?? ''));
      }
      return ids;
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
