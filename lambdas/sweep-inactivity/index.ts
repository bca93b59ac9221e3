import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../adapters/dynamo-conversation-store.ts';
import { embeddedMetrics } from '../adapters/embedded-metrics.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { sqsTimerQueue } from '../adapters/sqs-timer-queue.ts';
import { sweepInactivityEnv } from './env.ts';
import { createSweepInactivityHandler } from './handler.ts';

const env = sweepInactivityEnv.parse(process.env);

export const handler = createSweepInactivityHandler({
  conversations: dynamoConversationStore(new DynamoDBClient(), env.CONVERSATIONS_TABLE),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  clock: Date.now,
  metrics: embeddedMetrics({ clock: Date.now, environment: process.env }),
  log: jsonLog({ service: 'sweep-inactivity', clock: Date.now, environment: process.env }),
});
