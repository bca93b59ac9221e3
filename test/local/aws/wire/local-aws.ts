import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type EngineClock, systemClock } from '../../../../local/aws/engine/engine-clock.ts';
import { createEventBuses } from '../../../../local/aws/engine/event-bus.ts';
import { createQueues } from '../../../../local/aws/engine/queues.ts';
import { deliverToQueuesAndFunctions } from '../../../../local/aws/engine/target-delivery.ts';
import { createMetricStore } from '../../../../local/aws/metrics/metric-store.ts';
import { createEventSourceMappings } from '../../../../local/aws/runtime/event-source-mappings.ts';
import { createLambdaFunctions } from '../../../../local/aws/runtime/lambda-functions.ts';
import { createLogBuffer } from '../../../../local/aws/runtime/log-buffer.ts';
import { createLogGroups } from '../../../../local/aws/runtime/log-groups.ts';
import { createWorkerPool } from '../../../../local/aws/runtime/worker-pool.ts';
import { createStacks } from '../../../../local/aws/stacks.ts';
import { cloudformationService } from '../../../../local/aws/wire/cloudformation.ts';
import { cloudwatchService } from '../../../../local/aws/wire/cloudwatch.ts';
import { createDynamoTables } from '../../../../local/aws/wire/dynamodb.ts';
import { eventBridgeService } from '../../../../local/aws/wire/event-bridge.ts';
import { type AuthorizationRequest, startAwsEndpoint } from '../../../../local/aws/wire/http-server.ts';
import { lambdaService } from '../../../../local/aws/wire/lambda.ts';
import { logsService } from '../../../../local/aws/wire/logs.ts';
import { createSecrets } from '../../../../local/aws/wire/secrets-manager.ts';
import { sqsService } from '../../../../local/aws/wire/sqs.ts';
import { stsService } from '../../../../local/aws/wire/sts.ts';
import { createXraySegments } from '../../../../local/aws/wire/xray.ts';
import { allowsSendBy, everyRole } from '../iam/queue-policies.ts';

export const region = 'us-east-1';
export const accountId = '000000000000';

export interface LocalAwsOptions {
  /** Bucket and key of code, to the folder that holds it. */
  readonly code?: Readonly<Record<string, string>>;
  readonly transitionMs?: number;
  /** The time of the functions' states; default the system's. */
  readonly functionClock?: EngineClock;
  /** Invocations of a function at once; default Lambda's. */
  readonly concurrency?: number;
}

/** The whole local AWS over HTTP, with nothing in it, and the real clients. */
export async function startLocalAws({
  code = {},
  transitionMs = 0,
  functionClock = systemClock(),
  concurrency = 1000,
}: LocalAwsOptions = {}) {
  const clock = systemClock();
  let url = '';
  const calls: AuthorizationRequest[] = [];
  const bugs: unknown[] = [];
  const loopsStopped: string[] = [];
  const pool = createWorkerPool({ clock, region, endpointUrl: () => url });
  const queues = createQueues({ clock, region, accountId });
  const metrics = createMetricStore();
  const functions = createLambdaFunctions({
    clock: functionClock,
    region,
    accountId,
    pool,
    measure: (namespace, metric, dimensions, value) =>
      metrics.put({ namespace, metric, dimensions }, value, clock.now()),
    access: everyRole,
    transitionMs,
    concurrency,
    codeDirectory: (bucket, key) => code[`${bucket}/${key}`],
    onGivenUp: () => {},
    onLoopStopped: (functionArn) => loopsStopped.push(functionArn),
  });
  const buses = createEventBuses({
    clock,
    region,
    accountId,
    deliver: deliverToQueuesAndFunctions({
      queues,
      allowsSend: allowsSendBy(() => queues),
      invokeAsync: (functionArn, payload) => functions.invokeAsync(functionArn, payload),
    }),
    onDropped: () => {},
  });
  const tables = createDynamoTables({ clock, region, accountId });
  const secrets = createSecrets({ region, accountId });
  const mappings = createEventSourceMappings({
    clock,
    region,
    accountId,
    functions,
    queues,
    stream: tables.stream,
    access: everyRole,
  });
  const stacks = createStacks();
  const logs = createLogBuffer();
  const logGroups = createLogGroups(logs, (functionName) => `group-of-${functionName}`);
  const services = [
    tables.service,
    eventBridgeService({ buses }),
    sqsService({ queues, accountId, baseUrl: () => url }),
    lambdaService({ functions, mappings }),
    secrets.service,
    stsService({ accountId, identityArn: (accessKeyId) => `arn:aws:iam::${accountId}:user/${accessKeyId}` }),
    createXraySegments().service,
    cloudwatchService({ store: undefined, alarms: [], now: clock.now }),
    cloudformationService({ stacks }),
    logsService({ groups: logGroups }),
  ];
  const endpoint = await startAwsEndpoint({
    port: 0,
    services,
    authorize: (request) => calls.push(request),
    onBug: (error) => bugs.push(error),
  });
  url = endpoint.url;

  const client = {
    endpoint: url,
    region,
    credentials: { accessKeyId: 'AKIATESTER', secretAccessKey: 'x' },
    maxAttempts: 1,
  };
  const clients = {
    dynamo: new DynamoDBClient(client),
    events: new EventBridgeClient(client),
    lambda: new LambdaClient(client),
    secrets: new SecretsManagerClient(client),
    sqs: new SQSClient(client),
  };

  return {
    url,
    services,
    ...clients,
    tables,
    queues,
    buses,
    functions,
    secretStore: secrets,
    metrics,
    stacks,
    logGroups,
    /** Lines of a function go to the group `group-of-<its name>`. */
    logs,
    /** Every call that reached a service. */
    calls,
    /** The functions whose loops were stopped, once for each invocation that was dropped. */
    loopsStopped,
    /** What the endpoint would have shown on the console. */
    bugs,
    async stop() {
      buses.stop();
      functions.asyncInvocations.stop();
      queues.stop();
      tables.stop();
      void mappings.stop().catch(() => {});
      await pool.stop();
      for (const each of Object.values(clients)) each.destroy();
      await endpoint.close();
    },
  };
}

export type LocalAws = Awaited<ReturnType<typeof startLocalAws>>;
