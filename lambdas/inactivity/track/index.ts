import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../../aws/dynamo-conversation-store.ts';
import { dynamoQuietPeriods } from '../../aws/dynamo-quiet-periods.ts';
import { sleep } from '../../aws/sleep.ts';
import { sqsTimerQueue } from '../../aws/sqs-timer-queue.ts';
import { powertoolsLog } from '../../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../telemetry/powertools-metrics.ts';
import { trackActivityEnv } from './env.ts';
import { createTrackActivityHandler } from './handler.ts';

const env = trackActivityEnv.parse(process.env);
const dynamo = { client: new DynamoDBClient(), sleep, random: Math.random };
const log = powertoolsLog('track-activity');

export const handler = createTrackActivityHandler({
  conversations: dynamoConversationStore({ ...dynamo, tableName: env.CONVERSATIONS_TABLE }),
  quietPeriods: dynamoQuietPeriods({
    ...dynamo,
    tableName: env.SETTINGS_TABLE,
    defaultSeconds: Number(env.DEFAULT_QUIET_PERIOD_SECONDS),
  }),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
