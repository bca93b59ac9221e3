import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../../aws/dynamo-conversation-store.ts';
import { dynamoQuietPeriods } from '../../aws/dynamo-quiet-periods.ts';
import { eventBridgePublisher } from '../../aws/event-bridge-publisher.ts';
import { sleep } from '../../aws/sleep.ts';
import { sqsTimerQueue } from '../../aws/sqs-timer-queue.ts';
import { parseLegacyTimeline } from '../../domain/events/legacy-timeline.ts';
import { powertoolsLog } from '../../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../telemetry/powertools-metrics.ts';
import { emitInactivityEnv } from './env.ts';
import { createEmitInactivityHandler } from './handler.ts';

const env = emitInactivityEnv.parse(process.env);
const dynamo = { client: new DynamoDBClient(), sleep, random: Math.random };
const log = powertoolsLog('emit-inactivity');

export const handler = createEmitInactivityHandler({
  conversations: dynamoConversationStore({ ...dynamo, tableName: env.CONVERSATIONS_TABLE }),
  quietPeriods: dynamoQuietPeriods({
    ...dynamo,
    tableName: env.SETTINGS_TABLE,
    defaultSeconds: Number(env.DEFAULT_QUIET_PERIOD_SECONDS),
  }),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  publisher: eventBridgePublisher({ client: new EventBridgeClient(), eventBusName: env.EVENT_BUS_NAME, sleep }),
  timeline: parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE)),
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
