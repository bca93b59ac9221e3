import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsRouteControlPlane } from '../aws/aws-route-control-plane.ts';
import { dynamoDueDeliveries } from '../aws/dynamo-due-deliveries.ts';
import { dynamoRouteLeases } from '../aws/dynamo-route-leases.ts';
import { dynamoDeploymentGate, dynamoSubscriptionStore } from '../aws/dynamo-subscription-store.ts';
import { eventBridgePublisher } from '../aws/event-bridge-publisher.ts';
import { httpsCloudFormationResponder } from '../aws/https-cloudformation-responder.ts';
import { sleep } from '../aws/sleep.ts';
import { sqsControlQueue } from '../aws/sqs-control-queue.ts';
import { sqsRetryQueues } from '../aws/sqs-retry-queues.ts';
import { parseLegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { createDueDeliveries } from './due-deliveries.ts';
import { provisionEnv } from './env.ts';
import { createProvisionHandler } from './handler.ts';
import { routeSettings } from './route-settings.ts';

const env = provisionEnv.parse(process.env);
const settings = routeSettings(env, process.env.AWS_REGION ?? '');
// Control planes throttle early (Lambda's: 15 calls a second for the account); `adaptive` slows down with them.
const patient = { maxAttempts: 8, retryMode: 'adaptive' };
const dynamo = new DynamoDBClient();
const sqs = new SQSClient(patient);
const eventBridge = new EventBridgeClient(patient);

const subscriptions = dynamoSubscriptionStore({
  client: dynamo,
  tableName: env.SUBSCRIPTIONS_TABLE,
  sleep,
  random: Math.random,
});
const log = powertoolsLog('provision');
const shared = {
  clock: Date.now,
  metrics: powertoolsMetrics(),
  log,
};

export const handler = createProvisionHandler({
  subscriptions,
  leases: dynamoRouteLeases(dynamo, env.SUBSCRIPTIONS_TABLE),
  gate: dynamoDeploymentGate(dynamo, env.SUBSCRIPTIONS_TABLE),
  routes: awsRouteControlPlane({
    eventBridge,
    sqs,
    lambda: new LambdaClient(patient),
    settings,
    sleep,
  }),
  controlQueue: sqsControlQueue(sqs, env.CONTROL_QUEUE_URL),
  dueDeliveries: createDueDeliveries({
    subscriptions,
    dueDeliveries: dynamoDueDeliveries({ client: dynamo, tableName: env.DELIVERIES_TABLE, sleep, random: Math.random }),
    retryQueues: sqsRetryQueues(sqs, settings),
    publisher: eventBridgePublisher({ client: eventBridge, eventBusName: env.EVENT_BUS_NAME, sleep }),
    ...shared,
  }),
  responder: httpsCloudFormationResponder(sleep, env.OUTBOUND_POLICY),
  settings,
  ruleSettleSeconds: Number(env.RULE_SETTLE_SECONDS),
  outboundPolicy: env.OUTBOUND_POLICY,
  timeline: parseLegacyTimeline(JSON.parse(env.LEGACY_TIMELINE)),
  randomBytes,
  sleep,
  ...shared,
}).use(log.middleware);
