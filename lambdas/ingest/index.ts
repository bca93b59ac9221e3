import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { embeddedMetrics } from '../adapters/embedded-metrics.ts';
import { eventBridgePublisher } from '../adapters/event-bridge-publisher.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { secretsManagerDriftTokens } from '../adapters/secrets-manager-drift-tokens.ts';
import { sleep } from '../adapters/sleep.ts';
import { parseLegacyTimeline } from '../domain/legacy-timeline.ts';
import { ingestEnv } from './env.ts';
import { createIngestHandler } from './handler.ts';

const env = ingestEnv.parse(process.env);

export const handler = createIngestHandler({
  tokens: secretsManagerDriftTokens(new SecretsManagerClient(), env.DRIFT_TOKEN_SECRET_ARN, Date.now),
  publisher: eventBridgePublisher({ client: new EventBridgeClient(), eventBusName: env.EVENT_BUS_NAME, sleep }),
  timeline: parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE)),
  clock: Date.now,
  metrics: embeddedMetrics({ clock: Date.now, environment: process.env }),
  log: jsonLog({ service: 'ingest', clock: Date.now, environment: process.env }),
});
