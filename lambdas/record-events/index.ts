import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoEventRecorder } from '../aws/dynamo-event-recorder.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { recordEventsEnv } from './env.ts';
import { createRecordEventsHandler } from './handler.ts';

const env = recordEventsEnv.parse(process.env);
const log = powertoolsLog('record-events');

export const handler = createRecordEventsHandler({
  recorder: dynamoEventRecorder(new DynamoDBClient(), env.EVENTS_TABLE),
  historyDays: Number(env.EVENT_HISTORY_DAYS),
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
