import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQueues } from '../../../../local/aws/engine/queues.ts';
import { createVirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../../local/aws/wire/http-server.ts';
import { sqsService } from '../../../../local/aws/wire/sqs.ts';

const clock = createVirtualClock();
const accountId = '000000000000';
let endpoint: AwsEndpoint;
let sqs: SQSClient;

beforeAll(async () => {
  const queues = createQueues({ clock, region: 'us-east-1', accountId });
  endpoint = await startAwsEndpoint({
    port: 0,
    services: [sqsService({ queues, accountId, baseUrl: () => endpoint.url })],
    onBug: (error) => {
      throw error;
    },
  });
  sqs = new SQSClient({
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  sqs.destroy();
  await endpoint.close();
});

async function aQueue(name: string, Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return QueueUrl ?? '';
}

const nameOf = (error: unknown) => (error as { name: string }).name;

describe('SQS on the local endpoint, by the SDK', () => {
  it('takes messages with attributes and gives them back, digests checked', async () => {
    const QueueUrl = await aQueue('messages');
    expect(QueueUrl).toBe(`${endpoint.url}/${accountId}/messages`);
    const sent = await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'grüße 😀',
        MessageAttributes: {
          kind: { DataType: 'String', StringValue: 'greeting' },
          raw: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255) },
          'drift.id': { DataType: 'Number', StringValue: '9007199254740993' },
        },
      }),
    );
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['kind', 'drift.*', 'raw'],
      }),
    );
    expect(Messages).toMatchObject([
      {
        MessageId: sent.MessageId,
        Body: 'grüße 😀',
        MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
        Attributes: { ApproximateReceiveCount: '1', SenderId: 'AKIDTEST', SentTimestamp: String(clock.now()) },
        MessageAttributes: { kind: { StringValue: 'greeting' }, raw: { BinaryValue: Uint8Array.of(0, 255) } },
      },
    ]);
  });

  it('handles batches entry by entry', async () => {
    const QueueUrl = await aQueue('batches');
    const sent = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'a', MessageBody: 'one' },
          { Id: 'b', MessageBody: 'two', DelaySeconds: 1000 },
        ],
      }),
    );
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a']);
    expect(sent.Failed).toMatchObject([{ Id: 'b', SenderFault: true, Code: 'InvalidParameterValue' }]);
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    const deleted = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'a', ReceiptHandle: Messages[0]?.ReceiptHandle },
          { Id: 'b', ReceiptHandle: 'nonsense' },
        ],
      }),
    );
    expect(deleted.Successful).toEqual([{ Id: 'a' }]);
    expect(deleted.Failed).toMatchObject([{ Id: 'b', Code: 'ReceiptHandleIsInvalid' }]);
  });

  it('answers a receiver that waits when a message comes', async () => {
    const QueueUrl = await aQueue('waiting');
    const received = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'here' }));
    expect((await received).Messages?.[0]?.Body).toBe('here');
  });

  it('shows and changes attributes', async () => {
    const QueueUrl = await aQueue('attributes', { VisibilityTimeout: '540' });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { MessageRetentionPeriod: '1209600' } }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:attributes',
      VisibilityTimeout: '540',
      MessageRetentionPeriod: '1209600',
      ApproximateNumberOfMessages: '0',
    });
  });

  it('finds queues by name and by prefix, a page at a time', async () => {
    for (const name of ['page-c', 'page-a', 'page-b']) await aQueue(name);
    const first = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'page-', MaxResults: 2 }));
    const second = await sqs.send(
      new ListQueuesCommand({ QueueNamePrefix: 'page-', MaxResults: 2, NextToken: first.NextToken }),
    );
    const names = [...(first.QueueUrls ?? []), ...(second.QueueUrls ?? [])].map((url) => url.split('/').at(-1));
    expect(names).toEqual(['page-a', 'page-b', 'page-c']);
    expect(second.NextToken).toBeUndefined();
    expect((await sqs.send(new GetQueueUrlCommand({ QueueName: 'page-a' }))).QueueUrl).toBe(first.QueueUrls?.[0]);
  });

  it('gives its errors the names that the SDK knows', async () => {
    const QueueUrl = await aQueue('errors');
    const failures = [
      new GetQueueUrlCommand({ QueueName: 'none' }),
      new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'nonsense' }),
      new CreateQueueCommand({ QueueName: 'errors', Attributes: { DelaySeconds: '7' } }),
      new SendMessageBatchCommand({ QueueUrl, Entries: [] }),
      new SendMessageCommand({ QueueUrl, MessageBody: 'a', MessageGroupId: 'a group' }),
      new SendMessageCommand({ QueueUrl, MessageBody: 'a', MessageDeduplicationId: 'd' }),
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11 }),
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 21 }),
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: ['a', 'b'].map((Id) => ({ Id, MessageBody: 'x'.repeat(600_000) })),
      }),
    ];
    const names: string[] = [];
    for (const command of failures) {
      names.push(nameOf(await sqs.send(command as GetQueueUrlCommand).catch((error: unknown) => error)));
    }
    expect(names).toEqual([
      'QueueDoesNotExist',
      'ReceiptHandleIsInvalid',
      'QueueNameExists',
      'EmptyBatchRequest',
      'InvalidParameterValue',
      'ValidationException',
      'InvalidParameterValue',
      'InvalidParameterValue',
      'BatchRequestTooLong',
    ]);
  });

  it('takes the tenant of a message, as standard queues do', async () => {
    const QueueUrl = await aQueue('fair');
    const MessageGroupId = 'tenant-1';
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a', MessageGroupId }));
    const Entries = [{ Id: '1', MessageBody: 'b', MessageGroupId }];
    expect((await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).Failed).toEqual([]);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(['a', 'b']);
  });

  it.each(['\ufffe', '\uffff', '\u0001', '\u001f'])(
    'refuses a character that XML 1.0 does not have (%j), in a batch alone',
    async (character) => {
      const QueueUrl = await aQueue('characters');
      const send = sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: `a${character}` }));
      await expect(send).rejects.toMatchObject({ name: 'InvalidMessageContents' });
      const Entries = ['\u0001', 'right'].map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Failed, Successful } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      expect([Failed?.map(({ Code }) => Code), Successful?.length]).toEqual([['InvalidMessageContents'], 1]);
    },
  );

  it('says of a deleted queue that it does not exist', async () => {
    const QueueUrl = await aQueue('deleted');
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    const error = await sqs.send(new ReceiveMessageCommand({ QueueUrl })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(QueueDoesNotExist);
  });
});
