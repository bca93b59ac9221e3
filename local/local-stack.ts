import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LegacyPhase } from '../lambdas/domain/events/legacy-timeline.ts';
import { systemClock } from './aws/engine/engine-clock.ts';
import { EngineError } from './aws/engine/engine-error.ts';
import { createEventBuses, type EventBuses } from './aws/engine/event-bus.ts';
import type { Measure } from './aws/engine/measure.ts';
import { createQueues, type Queues } from './aws/engine/queue.ts';
import { deliverToQueuesAndFunctions } from './aws/engine/target-delivery.ts';
import { type HttpApiServer, startHttpApi } from './aws/gateway/http-api.ts';
import type { ProxyAnswer } from './aws/gateway/proxy-answer.ts';
import { type AccessControl, type Caller, createAccessControl, sessionArn } from './aws/iam/access-control.ts';
import type { Grant } from './aws/iam/evaluate-access.ts';
import { createGrantLedger, grantsOf } from './aws/iam/grant-ledger.ts';
import { grantReportDirectoryVariable, writeGrantReport } from './aws/iam/grant-report.ts';
import { createResourcePolicies } from './aws/iam/resource-policies.ts';
import { createRoles } from './aws/iam/roles.ts';
import { collectMetrics } from './aws/metrics/collect-metrics.ts';
import type { MetricStore } from './aws/metrics/metric-store.ts';
import { createCustomResources } from './aws/resources/custom-resource-calls.ts';
import { createApiResources, httpApiOf } from './aws/resources/http-api-parts.ts';
import { isCustomResource, makeResource, refuseUnknownTypes } from './aws/resources/make-resource.ts';
import { refuseMissingPermissions } from './aws/resources/missing-permissions.ts';
import { createMonitoring, type Monitoring } from './aws/resources/monitoring-parts.ts';
import { createLogBuffer, errorTextOf, type LogBuffer, type LogLine } from './aws/runtime/log-buffer.ts';
import { createWorkerPool, type InvocationOutcome, type WorkerPool } from './aws/runtime/worker-pool.ts';
import { type CloudAssembly, readCloudAssembly } from './aws/template/cloud-assembly.ts';
import { type MadeStack, makeStack } from './aws/template/make-stack.ts';
import { accessDenied } from './aws/wire/access-denied.ts';
import { createDynamoTables } from './aws/wire/dynamodb.ts';
import { eventBridgeService } from './aws/wire/event-bridge.ts';
import { createEventSourceMappings } from './aws/wire/event-source-mappings.ts';
import { type AuthorizationRequest, type AwsEndpoint, startAwsEndpoint } from './aws/wire/http-server.ts';
import { createLambdaFunctions, type LambdaFunctions } from './aws/wire/lambda-control-plane.ts';
import { createSecrets, type Secrets } from './aws/wire/secrets-manager.ts';
import { sqsService } from './aws/wire/sqs.ts';
import { stsService } from './aws/wire/sts.ts';
import { createXraySegments, type XraySegments } from './aws/wire/xray.ts';
import { dashboardPage } from './dashboard/page.ts';
import { drawDashboard } from './dashboard/panels.ts';
import { stepSecondsFor } from './dashboard/step-seconds.ts';
import { timelineInPhase } from './legacy-phase-now.ts';
import { synthesise } from './synthesise.ts';

export interface LocalStackOptions {
  /** Of the HTTP API. 0, the default: any free port. */
  readonly port?: number;
  /** Of the AWS endpoint. 0, the default: any free port. */
  readonly awsPort?: number;
  /** For organisations that set none; default 600. */
  readonly quietPeriodSeconds?: number;
  /** Default: as Drift's dates have it, which is `removed` by now. */
  readonly legacy?: LegacyPhase;
  /** Default `local-drift-token`. */
  readonly driftToken?: string;
  /** Each line that a function writes. */
  readonly onLog?: (line: LogLine) => void;
  /** What a person should see: errors of functions, and of the local run itself. Default: the standard error. */
  readonly onNotice?: (text: string) => void;
  /** Workers per function at once; default 4. */
  readonly workersPerFunction?: number;
  /** A cloud assembly that has been synthesised already. */
  readonly assemblyDirectory?: string;
  /**
   * Where figures go, the functions' own and those that AWS takes by itself; `GET /dashboard` draws them. Left out, none
   * are taken.
   */
  readonly metrics?: MetricStore;
  /** Told of each call to the AWS endpoint that was let through. */
  readonly onCall?: (call: AuthorizationRequest) => void;
}

export interface LocalStack {
  /** `http://127.0.0.1:4400`: `POST /drift/events`, `/v1`, `GET /healthz`. */
  readonly api: string;
  /** `http://127.0.0.1:4401`: where SDK clients go. */
  readonly aws: string;
  readonly bus: string;
  readonly tables: TableNames;
  readonly driftToken: string;
  /** The stack's outputs by name. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly logs: LogBuffer;
  /** Dashboards, alarms and metric filters of the template. */
  readonly monitoring: Monitoring;
  /** What functions told X-Ray themselves. */
  readonly traces: Pick<XraySegments, 'list'>;
  /** What the stack is made of, to look into. */
  readonly queues: Queues;
  readonly buses: EventBuses;
  readonly functions: LambdaFunctions;
  readonly secrets: Secrets;
  readonly permissions: PermissionsInUse;
  readonly workers: WorkerPool;
  /** Ends everything; what is under way is given up. May be called twice. */
  stop(): Promise<void>;
}

export interface PermissionsInUse {
  /** What the template grants, one action on one resource at a time. */
  readonly granted: readonly Grant[];
  /** What of it has been used since the start, the start included. */
  used(): readonly Grant[];
  /** What was asked for and not allowed, each as it was put on the console. */
  denials(): readonly string[];
}

export interface TableNames {
  readonly subscriptions: string;
  readonly conversations: string;
  readonly settings: string;
  readonly deliveries: string;
}

export const localRegion = 'us-east-1';
export const localAccountId = '000000000000';
export const defaultDriftToken = 'local-drift-token';

/** A port that somebody else has. */
export class PortInUseError extends Error {
  readonly port: number;
  readonly which: 'port' | 'awsPort';

  constructor(port: number, which: 'port' | 'awsPort') {
    super(`port ${port} is in use`);
    this.name = 'PortInUseError';
    this.port = port;
    this.which = which;
  }
}

/**
 * Runs the whole system in this process, from the template that the CDK app synthesises. Rejects with `PortInUseError`,
 * with `TemplateError` where the template holds what the local run does not know, and with the reason of a custom
 * resource that failed; nothing is left running then.
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const ends: (() => unknown)[] = [];
  const notice = options.onNotice ?? ((text: string) => console.error(text));
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      for (const end of ends.reverse()) await end();
    })();
    return stopping;
  };
  try {
    return await start(options, notice, ends, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: LocalStackOptions,
  notice: (text: string) => void,
  ends: (() => unknown)[],
  stop: () => Promise<void>,
): Promise<LocalStack> {
  const clock = systemClock();
  const region = localRegion;
  const accountId = localAccountId;
  const driftToken = options.driftToken ?? defaultDriftToken;
  const onBug = (error: unknown, what: string): void =>
    notice(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);

  const workDirectory = mkdtempSync(join(tmpdir(), 'webhook-fanout-'));
  // Also when the process ends without a stop.
  const removeWorkDirectory = (): void => rmSync(workDirectory, { recursive: true, force: true });
  process.once('exit', removeWorkDirectory);
  ends.push(() => {
    process.removeListener('exit', removeWorkDirectory);
    removeWorkDirectory();
  });

  const { metrics } = options;
  const measure: Measure | undefined =
    metrics &&
    ((namespace, metric, dimensions, value) => metrics.put({ namespace, metric, dimensions }, value, clock.now()));
  const monitoring = createMonitoring();

  const logs = createLogBuffer();
  logs.onLine((line) => {
    options.onLog?.(line);
    collector?.readLine(line);
    const text = errorTextOf(line);
    if (text !== undefined) notice(`${line.functionName}: ${text}`);
  });

  let awsUrl = '';
  let assembly: CloudAssembly | undefined;
  const pool = createWorkerPool({
    clock,
    region,
    endpointUrl: () => awsUrl,
    onOutput(line) {
      if (functions.mayLog(line.functionName)) logs.add({ ...line, writtenAt: clock.now() });
    },
    measure,
    codeCacheDirectory: join(workDirectory, 'code-cache'),
    ...(options.workersPerFunction === undefined ? {} : { workersPerFunction: options.workersPerFunction }),
  });
  const queues = createQueues({ clock, region, accountId, measure });
  const collector =
    metrics &&
    collectMetrics({
      store: metrics,
      clock,
      queues,
      filters: monitoring.filters,
      logGroupOf: (functionName) => functions.find(functionName)?.logGroupName,
    });
  if (collector !== undefined) ends.push(() => collector.stop());
  const roles = createRoles();
  const ledger = createGrantLedger();
  const denials: string[] = [];
  const deny = (text: string): void => {
    denials.push(text);
    notice(`DENIED ${text}`);
  };
  const policyOf = createResourcePolicies({
    textOf: (arn) => (arn.startsWith('arn:aws:sqs:') ? queues.findByArn(arn)?.policy() : policyOfFunction(arn)),
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
    clock,
    region,
    accountId,
    pool,
    access,
    codeDirectory: (bucket, key) => assembly?.assetPath(bucket, key),
    sendToDestination(arn, body) {
      const queue = queues.findByArn(arn);
      if (queue === undefined) throw new Error(`there is no queue ${arn}`);
      queue.send({ body });
    },
    onFunctionError: (functionName, requestId, payload) =>
      logs.add({
        functionName,
        requestId,
        stream: 'stderr',
        text: `ERROR ${payload}`,
        writtenAt: clock.now(),
      }),
    onGivenUp: (functionArn, reason) => notice(`${functionArn}: an event was given up: ${reason}`),
  });
  const buses = createEventBuses({
    clock,
    region,
    accountId,
    measure,
    deliver: deliverToQueuesAndFunctions({ queues, allowsSend: allowsSendByRule, invokeAsync: invokeForRule }),
    onDropped: ({ ruleArn, targetArn }, { errorCode, errorMessage }) =>
      notice(`${ruleArn}: an event did not reach ${targetArn}: ${errorCode}: ${errorMessage}`),
  });
  const tables = createDynamoTables({ clock, region, accountId, measure });
  const secrets = createSecrets({ clock, region, accountId });
  const traces = createXraySegments();
  const mappings = createEventSourceMappings({
    clock,
    region,
    accountId,
    functions,
    queues,
    access,
    stream: tables.stream,
    measure,
    ...(options.workersPerFunction === undefined ? {} : { batchesAtOnce: 2 * options.workersPerFunction }),
  });
  const customResources = createCustomResources();
  ends.push(
    () => pool.stop(),
    // Polling ends at once; what is in the functions' hands ends with the workers.
    () => void mappings.stop().catch(() => {}),
    () => tables.stop(),
    () => queues.stop(),
    () => functions.asyncInvocations.stop(),
    () => buses.stop(),
  );

  const endpoint = await listen('awsPort', options.awsPort ?? 0, (port) =>
    startAwsEndpoint({
      port,
      services: [
        tables.service,
        eventBridgeService({ buses }),
        sqsService({ queues, accountId, baseUrl: () => awsUrl }),
        { name: 'lambda', operations: { ...functions.operations, ...mappings.operations } },
        secrets.service,
        stsService({ accountId, identityArn }),
        traces.service,
      ],
      plainRequest: customResources.takeAnswer,
      authorize,
      onCall: options.onCall,
      onBug,
    }),
  );
  awsUrl = endpoint.url;
  ends.push(() => endpoint.close());

  const apiServer = await listen('port', options.port ?? 0, (port) =>
    startHttpApi({
      port,
      accountId,
      region,
      now: clock.now,
      invoke: invokeForRoute,
      measure,
      ownPaths: {
        ...(metrics === undefined ? {} : { '/dashboard': () => dashboardAnswer(metrics) }),
        '/healthz': () => ({
          status: 200,
          headers: [['content-type', 'application/json']],
          body: Buffer.from('{"status":"ok"}'),
        }),
      },
      onBug,
    }),
  );
  ends.push(() => apiServer.close());

  const { quietPeriodSeconds, legacy } = options;
  const assemblyDirectory =
    options.assemblyDirectory ??
    (await synthesise({
      workDirectory,
      ...(quietPeriodSeconds === undefined ? {} : { quietPeriodSeconds }),
      ...(legacy === undefined ? {} : { legacyTimeline: timelineInPhase(legacy, clock.now()) }),
    }));
  assembly = readCloudAssembly(assemblyDirectory, { region, accountId });
  refuseUnknownTypes(assembly.template);
  const world = {
    clock,
    region,
    accountId,
    stackName: assembly.stackName,
    assembly,
    tables,
    queues,
    buses,
    secrets,
    functions,
    mappings,
    api: createApiResources(),
    customResources,
    roles,
    access,
    monitoring,
    awsUrl,
    apiUrl: apiServer.url,
  };
  const made = await makeStack(assembly.template, {
    stackName: assembly.stackName,
    region,
    accountId,
    last: isCustomResource,
    make: (resource) => makeResource(resource, world),
  });
  refuseMissingPermissions(world);
  const granted = grantsOfTemplate();
  const reportDirectory = process.env[grantReportDirectoryVariable];
  if (reportDirectory !== undefined) ends.push(() => writeGrantReport(reportDirectory, granted, ledger.used()));
  setDriftToken(functions, secrets, driftToken);
  const httpApi = httpApiOf(world.api);
  if (httpApi !== undefined) apiServer.serve(httpApi);

  return {
    api: apiServer.url,
    aws: awsUrl,
    bus: textOutput(made, 'EventBusName'),
    tables: {
      subscriptions: textOutput(made, 'SubscriptionsTable'),
      conversations: textOutput(made, 'ConversationsTable'),
      settings: textOutput(made, 'SettingsTable'),
      deliveries: textOutput(made, 'DeliveriesTable'),
    },
    driftToken,
    outputs: made.outputs,
    logs,
    monitoring,
    traces,
    queues,
    buses,
    functions,
    secrets,
    permissions: { granted, used: ledger.used, denials: () => [...denials] },
    workers: pool,
    stop,
  };

  // Whoever is no function of the stack is the person at the keyboard, who may do everything.
  function authorize({ accessKeyId, service, operation, input }: AuthorizationRequest): void {
    const caller = callerOf(accessKeyId);
    if (caller === undefined) return;
    const denial = access.refuseCall(caller, { service, operation, input });
    if (denial !== undefined) throw accessDenied(service, denial);
  }

  /** The last ten minutes, or what there is of them. */
  function dashboardAnswer(store: MetricStore): ProxyAnswer {
    const end = clock.now();
    const range = { start: Math.max(store.firstAt() ?? end - 1000, end - 600_000), end };
    const stepSeconds = stepSecondsFor(range);
    const page = dashboardPage(drawDashboard({ store, monitoring, range, stepSeconds }), {
      note: `The local run, as it goes on. Where the dashboard says a minute, ${stepSeconds} s are drawn.`,
      refreshSeconds: 5,
    });
    return { status: 200, headers: [['content-type', 'text/html; charset=utf-8']], body: Buffer.from(page) };
  }

  function callerOf(accessKeyId: string): Caller | undefined {
    const found = functions.findByAccessKey(accessKeyId);
    return found === undefined ? undefined : { functionName: found.name, roleArn: found.roleArn };
  }

  function identityArn(accessKeyId: string): string {
    const caller = callerOf(accessKeyId);
    if (caller === undefined) return `arn:aws:iam::${accountId}:user/local`;
    return sessionArn(accountId, caller.roleArn, caller.functionName);
  }

  function policyOfFunction(arn: string): string | undefined {
    return arn.startsWith('arn:aws:lambda:') && arn.includes(':function:') ? functions.policyText(arn) : undefined;
  }

  function allowsSendByRule(queueArn: string, ruleArn: string): boolean {
    const service = 'events.amazonaws.com';
    return access.allowsService({ service, action: 'sqs:SendMessage', resource: queueArn, sourceArn: ruleArn });
  }

  function refuseInvocation(service: string, functionArn: string, sourceArn: string): void {
    const call = { service, action: 'lambda:InvokeFunction', resource: functionArn, sourceArn };
    if (access.allowsService(call)) return;
    throw new EngineError('AccessDeniedException', `${functionArn} does not allow ${sourceArn} to invoke it`);
  }

  function invokeForRule(functionArn: string, payload: string, ruleArn: string, traceHeader?: string): void {
    if (functions.find(functionArn) === undefined) {
      throw new EngineError('ResourceNotFoundException', `there is no function ${functionArn}`);
    }
    refuseInvocation('events.amazonaws.com', functionArn, ruleArn);
    functions.invokeAsync(functionArn, payload, traceHeader);
  }

  async function invokeForRoute(
    functionArn: string,
    payload: string,
    routeArn: string,
    traceHeader: string,
  ): Promise<InvocationOutcome> {
    refuseInvocation('apigateway.amazonaws.com', functionArn, routeArn);
    return functions.invoke(functionArn, payload, traceHeader);
  }

  function grantsOfTemplate(): Grant[] {
    const arns = [...queues.list().map(({ arn }) => arn), ...functions.list().map(({ arn }) => arn)];
    return [
      ...roles.list().flatMap(({ trust, statements }) => grantsOf([...trust, ...statements])),
      ...arns.flatMap((arn) => grantsOf(policyOf(arn))),
    ];
  }
}

async function listen<Server extends AwsEndpoint | HttpApiServer>(
  which: 'port' | 'awsPort',
  port: number,
  startServer: (port: number) => Promise<Server>,
): Promise<Server> {
  try {
    return await startServer(port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new PortInUseError(port, which);
    throw error;
  }
}

/** Replaces the generated value of the secret that a function is told to read Drift's token from. */
function setDriftToken(functions: LambdaFunctions, secrets: Secrets, token: string): void {
  const arns = functions.list().flatMap(({ environment }) => environment.DRIFT_TOKEN_SECRET_ARN ?? []);
  if (arns.length === 0) throw new Error('no function of the template has DRIFT_TOKEN_SECRET_ARN: where is the token?');
  for (const arn of new Set(arns)) secrets.put(arn, token);
}

function textOutput(stack: MadeStack, name: string): string {
  const value = stack.outputs[name];
  if (typeof value === 'string') return value;
  throw new Error(`the template has no output ${name}, which the local run reads`);
}
