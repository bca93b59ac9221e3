import { join } from 'node:path';
import { visibleLines } from '../cli/visible-text.ts';
import type { LegacyPhase } from '../lambdas/domain/events/legacy-timeline.ts';
import { type AwsAccount, startAwsAccount } from './aws/aws-account.ts';
import type { EngineClock } from './aws/engine/engine-clock.ts';
import { type HttpApiServer, startHttpApi } from './aws/gateway/http-api.ts';
import type { Grant } from './aws/iam/evaluate-access.ts';
import { grantReportDirectoryVariable, writeGrantReport } from './aws/iam/grant-report.ts';
import type { MetricStore } from './aws/metrics/metric-store.ts';
import { errorTextOf, type LogLine } from './aws/runtime/log-buffer.ts';
import { createStack } from './aws/stack.ts';
import { type CloudAssembly, readCloudAssembly } from './aws/template/cloud-assembly.ts';
import type { AuthorizationRequest } from './aws/wire/http-server.ts';
import { liveDashboard } from './dashboard/live-dashboard.ts';
import { timelineInPhase } from './legacy-phase-now.ts';
import { synthesise } from './synthesise.ts';
import { makeWorkDirectory } from './work-directory.ts';

export interface LocalStackOptions {
  /** Of the HTTP API. 0, the default: any free port. */
  readonly port?: number;
  /** Of the AWS endpoint. 0, the default: any free port. */
  readonly awsPort?: number;
  /** Under which a tunnel brings Drift's posts, for `POST /drift/events` alone. */
  readonly allowHosts?: readonly string[];
  /** For organisations that set none; default 600. */
  readonly quietPeriodSeconds?: number;
  /** Default: as Drift's dates have it, which is `removed` by now. */
  readonly legacy?: LegacyPhase;
  /** As a deploy that chose traces; there are none otherwise. */
  readonly traces?: 'on';
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
  /** Default: where there are figures. */
  readonly servesDashboard?: boolean;
  /** Of the engine and of the functions. Default: the system's. */
  readonly clock?: EngineClock;
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
  readonly logs: AwsAccount['logs'];
  /** Dashboards, alarms and metric filters of the template. */
  readonly monitoring: AwsAccount['monitoring'];
  /** What functions told X-Ray themselves. */
  readonly traces: Pick<AwsAccount['traces'], 'list'>;
  /** What the stack is made of, to look into. */
  readonly queues: AwsAccount['queues'];
  readonly buses: AwsAccount['buses'];
  readonly functions: AwsAccount['functions'];
  readonly secrets: AwsAccount['secrets'];
  readonly permissions: PermissionsInUse;
  readonly workers: AwsAccount['workers'];
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
  /** From now on whoever calls AWS or the API with this key may do what the policy says, and nothing else. */
  addPerson(accessKeyId: string, policy: unknown): void;
}

export interface TableNames {
  readonly subscriptions: string;
  readonly conversations: string;
  readonly settings: string;
  readonly deliveries: string;
  readonly events: string;
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
  const sink = options.onNotice ?? ((text: string) => console.error(text));
  // Names and texts of callers stand in it.
  const notice = (text: string): void => sink(visibleLines(text));
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
  const { metrics, quietPeriodSeconds, legacy, driftToken = defaultDriftToken } = options;
  const region = localRegion;
  const accountId = localAccountId;
  const { path: workDirectory, remove } = makeWorkDirectory();
  ends.push(remove);

  let assembly: CloudAssembly | undefined;
  const account = await listen('awsPort', options.awsPort ?? 0, (port) =>
    startAwsAccount({
      region,
      accountId,
      port,
      metrics,
      clock: options.clock,
      workersPerFunction: options.workersPerFunction,
      codeCacheDirectory: join(workDirectory, 'code-cache'),
      codeDirectory: (bucket, key) => assembly?.assetPath(bucket, key),
      onLog(line) {
        options.onLog?.(line);
        const text = errorTextOf(line);
        if (text !== undefined) notice(`${line.functionName}: ${text}`);
      },
      onNotice: notice,
      onCall: options.onCall,
    }),
  );
  ends.push(() => account.stop());
  const { clock, monitoring } = account;

  const apiServer = await listen('port', options.port ?? 0, (port) =>
    startHttpApi({
      port,
      accountId,
      region,
      now: clock.now,
      invoke: account.calls.invokeForRoute,
      mayInvoke: account.callers.mayInvoke,
      onAccess: (groupName, line) => account.logGroups.write(groupName, line, clock.now()),
      measure: account.measure,
      tunnel: { hosts: options.allowHosts ?? [], routeKey: 'POST /drift/events' },
      ownPaths: {
        ...(metrics === undefined || options.servesDashboard === false
          ? {}
          : { '/dashboard': liveDashboard({ store: metrics, monitoring, now: clock.now }) }),
        '/healthz': () => ({
          status: 200,
          headers: [['content-type', 'application/json']],
          body: Buffer.from('{"status":"ok"}'),
        }),
      },
      onBug: (error, what) =>
        notice(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    }),
  );
  ends.push(() => apiServer.close());

  const assemblyDirectory =
    options.assemblyDirectory ??
    (await synthesise({
      workDirectory,
      ...(quietPeriodSeconds === undefined ? {} : { quietPeriodSeconds }),
      ...(options.traces === undefined ? {} : { traces: options.traces }),
      ...(legacy === undefined ? {} : { legacyTimeline: timelineInPhase(legacy, clock.now()) }),
    }));
  assembly = readCloudAssembly(assemblyDirectory, { region, accountId });
  const { outputs, httpApi } = await createStack(account, assembly, apiServer.url);
  const granted = account.granted();
  const reportDirectory = process.env[grantReportDirectoryVariable];
  if (reportDirectory !== undefined) ends.push(() => writeGrantReport(reportDirectory, granted, account.used()));
  setDriftToken(account, driftToken);
  if (httpApi !== undefined) apiServer.serve(httpApi);

  const { logs, traces, queues, buses, functions, secrets, workers, used, denials } = account;
  return {
    api: apiServer.url,
    aws: account.url,
    bus: textOutput(outputs, 'EventBusName'),
    tables: {
      subscriptions: textOutput(outputs, 'SubscriptionsTable'),
      conversations: textOutput(outputs, 'ConversationsTable'),
      settings: textOutput(outputs, 'SettingsTable'),
      deliveries: textOutput(outputs, 'DeliveriesTable'),
      events: textOutput(outputs, 'EventsTable'),
    },
    driftToken,
    outputs,
    logs,
    monitoring,
    traces,
    queues,
    buses,
    functions,
    secrets,
    permissions: { granted, used, denials, addPerson: account.callers.addPerson },
    workers,
    stop,
  };
}

async function listen<Server extends AwsAccount | HttpApiServer>(
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
function setDriftToken({ functions, secrets }: AwsAccount, token: string): void {
  const arns = functions.list().flatMap(({ environment }) => environment.DRIFT_TOKEN_SECRET_ARN ?? []);
  if (arns.length === 0) throw new Error('no function of the template has DRIFT_TOKEN_SECRET_ARN: where is the token?');
  for (const arn of new Set(arns)) secrets.put(arn, token);
}

function textOutput(outputs: Readonly<Record<string, unknown>>, name: string): string {
  const value = outputs[name];
  if (typeof value === 'string') return value;
  throw new Error(`the template has no output ${name}, which the local run reads`);
}
