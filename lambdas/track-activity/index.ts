import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../adapters/dynamo-conversation-store.ts';
import { dynamoQuietPeriods } from '../adapters/dynamo-quiet-periods.ts';
import { embeddedMetrics } from '../adapters/embedded-metrics.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { sqsTimerQueue } from '../adapters/sqs-timer-queue.ts';
import { trackActivityEnv } from './env.ts';
import { createTrackActivityHandler } from './handler.ts';

const env = trackActivityEnv.parse(process.env);
const dynamo = new DynamoDBClient();

export const handler = createTrackActivityHandler({
  conversations: dynamoConversationStore(dynamo, env.CONVERSATIONS_TABLE),
  quietPeriods: dynamoQuietPeriods(dynamo, env.SETTINGS_TABLE, Number(env.DEFAULT_QUIET_PERIOD_SECONDS)),
  timers: sqsTimerQueue(new SQSClient(), env.TIMERS_QUEUE_URL),
  clock: Date.now,
  metrics: embeddedMetrics({ clock: Date.now, environment: process.env }),
  log: jsonLog({ service: 'track-activity', clock: Date.now, environment: process.env }),
});
