import { randomBytes } from 'node:crypto';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { cloudwatchSubscriptionMetrics } from '../aws/cloudwatch-subscription-metrics.ts';
import { dynamoConversationStore } from '../aws/dynamo-conversation-store.ts';
import { dynamoDeliveryHistory } from '../aws/dynamo-delivery-history.ts';
import { dynamoEventHistory } from '../aws/dynamo-event-history.ts';
import { dynamoQueuedReplays } from '../aws/dynamo-queued-replays.ts';
import { dynamoRequestKeys } from '../aws/dynamo-request-keys.ts';
import { dynamoSettingsStore } from '../aws/dynamo-settings-store.ts';
import { dynamoSubscriptionStore } from '../aws/dynamo-subscription-store.ts';
import { eventBridgePublisher } from '../aws/event-bridge-publisher.ts';
import { eventBridgeReplays } from '../aws/event-bridge-replays.ts';
import { lambdaDeliveryFunctions } from '../aws/lambda-delivery-functions.ts';
import { sleep } from '../aws/sleep.ts';
import { sqsSubscriberQueues } from '../aws/sqs-subscriber-queues.ts';
import { replayRetentionSeconds } from '../domain/deliveries/replay.ts';
import { parseLegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { manageEnv } from './env.ts';
import { createManageHandler } from './handler.ts';
import { keyLifetimeSeconds } from './idempotency.ts';

const env = manageEnv.parse(process.env);
const timeline = parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE));
const dynamo = new DynamoDBClient();
const batches = { client: dynamo, sleep, random: Math.random };
const eventBridge = new EventBridgeClient();
const log = powertoolsLog('manage');

export const handler = createManageHandler({
  subscriptions: dynamoSubscriptionStore({
    client: dynamo,
    tableName: env.SUBSCRIPTIONS_TABLE,
    sleep,
    random: Math.random,
  }),
  requestKeys: dynamoRequestKeys(dynamo, env.DELIVERIES_TABLE, keyLifetimeSeconds),
  queuedReplays: dynamoQueuedReplays(dynamo, env.DELIVERIES_TABLE, replayRetentionSeconds),
  settings: dynamoSettingsStore(dynamo, env.SETTINGS_TABLE),
  deliveries: dynamoDeliveryHistory({ ...batches, tableName: env.DELIVERIES_TABLE }),
  events:
    env.EVENTS_TABLE === 'none'
      ? undefined
      : dynamoEventHistory({
          ...batches,
          tableName: env.EVENTS_TABLE,
          keptDays: Number(env.EVENT_HISTORY_DAYS),
          clock: Date.now,
        }),
  conversations: dynamoConversationStore({ ...batches, tableName: env.CONVERSATIONS_TABLE }),
  publisher: eventBridgePublisher({ client: eventBridge, eventBusName: env.EVENT_BUS_NAME, sleep }),
  queues: sqsSubscriberQueues(new SQSClient(), env.ROUTE_PREFIX),
  functions: lambdaDeliveryFunctions(new LambdaClient(), env.ROUTE_PREFIX),
  replays: eventBridgeReplays({
    client: eventBridge,
    archiveArn: env.EVENT_ARCHIVE_ARN,
    eventBusName: env.EVENT_BUS_NAME,
  }),
  subscriptionMetrics: cloudwatchSubscriptionMetrics(new CloudWatchClient(), env.ROUTE_PREFIX),
  routePrefix: env.ROUTE_PREFIX,
  rules: { outboundPolicy: env.OUTBOUND_POLICY, timeline },
  defaultQuietPeriodSeconds: Number(env.DEFAULT_QUIET_PERIOD_SECONDS),
  timeline,
  randomBytes,
  sleep,
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
