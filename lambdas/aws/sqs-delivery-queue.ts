import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeliveryQueue } from '../deliver/ports.ts';
import type { Log } from '../ports/telemetry.ts';

/** SQS's limit for its batch calls. */
const entriesPerCall = 10;

/** A subscriber's own SQS queue. */
export function sqsDeliveryQueue(client: SQSClient, queueUrl: string, log: Log): DeliveryQueue {
  return {
    async hide(messages) {
      for (let start = 0; start < messages.length; start += entriesPerCall) {
        const entries = messages.slice(start, start + entriesPerCall).map(({ receiptHandle, seconds }, index) => ({
          Id: String(index),
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        }));
        const { Failed = [] } = await client.send(
          new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
        );
        // Nothing is lost: such a message comes again when its visibility timeout ends, and the ledger knows its time.
        if (Failed.length > 0) log.warn('messages could not be hidden', { codes: Failed.map(({ Code }) => Code) });
      }
    },

    async receive(count, hiddenSeconds) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: count,
          VisibilityTimeout: hiddenSeconds,
          // Asks all of SQS's servers: a short poll may find nothing in a queue that holds messages.
          WaitTimeSeconds: 2,
          MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount', 'AWSTraceHeader'],
        }),
      );
      return Messages.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes }) => {
        const traceHeader = Attributes?.AWSTraceHeader;
        const sentAt = Number(Attributes?.SentTimestamp);
        const receiveCount = Number(Attributes?.ApproximateReceiveCount);
        const message = { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body, sentAt, receiveCount };
        return traceHeader === undefined ? message : { ...message, traceHeader };
      });
    },

    async acknowledge(receiptHandles) {
      for (let start = 0; start < receiptHandles.length; start += entriesPerCall) {
        const entries = receiptHandles
          .slice(start, start + entriesPerCall)
          .map((handle, index) => ({ Id: String(index), ReceiptHandle: handle }));
        const { Failed = [] } = await client.send(
          new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
        );
        // It comes again and the ledger says so.
        if (Failed.length > 0) log.warn('messages could not be deleted', { codes: Failed.map(({ Code }) => Code) });
      }
    },
  };
}
