import type { LambdaName } from '../../infra/bundle-lambdas.ts';
import { anEnvelope, signingSecret } from '../support/deliveries.ts';

/** What a function is started with, once, and what a function without any of our code does instead. */
export interface ColdFunction {
  readonly environment: Readonly<Record<string, string>>;
  /** An everyday event that it answers without trouble. */
  readonly event: unknown;
  /** The calls that it makes of AWS for this event, in code: what an otherwise empty handler does as well. */
  readonly calls: string;
}

const timeline = JSON.stringify({
  closedToNewAt: '2020-04-15',
  mirroredAt: '2020-06-01',
  removedAt: '2020-10-01',
});
const queueUrl = 'https://localhost/000000000000/queue';

function anSqsEvent(body: string): unknown {
  const attributes = {
    ApproximateReceiveCount: '1',
    SentTimestamp: String(Date.now()),
    SenderId: 'AIDAIENQZJOLO23YVJ4VO',
    ApproximateFirstReceiveTimestamp: String(Date.now()),
  };
  const eventSource = 'aws:sqs';
  return { Records: [{ messageId: 'm1', receiptHandle: 'r1', body, attributes, eventSource, messageAttributes: {} }] };
}

const message =
  '{"id":1,"conversationId":123456789,"author":{"type":"contact","id":1},"type":"chat","createdAt":1591813167000}';
const keys = `{ RequestItems: { table: { Keys: [{ key: { S: 'x' } }] } } }`;

export const coldFunctions: Readonly<Record<LambdaName, ColdFunction>> = {
  ingest: {
    environment: { EVENT_BUS_NAME: 'bus', DRIFT_TOKEN_SECRET_ARN: 'arn:secret', LEGACY_TIMELINE: timeline },
    event: {
      version: '2.0',
      rawPath: '/drift/events',
      headers: {},
      requestContext: { requestId: 'x', http: { method: 'POST', path: '/drift/events' } },
      body: `{"orgId":1,"type":"new_message","token":"bench","data":${message}}`,
      isBase64Encoded: false,
    },
    calls: `
      await secretsManager.send(new secretsManagerCommands.GetSecretValueCommand({ SecretId: 'arn:secret' }));
      await eventBridge.send(new eventBridgeCommands.PutEventsCommand({ Entries: [{ EventBusName: 'bus', Source: 'drift', DetailType: 'x', Detail: '{}' }] }));`,
  },
  'track-activity': {
    environment: {
      CONVERSATIONS_TABLE: 'table',
      SETTINGS_TABLE: 'settings',
      TIMERS_QUEUE_URL: queueUrl,
      DEFAULT_QUIET_PERIOD_SECONDS: '600',
    },
    // Of now: an old one would arm a timer that is due at once, which is another path.
    event: anSqsEvent(anEnvelope({ type: 'new_message', data: message, occurredAt: Date.now() })),
    calls: `
      await Promise.all([1, 2].map(() => dynamoDb.send(new dynamoDbCommands.BatchGetItemCommand(${keys}))));
      await dynamoDb.send(new dynamoDbCommands.UpdateItemCommand({ TableName: 'table', Key: { key: { S: 'x' } } }));`,
  },
  'sweep-inactivity': {
    environment: { CONVERSATIONS_TABLE: 'table', TIMERS_QUEUE_URL: queueUrl },
    event: {},
    calls: `
      await Promise.all(Array.from({ length: 8 }, () => dynamoDb.send(new dynamoDbCommands.QueryCommand({ TableName: 'table', KeyConditionExpression: 'a = :a' }))));`,
  },
  'emit-inactivity': {
    environment: {
      CONVERSATIONS_TABLE: 'table',
      SETTINGS_TABLE: 'settings',
      TIMERS_QUEUE_URL: queueUrl,
      EVENT_BUS_NAME: 'bus',
      DEFAULT_QUIET_PERIOD_SECONDS: '600',
      LEGACY_TIMELINE: timeline,
    },
    event: anSqsEvent('{"conversationKey":"1#2","dueAt":1591813167000}'),
    calls: `
      await dynamoDb.send(new dynamoDbCommands.BatchGetItemCommand(${keys}));
      await dynamoDb.send(new dynamoDbCommands.GetItemCommand({ TableName: 'table', Key: { key: { S: 'x' } } }));`,
  },
  'record-events': {
    environment: { EVENTS_TABLE: 'table', EVENT_HISTORY_DAYS: '14' },
    event: anSqsEvent(anEnvelope()),
    calls: `
      await dynamoDb.send(new dynamoDbCommands.PutItemCommand({ TableName: 'table', Item: { key: { S: 'x' } } }));`,
  },
  provision: {
    environment: {
      SUBSCRIPTIONS_TABLE: 'table',
      DELIVERIES_TABLE: 'deliveries',
      EVENT_BUS_NAME: 'bus',
      ROUTE_PREFIX: 'fanout-bench',
      DELIVER_CODE_BUCKET: 'bucket',
      DELIVER_CODE_KEY: 'key.zip',
      DELIVER_ROLE_ARN: 'arn:aws:iam::000000000000:role/deliver',
      DELIVER_LOG_GROUP: 'deliveries',
      CONTROL_QUEUE_URL: queueUrl,
      OUTBOUND_POLICY: 'public',
      TRACES: 'off',
      LEGACY_TIMELINE: timeline,
      DISABLE_AFTER_SECONDS: '432000',
    },
    event: { action: 'reconcile-all' },
    calls: `
      await dynamoDb.send(new dynamoDbCommands.ScanCommand({ TableName: 'table' }));
      await eventBridge.send(new eventBridgeCommands.ListRulesCommand({ EventBusName: 'bus' }));
      await sqs.send(new sqsCommands.ListQueuesCommand({}));
      await lambda.send(new lambdaCommands.ListFunctionsCommand({}));`,
  },
  deliver: {
    environment: {
      SUBSCRIPTION_ID: 'sub_bench',
      QUEUE_URL: queueUrl,
      SUBSCRIPTIONS_TABLE: 'table',
      DELIVERIES_TABLE: 'deliveries',
      EVENT_BUS_NAME: 'bus',
      CONTROL_QUEUE_URL: queueUrl,
      OUTBOUND_POLICY: 'local',
      TRACES: 'off',
      DISABLE_AFTER_SECONDS: '432000',
    },
    event: anSqsEvent(anEnvelope()),
    calls: `
      await dynamoDb.send(new dynamoDbCommands.BatchGetItemCommand(${keys}));
      await new Promise((resolve, reject) => {
        const call = request(process.env.AWS_ENDPOINT_URL, { method: 'POST', agent }, (response) => response.resume().on('end', resolve));
        call.on('error', reject);
        call.end('{}');
      });
      await dynamoDb.send(new dynamoDbCommands.BatchWriteItemCommand({ RequestItems: { table: [{ PutRequest: { Item: { key: { S: 'x' } } } }] } }));`,
  },
  manage: {
    environment: {
      SUBSCRIPTIONS_TABLE: 'table',
      SETTINGS_TABLE: 'settings',
      DELIVERIES_TABLE: 'deliveries',
      CONVERSATIONS_TABLE: 'conversations',
      EVENTS_TABLE: 'none',
      EVENT_HISTORY_DAYS: '0',
      EVENT_BUS_NAME: 'bus',
      EVENT_ARCHIVE_ARN: 'arn:aws:events:eu-central-1:000000000000:archive/a',
      ROUTE_PREFIX: 'fanout-bench',
      OUTBOUND_POLICY: 'public',
      TRACES: 'off',
      DEFAULT_QUIET_PERIOD_SECONDS: '600',
      LEGACY_TIMELINE: timeline,
    },
    event: {
      version: '2.0',
      rawPath: '/v1/subscriptions',
      rawQueryString: '',
      headers: {},
      requestContext: { requestId: 'x', http: { method: 'GET', path: '/v1/subscriptions' } },
      isBase64Encoded: false,
    },
    calls: `
      await dynamoDb.send(new dynamoDbCommands.ScanCommand({ TableName: 'table' }));`,
  },
};

/** What the stand-in for DynamoDB answers a delivery function: its subscription. */
export function subscriberItems(url: string): unknown[] {
  return [
    {
      subscriptionId: { S: 'sub_bench' },
      record: { S: 'config' },
      url: { S: url },
      eventTypes: { L: [{ S: 'conversation_push' }] },
      status: { S: 'active' },
      secrets: { L: [{ M: { secret: { S: signingSecret } } }] },
    },
    { subscriptionId: { S: 'sub_bench' }, record: { S: 'state' }, provisioning: { S: 'ready' } },
  ];
}
