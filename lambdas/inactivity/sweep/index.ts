import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../../aws/dynamo-conversation-store.ts';
import { sleep } from '../../aws/sleep.ts';
import { sqsTimerQueue } from '../../aws/sqs-timer-queue.ts';
import { powertoolsLog } from '../../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../telemetry/powertools-metrics.ts';
import { sweepInactivityEnv } from './env.ts';
import { createSweepInactivityHandler } from './handler.ts';

const env = sweepInactivityEnv.parse(process.env);
const log = powertoolsLog('sweep-inactivity');

export const handler = createSweepInactivityHandler({
  conversations: dynamoConversationStore({
    client: new DynamoDBClient(),
    tableName: env.CONVERSATIONS_TABLE,
    sleep,
    random: Math.random,
  }),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
