import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CancelReplayCommand,
  DescribeReplayCommand,
  EventBridgeClient,
  IllegalStatusException,
  LimitExceededException,
  ResourceNotFoundException,
  StartReplayCommand,
} from '@aws-sdk/client-eventbridge';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { dynamoSettingsStore } from '../../lambdas/aws/dynamo-settings-store.ts';
import { eventBridgeReplays } from '../../lambdas/aws/event-bridge-replays.ts';
import { httpsCloudFormationResponder, isAnswerAddress } from '../../lambdas/aws/https-cloudformation-responder.ts';
import { sqsControlQueue } from '../../lambdas/aws/sqs-control-queue.ts';
import { sqsSubscriberQueues } from '../../lambdas/aws/sqs-subscriber-queues.ts';

const says = { message: 'as AWS says', $metadata: {} };

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

describe('tables of the management API', () => {
  let dynamo: EmbeddedDynamo;
  let client: DynamoDBClient;

  beforeAll(async () => {
    dynamo = await startEmbeddedDynamo();
    client = dynamo.client;
  });
  afterAll(() => dynamo.stop());

  it('keep a quiet period, and forget it', async () => {
    const settings = dynamoSettingsStore(client, 'settings');
    expect(await settings.quietPeriodSeconds('7')).toBeUndefined();
    await settings.setQuietPeriodSeconds('7', 90);
    expect(await settings.quietPeriodSeconds('7')).toBe(90);
    await settings.setQuietPeriodSeconds('7', undefined);
    expect(await settings.quietPeriodSeconds('7')).toBeUndefined();
  });
});

describe('replays from the archive', () => {
  const eventBridge = mockClient(EventBridgeClient);
  beforeEach(() => eventBridge.reset());
  const replays = eventBridgeReplays({
    client: new EventBridgeClient(),
    archiveArn: 'arn:aws:events:eu-central-1:123456789012:archive/all',
    eventBusName: 'fanout-bus',
  });
  const replay = { name: 'r', ruleName: 'fanout-test-sub_1', from: 0, to: 1000 };

  it("go to the subscriber's rule alone", async () => {
    await replays.start(replay);
    expect(eventBridge.commandCalls(StartReplayCommand)[0]?.args[0].input).toMatchObject({
      EventSourceArn: 'arn:aws:events:eu-central-1:123456789012:archive/all',
      Destination: {
        Arn: 'arn:aws:events:eu-central-1:123456789012:event-bus/fanout-bus',
        FilterArns: ['arn:aws:events:eu-central-1:123456789012:rule/fanout-bus/fanout-test-sub_1'],
      },
    });
  });

  it('say when there are too many, when there is none, and when it has ended already', async () => {
    eventBridge.on(StartReplayCommand).rejects(new LimitExceededException(says));
    eventBridge.on(DescribeReplayCommand).rejects(new ResourceNotFoundException(says));
    eventBridge.on(CancelReplayCommand).rejects(new IllegalStatusException(says));
    expect(await replays.start(replay)).toEqual({ kind: 'too-many' });
    expect(await replays.describe('r')).toBeUndefined();
    expect(await replays.cancel('r')).toBe(false);
  });
});

describe('queues that are written to', () => {
  const sqs = mockClient(SQSClient);
  beforeEach(() => sqs.reset());

  it('take events in as few calls as fit, and say when there is no such queue', async () => {
    const queues = sqsSubscriberQueues(new SQSClient(), 'fanout-test');
    sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'url' });
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries }) => ({
      Successful: Entries.map(({ Id, MessageBody }: { Id: string; MessageBody: string }) => ({
        Id,
        MessageId: `of ${MessageBody}`,
      })).reverse(),
    }));
    const bodies = Array.from({ length: 25 }, (_, index) => `{"n":${index}}`);
    expect(await queues.put('sub_1', bodies)).toEqual(bodies.map((body) => `of ${body}`));
    expect(sqs.commandCalls(SendMessageBatchCommand)).toHaveLength(3);
    sqs.resetHistory();
    await queues.put('sub_1', ['x'.repeat(600_000), 'y'.repeat(600_000)]);
    expect(sqs.commandCalls(SendMessageBatchCommand)).toHaveLength(2);
    sqs.on(GetQueueUrlCommand).rejects(new QueueDoesNotExist(says));
    expect(await queues.put('sub_1', ['{}'])).toBeUndefined();
  });

  it('say how deep they are, and nothing where there are none', async () => {
    const queues = sqsSubscriberQueues(new SQSClient(), 'fanout-test');
    sqs.on(GetQueueUrlCommand).callsFake(({ QueueName }) => ({ QueueUrl: QueueName }));
    sqs.on(GetQueueAttributesCommand, { QueueUrl: 'fanout-test-sub_1' }).resolves({
      Attributes: { ApproximateNumberOfMessages: '5', ApproximateNumberOfMessagesNotVisible: '2' },
    });
    sqs.on(GetQueueAttributesCommand, { QueueUrl: 'fanout-test-sub_1-dlq' }).resolves({
      Attributes: { ApproximateNumberOfMessages: '3' },
    });
    expect(await queues.depth('sub_1')).toEqual({ waiting: 5, inFlight: 2, deadLetters: 3 });
    sqs.on(GetQueueUrlCommand).rejects(new QueueDoesNotExist(says));
    expect(await queues.depth('sub_1')).toBeUndefined();
  });

  it('are not taken to have what they refused', async () => {
    const Failed = [{ Id: '0', SenderFault: false, Code: 'InternalError' }];
    sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'url' });
    sqs.on(SendMessageBatchCommand).resolves({ Failed });
    await expect(sqsSubscriberQueues(new SQSClient(), 'fanout-test').put('sub_1', ['{}'])).rejects.toThrow();
    const control = sqsControlQueue(new SQSClient(), 'url');
    const message = { subscriptionId: 'sub_1', action: 'reconcile' } as const;
    await expect(control.send([{ message, delaySeconds: 0 }])).rejects.toThrow('InternalError');
  });
});

describe('an answer to CloudFormation', () => {
  const response = {
    Status: 'SUCCESS',
    PhysicalResourceId: 'p',
    StackId: 's',
    RequestId: 'r',
    LogicalResourceId: 'l',
  } as const;

  async function answeredBy(statuses: number[]): Promise<{ bodies: string[]; types: unknown[]; failed: boolean }> {
    const bodies: string[] = [];
    const types: unknown[] = [];
    const server = createServer((request, answer) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        bodies.push(`${request.method} ${body}`);
        types.push(request.headers['content-type']);
        answer.writeHead(statuses.shift() ?? 200).end();
      });
    });
    await listen(server);
    const responder = httpsCloudFormationResponder(async () => undefined, 'local');
    const failed = await responder.respond(`http://127.0.0.1:${portOf(server)}/answer?x=1`, response).then(
      () => false,
      () => true,
    );
    await new Promise((resolve) => server.close(resolve));
    return { bodies, types, failed };
  }

  it('is put at its address, without a content type, for which the address is not signed', async () => {
    const { bodies, types, failed } = await answeredBy([200]);
    expect(failed).toBe(false);
    expect(bodies).toEqual([`PUT ${JSON.stringify(response)}`]);
    expect(types).toEqual(['']);
  });

  it.each([
    'http://127.0.0.1:4592/attacker-url',
    'https://attacker.example/',
    'https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.attacker.example/',
    'https://attacker.s3.amazonaws.com/cloudformation-custom-resource-response-useast1',
    'http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/',
    'https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:8443/',
    'https://169.254.169.254/',
  ])('deployed, is not put at %s, which is not an address of CloudFormation', async (url) => {
    const responder = httpsCloudFormationResponder(async () => undefined, 'public');
    await expect(responder.respond(url, response)).rejects.toThrow("is not CloudFormation's");
  });

  it.each([
    'https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?x=1',
    'https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn?x=1',
    'https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/arn?x=1',
    'https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/arn?x=1',
  ])('deployed, is put at %s', (url) => {
    expect(isAnswerAddress(new URL(url), 'public')).toBe(true);
  });

  it('is tried again, and given up loudly', async () => {
    expect(await answeredBy([500, 503])).toMatchObject({ failed: false, bodies: { length: 3 } });
    expect(await answeredBy([500, 500, 500, 500])).toMatchObject({ failed: true });
  });
});
