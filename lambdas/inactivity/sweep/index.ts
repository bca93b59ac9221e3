import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../../aws/dynamo-conversation-store.ts';
import { sleep } from '../../aws/sleep.ts';
import { sqsTimerQueue } from '../../aws/sqs-timer-queue.ts';
import { embeddedMetrics } from '../../telemetry/embedded-metrics.ts';
import { jsonLog } from '../../telemetry/json-log.ts';
import { sweepInactivityEnv } from './env.ts';
import { createSweepInactivityHandler } from './handler.ts';

const env = sweepInactivityEnv.parse(process.env);

export const handler = createSweepInactivityHandler({
  conversations: dynamoConversationStore({
    client: new DynamoDBClient(),
    tableName: env.CONVERSATIONS_TABLE,
    sleep,
    random: Math.random,
  }),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  clock: Date.now,
  metrics: embeddedMetrics({ clock: Date.now, environment: process.env }),
  log: jsonLog({ service: 'sweep-inactivity', clock: Date.now, environment: process.env }),
});
