import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { RecordedLog } from '../../lab/support/in-memory/telemetry.ts';
import { sqsDeliveryQueue } from '../../lambdas/aws/sqs-delivery-queue.ts';

const sqs = mockClient(SQSClient);
beforeEach(() => void sqs.reset());
afterAll(() => sqs.restore());

function aQueue(log = new RecordedLog()) {
  return sqsDeliveryQueue(new SQSClient({ region: 'us-east-1' }), 'http://queue', log);
}

describe("a subscriber's queue", () => {
  it('hides messages ten to a call, each for its own time', async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
    await aQueue().hide(Array.from({ length: 12 }, (_, index) => ({ receiptHandle: `r${index}`, seconds: index })));
    const calls = sqs.commandCalls(ChangeMessageVisibilityBatchCommand).map(({ args }) => args[0].input);
    expect(calls.map(({ Entries }) => Entries?.length)).toEqual([10, 2]);
    expect(calls[1]?.Entries?.[1]).toMatchObject({ ReceiptHandle: 'r11', VisibilityTimeout: 11 });
    expect(calls[0]?.QueueUrl).toBe('http://queue');
  });

  it('reads the failures of a call that succeeded, and says so', async () => {
    const log = new RecordedLog();
    const failed = { Failed: [{ Id: '0', Code: 'ReceiptHandleIsInvalid', SenderFault: true }] };
    sqs.on(ChangeMessageVisibilityBatchCommand).resolves(failed);
    sqs.on(DeleteMessageBatchCommand).resolves(failed);
    await aQueue(log).hide([{ receiptHandle: 'r', seconds: 1 }]);
    await aQueue(log).acknowledge(['r']);
    expect(log.lines.map(({ level, fields }) => [level, fields.codes])).toEqual([
      ['warn', ['ReceiptHandleIsInvalid']],
      ['warn', ['ReceiptHandleIsInvalid']],
    ]);
  });

  it('hands messages over with the time at which they entered the queue, and how often they were received', async () => {
    const Attributes = { SentTimestamp: '1700000000000', ApproximateReceiveCount: '3' };
    sqs.on(ReceiveMessageCommand).resolves({
      Messages: [{ MessageId: 'm', ReceiptHandle: 'r', Body: '{}', Attributes }],
    });
    expect(await aQueue().receive(1, 120)).toEqual([
      { messageId: 'm', receiptHandle: 'r', body: '{}', sentAt: 1_700_000_000_000, receiveCount: 3 },
    ]);
    sqs.on(ReceiveMessageCommand).resolves({});
    expect(await aQueue().receive(1, 120)).toEqual([]);
  });
});
