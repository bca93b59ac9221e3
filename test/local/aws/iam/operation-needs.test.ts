import { expect, test } from 'vitest';
import { type Account, operationNeeds } from '../../../../local/aws/iam/operation-needs.ts';
import { startLocalAws } from '../wire/local-aws.ts';

const account: Account = {
  region: 'us-east-1',
  accountId: '000000000000',
  secretArn: (id) => (id === 'token' ? 'arn:aws:secretsmanager:us-east-1:000000000000:secret:token-AbCdEf' : undefined),
  mappedFunctionArn: (uuid) => (uuid === 'known' ? 'arn:aws:lambda:us-east-1:000000000000:function:mapped' : undefined),
};

const needsOf = (operation: string, input: Record<string, unknown>) =>
  operationNeeds[operation]?.(input, account).map(({ action, resource }) => `${action} ${resource}`);

const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:000000000000:${rest}`;

test('every operation that is served says what it needs, and no other', async () => {
  const aws = await startLocalAws();
  const served = aws.services.flatMap(({ name, operations }) =>
    Object.keys(operations).map((operation) => `${name}:${operation}`),
  );
  await aws.stop();
  expect(Object.keys(operationNeeds).sort()).toEqual(served.sort());
});

test('an index is a resource of its own', () => {
  expect(needsOf('dynamodb:Query', { TableName: 'conversations', IndexName: 'timers' })).toEqual([
    `dynamodb:Query ${arn('dynamodb', 'table/conversations/index/timers')}`,
  ]);
  expect(needsOf('dynamodb:Query', { TableName: 'conversations' })).toEqual([
    `dynamodb:Query ${arn('dynamodb', 'table/conversations')}`,
  ]);
});

test('a batch over two tables needs both', () => {
  expect(needsOf('dynamodb:BatchGetItem', { RequestItems: { subscriptions: {}, deliveries: {} } })).toEqual([
    `dynamodb:BatchGetItem ${arn('dynamodb', 'table/subscriptions')}`,
    `dynamodb:BatchGetItem ${arn('dynamodb', 'table/deliveries')}`,
  ]);
});

test.each([
  ['sqs:SendMessageBatch', 'sqs:SendMessage'],
  ['sqs:DeleteMessageBatch', 'sqs:DeleteMessage'],
  ['sqs:ChangeMessageVisibilityBatch', 'sqs:ChangeMessageVisibility'],
])('%s needs %s', (operation, action) => {
  const input = { QueueUrl: 'http://127.0.0.1:4401/000000000000/orders' };
  expect(needsOf(operation, input)).toEqual([`${action} ${arn('sqs', 'orders')}`]);
});

test('who moves dead letters needs to take them there and to send them here', () => {
  const SourceArn = arn('sqs', 'letters');
  const taking = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map((name) => `sqs:${name} ${SourceArn}`);
  expect(needsOf('sqs:StartMessageMoveTask', { SourceArn, DestinationArn: arn('sqs', 'orders') })).toEqual([
    `sqs:StartMessageMoveTask ${SourceArn}`,
    ...taking,
    `sqs:SendMessage ${arn('sqs', 'orders')}`,
  ]);
  const TaskHandle = Buffer.from(JSON.stringify({ taskId: 'x', sourceArn: SourceArn })).toString('base64');
  expect(needsOf('sqs:CancelMessageMoveTask', { TaskHandle })?.[0]).toBe(`sqs:CancelMessageMoveTask ${SourceArn}`);
});

test('events are put on each bus that they name, with their sources', () => {
  const Entries = [
    { EventBusName: 'fanout', Source: 'drift', DetailType: 'a' },
    { EventBusName: arn('events', 'event-bus/fanout'), Source: 'webhook-fanout', DetailType: 'b' },
    { Source: 'other', DetailType: 'c' },
  ];
  expect(operationNeeds['events:PutEvents']?.({ Entries }, account)).toEqual([
    {
      action: 'events:PutEvents',
      resource: arn('events', 'event-bus/fanout'),
      context: { 'events:source': ['drift', 'webhook-fanout'], 'events:detail-type': ['a', 'b'] },
    },
    {
      action: 'events:PutEvents',
      resource: arn('events', 'event-bus/default'),
      context: { 'events:source': ['other'], 'events:detail-type': ['c'] },
    },
  ]);
});

test("a rule's name begins with its bus, unless it is the default one", () => {
  expect(needsOf('events:DescribeRule', { Name: 'orders', EventBusName: 'fanout' })).toEqual([
    `events:DescribeRule ${arn('events', 'rule/fanout/orders')}`,
  ]);
  expect(needsOf('events:DescribeRule', { Name: 'orders' })).toEqual([
    `events:DescribeRule ${arn('events', 'rule/orders')}`,
  ]);
});

test('a replay needs the archive, the bus and itself', () => {
  const input = {
    ReplayName: 'again',
    EventSourceArn: arn('events', 'archive/kept'),
    Destination: { Arn: arn('events', 'event-bus/fanout') },
  };
  expect(needsOf('events:StartReplay', input)).toEqual(
    ['archive/kept', 'event-bus/fanout', 'replay/again'].map((rest) => `events:StartReplay ${arn('events', rest)}`),
  );
});

test('what is made with tags needs the permission to tag as well', () => {
  const tags = { team: 'crm' };
  const Tags = [{ Key: 'team', Value: 'crm' }];
  expect(needsOf('sqs:CreateQueue', { QueueName: 'orders', tags })).toContain(`sqs:TagQueue ${arn('sqs', 'orders')}`);
  expect(needsOf('events:PutRule', { Name: 'orders', EventBusName: 'fanout', Tags })).toEqual([
    `events:PutRule ${arn('events', 'rule/fanout/orders')}`,
    `events:TagResource ${arn('events', 'rule/fanout/orders')}`,
  ]);
  expect(needsOf('events:PutRule', { Name: 'orders' })).toEqual([`events:PutRule ${arn('events', 'rule/orders')}`]);
});

test('who makes a function hands on its role to Lambda and reads its code', () => {
  const Role = 'arn:aws:iam::000000000000:role/delivery';
  const input = { FunctionName: 'f', Role, Code: { S3Bucket: 'assets', S3Key: 'code.zip' }, Tags: { a: 'b' } };
  expect(needsOf('lambda:CreateFunction', input)).toEqual([
    `lambda:CreateFunction ${arn('lambda', 'function:f')}`,
    `lambda:TagResource ${arn('lambda', 'function:f')}`,
    `iam:PassRole ${Role}`,
    's3:GetObject arn:aws:s3:::assets/code.zip',
  ]);
  const passing = operationNeeds['lambda:CreateFunction']?.(input, account).find(
    ({ action }) => action === 'iam:PassRole',
  );
  expect(passing?.context).toMatchObject({ 'iam:passedtoservice': ['lambda.amazonaws.com'] });
});

test('a mapping is checked by its function', () => {
  const functionsOf = (operation: string, input: Record<string, unknown>) =>
    operationNeeds[operation]?.(input, account).map(({ context }) => context?.['lambda:functionarn']);
  const [mapped, other] = [arn('lambda', 'function:mapped'), arn('lambda', 'function:other')];
  expect(functionsOf('lambda:CreateEventSourceMapping', { FunctionName: 'other' })).toEqual([[other]]);
  expect(functionsOf('lambda:DeleteEventSourceMapping', { UUID: 'known' })).toEqual([[mapped]]);
  expect(functionsOf('lambda:UpdateEventSourceMapping', { UUID: 'known' })).toEqual([[mapped]]);
  expect(needsOf('lambda:DeleteEventSourceMapping', { UUID: 'gone' })).toEqual([]);
});

test('a function is the same by name and by ARN', () => {
  for (const FunctionName of ['f', arn('lambda', 'function:f')]) {
    expect(needsOf('lambda:Invoke', { FunctionName })).toEqual([
      `lambda:InvokeFunction ${arn('lambda', 'function:f')}`,
    ]);
  }
});

test('a secret is its ARN, whatever it is called by', () => {
  expect(needsOf('secretsmanager:GetSecretValue', { SecretId: 'token' })).toEqual([
    `secretsmanager:GetSecretValue ${arn('secretsmanager', 'secret:token-AbCdEf')}`,
  ]);
});

test('an update needs every attribute that it reads or writes, by whatever name it calls it', () => {
  const attributesOf = (input: Record<string, unknown>) =>
    operationNeeds['dynamodb:UpdateItem']?.(input, account)[0]?.context?.['dynamodb:attributes'];
  expect(
    attributesOf({
      TableName: 't',
      Key: { id: {}, record: {} },
      UpdateExpression: 'SET #a = if_not_exists(#b, :v), plain = :plain REMOVE #c.#inner ADD failures :n',
      ConditionExpression: 'attribute_exists(#id) AND NOT (circuit.#state IN (:x) OR size(#b) BETWEEN :y AND :z)',
      ExpressionAttributeNames: {
        '#a': 'url',
        '#b': 'secrets',
        '#c': 'headers',
        '#inner': 'x',
        '#id': 'id',
        '#state': 's',
      },
    }),
  ).toEqual(['id', 'record', 'url', 'secrets', 'plain', 'headers', 'failures', 'circuit']);
  expect(attributesOf({ Key: { id: {} }, AttributeUpdates: { url: {} }, Expected: { status: {} } })).toEqual([
    'id',
    'url',
    'status',
  ]);
});
