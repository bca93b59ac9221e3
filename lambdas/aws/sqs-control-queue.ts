import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ControlQueue } from '../ports/control-queue.ts';

/** SQS's limit for one call. */
const maxMessagesPerCall = 10;

export function sqsControlQueue(client: SQSClient, queueUrl: string): ControlQueue {
  return {
    async send(messages) {
      for (let start = 0; start < messages.length; start += maxMessagesPerCall) {
        const result = await client.send(
          new SendMessageBatchCommand({
            QueueUrl: queueUrl,
            Entries: messages.slice(start, start + maxMessagesPerCall).map(({ message, delaySeconds }, index) => ({
              Id: String(index),
              MessageBody: JSON.stringify(message),
              DelaySeconds: delaySeconds,
            })),
          }),
        );
        const failed = result.Failed ?? [];
        if (failed.length > 0) throw new Error(`${failed.length} control messages were not taken: ${failed[0]?.Code}`);
      }
    },
  };
}
