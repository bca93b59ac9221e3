import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { XRayClient } from '@aws-sdk/client-xray';
import { dynamoDeliveryLedger } from '../aws/dynamo-delivery-ledger.ts';
import { dynamoEndpointHealth } from '../aws/dynamo-endpoint-health.ts';
import { eventBridgePublisher } from '../aws/event-bridge-publisher.ts';
import { httpsWebhookSender } from '../aws/https-webhook-sender.ts';
import { sleep } from '../aws/sleep.ts';
import { sqsControlQueue } from '../aws/sqs-control-queue.ts';
import { sqsDeliveryQueue } from '../aws/sqs-delivery-queue.ts';
import { xrayAttemptTraces } from '../aws/xray-attempt-traces.ts';
import { powertoolsLog } from '../telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../telemetry/powertools-metrics.ts';
import { deliverEnv } from './env.ts';
import { createDeliverHandler } from './handler.ts';

const env = deliverEnv.parse(process.env);
const dynamo = new DynamoDBClient();
const sqs = new SQSClient();
const log = powertoolsLog('deliver');

export const handler = createDeliverHandler({
  subscriptionId: env.SUBSCRIPTION_ID,
  sender: httpsWebhookSender({ policy: env.OUTBOUND_POLICY, clock: Date.now }),
  ledger: dynamoDeliveryLedger({
    client: dynamo,
    deliveriesTable: env.DELIVERIES_TABLE,
    subscriptionsTable: env.SUBSCRIPTIONS_TABLE,
    subscriptionId: env.SUBSCRIPTION_ID,
    sleep,
    random: Math.random,
  }),
  health: dynamoEndpointHealth(dynamo, env.SUBSCRIPTIONS_TABLE, env.SUBSCRIPTION_ID),
  queue: sqsDeliveryQueue(sqs, env.QUEUE_URL, log),
  control: sqsControlQueue(sqs, env.CONTROL_QUEUE_URL),
  publisher: eventBridgePublisher({ client: new EventBridgeClient(), eventBusName: env.EVENT_BUS_NAME, sleep }),
  clock: Date.now,
  random: Math.random,
  ...(env.TRACES === 'on' && {
    traces: xrayAttemptTraces({
      client: new XRayClient(),
      randomHex: (bytes) => randomBytes(bytes).toString('hex'),
      log,
    }),
  }),
  disableAfterSeconds: Number(env.DISABLE_AFTER_SECONDS),
  metrics: powertoolsMetrics(),
  log,
}).use(log.middleware);
