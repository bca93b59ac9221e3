import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessKeyIdOf } from '../../../local/aws/runtime/runnable-function.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';

let stack: LocalStack;
let queueUrlOf: (part: string) => string;

beforeAll(async () => {
  stack = await startLocalStack({ onNotice: () => undefined });
  for (const url of ['http://127.0.0.1:1/bank', 'http://127.0.0.1:1/evil']) {
    const body = JSON.stringify({ url, eventTypes: ['new_message'] });
    await fetch(`${stack.api}/v1/subscriptions`, { method: 'POST', body });
  }
  while (stack.functions.list().filter(({ name }) => isDelivery(name)).length < 2) await sleep(100);
  queueUrlOf = (part) => {
    const found = stack.queues.list().find(({ name }) => name.includes(part) && !/dlq|Dead/.test(name));
    return `${stack.aws}/000000000000/${found?.name}`;
  };
}, 60_000);
afterAll(() => stack.stop());

const isDelivery = (name: string): boolean => name.startsWith('fanout-local-');

interface Thief {
  readonly dynamo: DynamoDBClient;
  readonly events: EventBridgeClient;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly secrets: SecretsManagerClient;
}

/** Whoever has the keys of this function. */
function thiefOf(part: string): Thief {
  const found = stack.functions
    .list()
    .find(({ name }) => (part === 'delivery' ? isDelivery(name) : name.includes(part)));
  if (found === undefined) throw new Error(`there is no function ${part}`);
  const options = {
    endpoint: stack.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: accessKeyIdOf(found.arn), secretAccessKey: 'stolen' },
  };
  return {
    dynamo: new DynamoDBClient(options),
    events: new EventBridgeClient(options),
    sqs: new SQSClient(options),
    lambda: new LambdaClient(options),
    secrets: new SecretsManagerClient(options),
  };
}

const forge =
  (Source: string, DetailType: string) =>
  ({ events }: Thief) => {
    const Detail = JSON.stringify({ id: 'forged', orgId: 1, type: DetailType, data: {} });
    return events.send(new PutEventsCommand({ Entries: [{ EventBusName: stack.bus, Source, DetailType, Detail }] }));
  };
const forgeBeside =
  (own: [string, string], forged: [string, string]) =>
  ({ events }: Thief) => {
    const Entries = [own, forged].map(([Source, DetailType]) => ({
      EventBusName: stack.bus,
      Source,
      DetailType,
      Detail: '{}',
    }));
    return events.send(new PutEventsCommand({ Entries }));
  };
const update =
  (id: string, record: string, UpdateExpression: string, ExpressionAttributeNames?: Record<string, string>) =>
  ({ dynamo }: Thief) =>
    dynamo.send(
      new UpdateItemCommand({
        TableName: stack.tables.subscriptions,
        Key: { subscriptionId: { S: id }, record: { S: record } },
        UpdateExpression,
        ExpressionAttributeValues: { ':value': { S: 'http://attacker.example/' } },
        ...(ExpressionAttributeNames && { ExpressionAttributeNames }),
      }),
    );
const put =
  (table: keyof LocalStack['tables']) =>
  ({ dynamo }: Thief) => {
    const Item = {
      subscriptionId: { S: 'x' },
      record: { S: 'config' },
      conversationKey: { S: '1#1' },
      orgId: { S: '1' },
    };
    return dynamo.send(new PutItemCommand({ TableName: stack.tables[table], Item }));
  };
const remove = ({ dynamo }: Thief) => {
  const Key = { subscriptionId: { S: 'x' }, record: { S: 'config' } };
  return dynamo.send(new DeleteItemCommand({ TableName: stack.tables.subscriptions, Key }));
};
const receive =
  (queue: string) =>
  ({ sqs }: Thief) =>
    sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrlOf(queue) }));
const send =
  (queue: string) =>
  ({ sqs }: Thief) =>
    sqs.send(new SendMessageCommand({ QueueUrl: queueUrlOf(queue), MessageBody: '{}' }));
const point =
  (rule: string, Arn: string) =>
  async ({ events }: Thief) => {
    await events.send(new PutTargetsCommand({ Rule: rule, EventBusName: stack.bus, Targets: [{ Id: 'x', Arn }] }));
  };
const pointMade = (Arn: string) => async (thief: Thief) => {
  const Name = 'fanout-local-x';
  await thief.events.send(new PutRuleCommand({ Name, EventBusName: stack.bus, EventPattern: '{"source":["drift"]}' }));
  await point(Name, Arn)(thief);
};
const readToken = ({ secrets }: Thief) => {
  const SecretId = stack.functions.list().find(({ environment }) => environment.DRIFT_TOKEN_SECRET_ARN !== undefined)
    ?.environment.DRIFT_TOKEN_SECRET_ARN;
  return secrets.send(new GetSecretValueCommand({ SecretId }));
};
const invoke =
  (part: string) =>
  ({ lambda }: Thief) =>
    lambda.send(
      new InvokeCommand({ FunctionName: stack.functions.list().find(({ name }) => name.includes(part))?.name ?? '' }),
    );
const makeFunction = ({ lambda }: Thief) => {
  const [any] = stack.functions.list();
  return lambda.send(
    new CreateFunctionCommand({
      FunctionName: 'fanout-local-y',
      Role: any?.roleArn ?? '',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { S3Bucket: 'b', S3Key: 'k' },
    }),
  );
};

type Attempt = (thief: Thief) => Promise<unknown>;
const foreignQueue = 'arn:aws:sqs:us-east-1:999999999999:attacker';

const table: Record<string, Record<string, Attempt>> = {
  delivery: {
    'write the url of another': update('bank', 'config', 'SET #url = :value', { '#url': 'url' }),
    'write the url of another, unnamed': update('bank', 'config', 'SET headers = :value'),
    'write the secrets of another': update('bank', 'state', 'SET generatedSecrets = :value'),
    'close the gate of the deployment': update('#deployment', 'deployment', 'SET closed = :value'),
    'write a whole subscription': put('subscriptions'),
    'delete a subscription': remove,
    'write a conversation': put('conversations'),
    'forge an event of Drift': forge('drift', 'new_message'),
    'forge an event of Drift beside its own': forgeBeside(
      ['webhook-fanout', 'webhook_delivery_exhausted'],
      ['drift', 'new_message'],
    ),
    'forge a test': forge('webhook-fanout', 'webhook_test'),
    'read the queue of activities': receive('ActivityQueue'),
    'read the control queue': receive('ControlQueue'),
    'fire a timer': send('TimersQueue'),
    'point a rule elsewhere': point('fanout-local-x', foreignQueue),
    'tear down by invoking provision': invoke('RoutesProvision'),
    'invoke another delivery function': invoke('fanout-local-'),
    "read Drift's token": readToken,
    'make a function': makeFunction,
  },
  RoutesProvision: {
    'forge an event of Drift': forge('drift', 'new_message'),
    'forge a test': forge('webhook-fanout', 'webhook_test'),
    'point a rule at a queue of another account': pointMade(foreignQueue),
    'point a rule at a function': pointMade('arn:aws:lambda:us-east-1:000000000000:function:fanout-local-x'),
    'hand on another role than that of deliveries': makeFunction,
    "read Drift's token": readToken,
    'write a conversation': put('conversations'),
    'read the queue of activities': receive('ActivityQueue'),
  },
  Manage: {
    'forge an event of Drift': forge('drift', 'new_message'),
    'forge an event about deliveries': forge('webhook-fanout', 'webhook_subscription_disabled'),
    'read the control queue': receive('ControlQueue'),
    'ask provision for something': send('ControlQueue'),
    'point a rule elsewhere': point('fanout-local-x', foreignQueue),
    'tear down by invoking provision': invoke('RoutesProvision'),
    "read Drift's token": readToken,
    'make a function': makeFunction,
  },
  Ingest: {
    'forge an event about deliveries': forge('webhook-fanout', 'webhook_subscription_disabled'),
    'write a subscription': put('subscriptions'),
    'write the url of a subscription': update('bank', 'config', 'SET headers = :value'),
    'send to the control queue': send('ControlQueue'),
    'read the queue of activities': receive('ActivityQueue'),
    'point a rule elsewhere': point('fanout-local-x', foreignQueue),
  },
  InactivityEmit: {
    'forge a message': forge('drift', 'new_message'),
    'forge an event about deliveries': forge('webhook-fanout', 'webhook_subscription_disabled'),
    'write a subscription': put('subscriptions'),
    'send to the control queue': send('ControlQueue'),
    "read Drift's token": readToken,
  },
  RecordEvents: {
    'forge an event of Drift': forge('drift', 'new_message'),
    'write a subscription': put('subscriptions'),
    'send to the control queue': send('ControlQueue'),
    "read Drift's token": readToken,
  },
  InactivitySweep: {
    'forge an inactivity': forge('drift', 'conversation_inactive'),
    'write a conversation': put('conversations'),
    'write a subscription': put('subscriptions'),
    "read Drift's token": readToken,
  },
  TrackActivity: {
    'forge a message': forge('drift', 'new_message'),
    'write a subscription': put('subscriptions'),
    'send to the control queue': send('ControlQueue'),
    "read Drift's token": readToken,
  },
};

describe.each(Object.entries(table))('whoever has stolen the keys of the function %s cannot', (part, attempts) => {
  test.each(Object.entries(attempts))('%s', async (_what, attempt) => {
    await expect(attempt(thiefOf(part))).rejects.toMatchObject({ name: expect.stringMatching(/AccessDenied/) });
  });
});
