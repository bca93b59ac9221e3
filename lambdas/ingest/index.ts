import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { dynamoAcceptedActivities } from '../aws/dynamo-conversation-store.ts';
import { eventBridgePublisher } from '../aws/event-bridge-publisher.ts';
import { secretsManagerDriftTokens } from '../aws/secrets-manager-drift-tokens.ts';
import { sleep } from '../aws/sleep.ts';
import { parseLegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { ingestEnv } from './env.ts';
import { createIngestHandler } from './handler.ts';

const env = ingestEnv.parse(process.env);
const metrics = powertoolsMetrics();
const log = powertoolsLog('ingest');

export const handler = createIngestHandler({
  tokens: secretsManagerDriftTokens({
    client: new SecretsManagerClient(),
    secretArn: env.DRIFT_TOKEN_SECRET_ARN,
    clock: Date.now,
    metrics,
    log,
  }),
  publisher: eventBridgePublisher({ client: new EventBridgeClient(), eventBusName: env.EVENT_BUS_NAME, sleep }),
  activities: dynamoAcceptedActivities(new DynamoDBClient({ maxAttempts: 2 }), env.CONVERSATIONS_TABLE),
  timeline: parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE)),
  clock: Date.now,
  metrics,
  log,
}).use(log.middleware);
