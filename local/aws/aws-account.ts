import { createCallers } from './callers.ts';
import { type EngineClock, systemClock } from './engine/engine-clock.ts';
import { EngineError } from './engine/engine-error.ts';
import { createEventBuses } from './engine/event-bus.ts';
import type { Measure } from './engine/measure.ts';
import { createQueues } from './engine/queues.ts';
import { deliverToQueuesAndFunctions } from './engine/target-delivery.ts';
import { type AccessControl, createAccessControl } from './iam/access-control.ts';
import { createGrantLedger, grantsOf } from './iam/grant-ledger.ts';
import { createResourcePolicies } from './iam/resource-policies.ts';
import { createRoles } from './iam/roles.ts';
import { collectMetrics } from './metrics/collect-metrics.ts';
import type { MetricStore } from './metrics/metric-store.ts';
import { createMonitoring } from './metrics/monitoring.ts';
import { createCustomResources } from './resources/custom-resource-calls.ts';
import { createEventSourceMappings } from './runtime/event-source-mappings.ts';
import { createLambdaFunctions } from './runtime/lambda-functions.ts';
import { createLogBuffer, type LogLine } from './runtime/log-buffer.ts';
import { createLogGroups } from './runtime/log-groups.ts';
import { createWorkerPool } from './runtime/worker-pool.ts';
import { createServiceCalls } from './service-calls.ts';
import { createStacks } from './stacks.ts';
import { cloudformationService } from './wire/cloudformation.ts';
import { cloudwatchService } from './wire/cloudwatch.ts';
import { createDynamoTables } from './wire/dynamodb.ts';
import { eventBridgeService } from './wire/event-bridge.ts';
import { type AuthorizationRequest, startAwsEndpoint } from './wire/http-server.ts';
import { lambdaService } from './wire/lambda.ts';
import { logsService } from './wire/logs.ts';
import { createSecrets } from './wire/secrets-manager.ts';
import { sqsService } from './wire/sqs.ts';
import { stsService } from './wire/sts.ts';
import { createXraySegments } from './wire/xray.ts';

export interface AwsAccountOptions {
  readonly region: string;
  readonly accountId: string;
  /** Of the endpoint. 0: any free port. */
  readonly port: number;
  /** Where figures go, the functions' own and those that AWS takes by itself. Left out, none are taken. */
  readonly metrics?: MetricStore | undefined;
  /** Of the engine and of the functions. Default: the system's. */
  readonly clock?: EngineClock | undefined;
  /** Workers per function at once; default 4. */
  readonly workersPerFunction?: number | undefined;
  readonly codeCacheDirectory: string;
  /** Folder of a deployment package, by the bucket and key under which it was published. */
  readonly codeDirectory: (bucket: string, key: string) => string | undefined;
  /** Each line that a function writes. */
  readonly onLog: (line: LogLine) => void;
  /** What a person should see of the engine itself: denials, losses, bugs. */
  readonly onNotice: (text: string) => void;
  /** Told of each call to the endpoint that was let through. */
  readonly onCall?: ((call: AuthorizationRequest) => void) | undefined;
}

export type AwsAccount = Awaited<ReturnType<typeof startAwsAccount>>;

/**
 * One account in one region on this machine: every service that the engine has, put together, with nothing in it, behind
 * one endpoint. Rejects with the system's error (`EADDRINUSE`) where the port is taken.
 */
export async function startAwsAccount(options: AwsAccountOptions) {
  const { region, accountId, metrics, onNotice, workersPerFunction, clock = systemClock() } = options;
  const account = { clock, region, accountId };
  let url = '';
  const measure: Measure | undefined =
    metrics &&
    ((namespace, metric, dimensions, value) => metrics.put({ namespace, metric, dimensions }, value, clock.now()));

  const monitoring = createMonitoring();
  const stacks = createStacks();
  const logs = createLogBuffer();
  const pool = createWorkerPool({
    clock,
    machineClock: systemClock(),
    region,
    endpointUrl: () => url,
    onOutput(line) {
      if (functions.mayLog(line.functionName)) logs.add({ ...line, writtenAt: clock.now() });
    },
    measure,
    codeCacheDirectory: options.codeCacheDirectory,
    ...(workersPerFunction === undefined ? {} : { workersPerFunction }),
  });
  const queues = createQueues({ ...account, measure });
  const secrets = createSecrets(account);
  const traces = createXraySegments();
  const customResources = createCustomResources();

  const roles = createRoles();
  const ledger = createGrantLedger();
  const denials: string[] = [];
  const deny = (text: string): void => {
    denials.push(text);
    onNotice(`DENIED ${text}`);
  };
  const policyOf = createResourcePolicies({
    textOf(arn) {
      if (arn.startsWith('arn:aws:sqs:')) return queues.findByArn(arn)?.policy();
      return /^arn:aws:lambda:.*:function:/.test(arn) ? functions.policyText(arn) : undefined;
    },
    onUnreadable: (arn, why) => deny(`everything on ${arn}: ${why}`),
  });
  const access: AccessControl = createAccessControl({
    region,
    accountId,
    roles,
    ledger,
    policyOf,
    secretArn: (secretId) => secrets.arnOf(secretId),
    mappedFunctionArn: (uuid) => mappings.mappedFunctionArn(uuid),
    onDenied: deny,
  });
  const functions = createLambdaFunctions({
    ...account,
    measure,
    pool,
    access,
    codeDirectory: options.codeDirectory,
    onFunctionError: (functionName, requestId, payload) =>
      logs.add({
        functionName,
        requestId,
        stream: 'stderr',
        text: JSON.stringify({ level: 'ERROR', message: payload }),
        writtenAt: clock.now(),
      }),
    onGivenUp: (functionArn, reason) => onNotice(`${functionArn}: an event was given up: ${reason}`),
    onLoopStopped: (functionArn) =>
      onNotice(`WARNING ${functionArn}: an invocation was dropped: the 17th in one chain of requests (RecursiveLoop)`),
  });
  const calls = createServiceCalls(access, functions);
  const logGroups = createLogGroups(logs, (functionName) => functions.find(functionName)?.logGroupName);
  const buses = createEventBuses({
    ...account,
    measure,
    deliver: deliverToQueuesAndFunctions({ queues, allowsSend: calls.allowsSend, invokeAsync: calls.invokeForRule }),
    onDropped: ({ ruleArn, targetArn }, { errorCode, errorMessage }) =>
      onNotice(`${ruleArn}: an event did not reach ${targetArn}: ${errorCode}: ${errorMessage}`),
  });
  const tables = createDynamoTables({ ...account, measure });
  const mappings = createEventSourceMappings({
    ...account,
    functions,
    queues,
    access,
    stream: tables.stream,
    measure,
    ...(workersPerFunction === undefined ? {} : { batchesAtOnce: 2 * workersPerFunction }),
  });
  const collector =
    metrics &&
    collectMetrics({
      store: metrics,
      clock,
      queues,
      filters: monitoring.filters,
      logGroupOf: (functionName) => functions.find(functionName)?.logGroupName,
    });
  logs.onLine((line) => {
    options.onLog(line);
    collector?.readLine(line);
  });

  const stop = async (): Promise<void> => {
    buses.stop();
    functions.asyncInvocations.stop();
    queues.stop();
    tables.stop();
    collector?.stop();
    // Polling ends at once; what is in the functions' hands ends with the workers.
    void mappings.stop().catch(() => {});
    await pool.stop();
  };

  const callers = createCallers({ accountId, functions, access, roles });
  const { authorize, identityArn } = callers;
  const endpoint = await startAwsEndpoint({
    port: options.port,
    services: [
      tables.service,
      eventBridgeService({ buses }),
      sqsService({ queues, accountId, baseUrl: () => url }),
      lambdaService({ functions, mappings }),
      secrets.service,
      stsService({ accountId, identityArn }),
      traces.service,
      cloudwatchService({ store: metrics, alarms: monitoring.alarms, now: clock.now }),
      cloudformationService({ stacks }),
      logsService({ groups: logGroups }),
    ],
    plainRequest: customResources.takeAnswer,
    authorize,
    onCall: options.onCall,
    onBug: (error, what) =>
      // What is not served is said in its message; a stack would only tell of this server.
      onNotice(
        error instanceof EngineError
          ? error.message
          : `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      ),
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  url = endpoint.url;

  return {
    ...account,
    /** `http://127.0.0.1:4401`: where SDK clients go. */
    url,
    measure,
    tables,
    queues,
    buses,
    secrets,
    functions,
    mappings,
    roles,
    access,
    monitoring,
    logs,
    logGroups,
    traces,
    stacks,
    customResources,
    callers,
    calls,
    workers: pool,
    /** What the roles and the resources' policies grant, one action on one resource at a time. */
    granted() {
      const arns = [...queues.list().map(({ arn }) => arn), ...functions.list().map(({ arn }) => arn)];
      return [
        ...roles.list().flatMap(({ trust, statements }) => grantsOf([...trust, ...statements])),
        ...arns.flatMap((arn) => grantsOf(policyOf(arn))),
      ];
    },
    /** What of it has been used. */
    used: ledger.used,
    /** What was asked for and not allowed, each as it was put on the console. */
    denials: () => [...denials],
    /** Ends everything; what is under way is given up. */
    async stop(): Promise<void> {
      await endpoint.close();
      await stop();
    },
  };
}
