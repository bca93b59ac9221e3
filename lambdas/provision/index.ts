import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsRouteControlPlane } from '../aws/aws-route-control-plane.ts';
import { dynamoDeploymentGate, dynamoSubscriptionStore } from '../aws/dynamo-subscription-store.ts';
import { httpsCloudFormationResponder } from '../aws/https-cloudformation-responder.ts';
import { sleep } from '../aws/sleep.ts';
import { sqsControlQueue } from '../aws/sqs-control-queue.ts';
import { parseLegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { provisionEnv } from './env.ts';
import { createProvisionHandler } from './handler.ts';
import { routeSettings } from './route-settings.ts';

const env = provisionEnv.parse(process.env);
const settings = routeSettings(env, process.env.AWS_REGION ?? '');
// Control planes throttle early (Lambda's: 15 calls a second for the account); `adaptive` slows down with them.
const patient = { maxAttempts: 8, retryMode: 'adaptive' };
const dynamo = new DynamoDBClient();
const sqs = new SQSClient(patient);
const log = powertoolsLog('provision');

export const handler = createProvisionHandler({
  subscriptions: dynamoSubscriptionStore({
    client: dynamo,
    tableName: env.SUBSCRIPTIONS_TABLE,
    sleep,
    random: Math.random,
  }),
  gate: dynamoDeploymentGate(dynamo, env.SUBSCRIPTIONS_TABLE),
  routes: awsRouteControlPlane({
    eventBridge: new EventBridgeClient(patient),
    sqs,
    lambda: new LambdaClient(patient),
    settings,
    sleep,
  }),
  controlQueue: sqsControlQueue(sqs, env.CONTROL_QUEUE_URL),
  responder: httpsCloudFormationResponder(sleep),
  settings,
  outboundPolicy: env.OUTBOUND_POLICY,
  timeline: parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE)),
  randomBytes,
  sleep,
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
