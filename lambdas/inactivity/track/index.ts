import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoConversationStore } from '../../aws/dynamo-conversation-store.ts';
import { dynamoQuietPeriods } from '../../aws/dynamo-quiet-periods.ts';
import { sqsTimerQueue } from '../../aws/sqs-timer-queue.ts';
import { embeddedMetrics } from '../../telemetry/embedded-metrics.ts';
import { jsonLog } from '../../telemetry/json-log.ts';
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
