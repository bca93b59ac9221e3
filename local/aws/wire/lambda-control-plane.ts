import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineClock } from '../engine/engine-clock.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { type AsyncInvocations, createAsyncInvocations } from '../runtime/async-invocations.ts';
import { accessKeyIdOf, type RunnableFunction } from '../runtime/runnable-function.ts';
import type { InvocationOutcome, WorkerPool } from '../runtime/worker-pool.ts';
import {
  createMembers,
  type FunctionSettings,
  readSettings,
  refuseUnknownMembers,
  updateMembers,
} from './function-settings.ts';
import { AwsError, type AwsService, type Operation } from './service.ts';

/** The functions of the account: what Lambda's control plane keeps, and invoking them. */
export interface LambdaFunctions {
  readonly operations: AwsService['operations'];
  /** As CreateFunction, but in force at once, as after a deploy. Throws `AwsError`. */
  create(input: Readonly<Record<string, unknown>>): { readonly name: string; readonly arn: string };
  /** As AddPermission. */
  addPermission(nameOrArn: string, statement: Readonly<Record<string, unknown>>): void;
  /**
   * Whether Lambda may write what the function says: it does so in the name of the function's role, and drops it without
   * a word where the role may not.
   */
  mayLog(nameOrArn: string): boolean;
  /** The function's own policy, JSON text; undefined where it has none, and where there is no such function. */
  policyText(nameOrArn: string): string | undefined;
  /** As PutFunctionConcurrency. */
  reserveConcurrency(nameOrArn: string, executions: number): void;
  /** Runs it and waits. Rejects with `AwsError` where it is not there or cannot run now. */
  invoke(nameOrArn: string, payload: string, traceHeader?: string): Promise<InvocationOutcome>;
  /** Takes the event for later. Throws `ResourceNotFoundException`. */
  invokeAsync(nameOrArn: string, payload: string, traceHeader?: string): void;
  /** Invocations of the function that can be worked on at once as it is now; it grows while others wait. */
  sandboxes(functionName: string): number;
  readonly asyncInvocations: AsyncInvocations;
  /** Throws `ResourceNotFoundException`. */
  describe(nameOrArn: string): FunctionDescription;
  find(nameOrArn: string): FunctionDescription | undefined;
  /** Also one that has been deleted. */
  findByAccessKey(accessKeyId: string): FunctionDescription | undefined;
  /** Everything that is there, by name. */
  list(): FunctionDescription[];
}

export interface FunctionDescription {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroupName: string;
}

export interface LambdaFunctionsOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly pool: WorkerPool;
  /** Folder of a deployment package, by the bucket and key under which it was published. */
  readonly codeDirectory: (bucket: string, key: string) => string | undefined;
  /** Hands a record to a destination or a dead-letter queue. Throws where there is no such. */
  readonly sendToDestination: (arn: string, body: string) => void;
  /** An invocation that ended in an error: what Lambda would write into the function's log. */
  readonly onFunctionError?: (functionName: string, requestId: string, payload: string) => void;
  /** An asynchronous event that was given up. */
  readonly onGivenUp: (functionArn: string, reason: string) => void;
  /** What Lambda asks of a function's role before it takes it on. */
  readonly access: Pick<AccessControl, 'refuseRole' | 'trustsLambda'>;
  /** How long a new or changed function is not in force. Lambda needs seconds; what forgets to wait fails here too. */
  readonly transitionMs?: number;
  /**
   * How many invocations of one function may run or wait for a worker. Lambda has a thousand for all functions of an
   * account, and turns the next away; here too, or a flood would wait until nobody wants its answers any more.
   */
  readonly concurrency?: number;
}

interface StoredFunction {
  readonly name: string;
  readonly arn: string;
  settings: FunctionSettings;
  code: { readonly directory: string; readonly sha256: string; readonly bytes: number; readonly location: string };
  state: 'Pending' | 'Active';
  lastUpdate: 'InProgress' | 'Successful';
  lastModified: number;
  revisionId: string;
  readonly tags: Map<string, string>;
  readonly policy: Map<string, PolicyStatement>;
  reservedConcurrency?: number | undefined;
  /** Invocations that run or wait for a worker. */
  underWay: number;
  /** What the pool runs; made anew with each change. */
  runnable: RunnableFunction;
}

/** As AddPermission makes them. */
interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Principal: { readonly Service: string } | { readonly AWS: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: {
    readonly ArnLike?: { readonly 'AWS:SourceArn': string };
    readonly StringEquals?: { readonly 'AWS:SourceAccount': string };
  };
}

const maxSyncPayloadBytes = 6 * 1024 * 1024;
const maxAsyncPayloadBytes = 1024 * 1024;

export function createLambdaFunctions(options: LambdaFunctionsOptions): LambdaFunctions {
  const { clock, region, accountId, pool } = options;
  const transitionMs = options.transitionMs ?? 100;
  const concurrency = options.concurrency ?? 1000;
  const functions = new Map<string, StoredFunction>();
  // Also of functions that have been deleted: what still runs of one keeps its role, and does not become somebody else.
  const byAccessKey = new Map<string, StoredFunction>();
  const asyncInvocations = createAsyncInvocations({
    clock,
    invoke,
    send: options.sendToDestination,
    onGivenUp: options.onGivenUp,
  });

  function nameOf(nameOrArn: unknown): string {
    if (typeof nameOrArn !== 'string' || nameOrArn === '') {
      throw new AwsError('InvalidParameterValueException', 'FunctionName is missing');
    }
    // Name, partial ARN (`000000000000:function:name`) and ARN, each perhaps with `:$LATEST`.
    const found = /^(?:(?:arn:aws:lambda:[^:]+:)?\d{12}:function:)?([A-Za-z0-9_-]{1,64})(?::(.+))?$/.exec(nameOrArn);
    if (found?.[1] === undefined) {
      throw new AwsError('ValidationException', `FunctionName ${nameOrArn} is neither a name nor an ARN of a function`);
    }
    if (found[2] !== undefined && found[2] !== '$LATEST') {
      throw new AwsError(
        'ResourceNotFoundException',
        `Function not found: ${nameOrArn} (the local run has $LATEST only)`,
      );
    }
    return found[1];
  }

  function arnOf(name: string): string {
    return `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  }

  function find(nameOrArn: unknown): StoredFunction | undefined {
    return functions.get(nameOf(nameOrArn));
  }

  function existing(nameOrArn: unknown): StoredFunction {
    const stored = find(nameOrArn);
    if (stored !== undefined) return stored;
    throw new AwsError('ResourceNotFoundException', `Function not found: ${arnOf(nameOf(nameOrArn))}`);
  }

  function readCode(code: unknown): StoredFunction['code'] {
    const { S3Bucket: bucket, S3Key: key, ...rest } = (code ?? {}) as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined || typeof bucket !== 'string' || typeof key !== 'string') {
      throw new AwsError(
        'InvalidParameterValueException',
        `Code${unknown === undefined ? '' : `.${unknown}`}: the local run takes code by S3Bucket and S3Key only`,
      );
    }
    const directory = options.codeDirectory(bucket, key);
    if (directory === undefined) {
      throw new AwsError(
        'InvalidParameterValueException',
        `Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist. (s3://${bucket}/${key})`,
      );
    }
    return { directory, location: `s3://${bucket}/${key}`, ...fingerprintOf(directory) };
  }

  function create(input: Readonly<Record<string, unknown>>, inForce: boolean): StoredFunction {
    refuseUnknownMembers('CreateFunction', input, createMembers);
    const name = nameOf(input.FunctionName);
    if (functions.has(name)) {
      throw new AwsError('ResourceConflictException', `Function already exist: ${name}`, 409);
    }
    const settings = readSettings(input, undefined);
    refuseRole(name, settings);
    const code = readCode(input.Code);
    const stored: StoredFunction = {
      name,
      arn: arnOf(name),
      settings,
      code,
      state: inForce ? 'Active' : 'Pending',
      lastUpdate: 'Successful',
      lastModified: clock.now(),
      revisionId: randomUUID(),
      tags: new Map(Object.entries((input.Tags ?? {}) as Record<string, string>)),
      policy: new Map(),
      underWay: 0,
      runnable: runnableOf(name, settings, code.directory, undefined),
    };
    functions.set(name, stored);
    byAccessKey.set(accessKeyIdOf(stored.arn), stored);
    if (!inForce) {
      clock.setTimer(clock.now() + transitionMs, () => {
        stored.state = 'Active';
      });
    }
    return stored;
  }

  /** Throws where Lambda could not take on the role, or could not do in its name what the settings ask for. */
  function refuseRole(
    functionName: string,
    { Role: roleArn, TracingConfig, DeadLetterTargetArn }: FunctionSettings,
  ): void {
    if (!options.access.trustsLambda(roleArn)) {
      throw new AwsError(
        'InvalidParameterValueException',
        'The role defined for the function cannot be assumed by Lambda.',
      );
    }
    const traces = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'].map((action) => ({ action, resource: '*' }));
    const denial = options.access.refuseRole({ functionName, roleArn }, [
      ...(TracingConfig.Mode === 'Active' ? traces : []),
      ...(DeadLetterTargetArn === undefined ? [] : [{ action: 'sqs:SendMessage', resource: DeadLetterTargetArn }]),
    ]);
    if (denial !== undefined) throw executionRoleLacks(denial.action);
  }

  function runnableOf(
    name: string,
    settings: FunctionSettings,
    codeDirectory: string,
    reservedConcurrency: number | undefined,
  ): RunnableFunction {
    return {
      name,
      arn: arnOf(name),
      codeDirectory,
      handler: settings.Handler,
      environment: settings.Environment,
      timeoutSeconds: settings.Timeout,
      memoryMegabytes: settings.MemorySize,
      logGroupName: logGroupOf(name, settings),
      ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
      decidesOnTraces: settings.TracingConfig.Mode === 'Active',
    };
  }

  /** What was changed is in force after a moment; until then Lambda refuses the next change, and runs the old version. */
  function change(stored: StoredFunction, settings: FunctionSettings, code: StoredFunction['code']): void {
    stored.settings = settings;
    stored.code = code;
    stored.lastUpdate = 'InProgress';
    stored.lastModified = clock.now();
    stored.revisionId = randomUUID();
    clock.setTimer(clock.now() + transitionMs, () => {
      stored.lastUpdate = 'Successful';
      if (functions.get(stored.name) === stored) putInForce(stored);
    });
  }

  function putInForce(stored: StoredFunction): void {
    stored.runnable = runnableOf(stored.name, stored.settings, stored.code.directory, stored.reservedConcurrency);
    pool.retire(stored.name);
  }

  function refuseWhileChanging(stored: StoredFunction): void {
    if (stored.state === 'Pending') {
      throw new AwsError(
        'ResourceConflictException',
        'The operation cannot be performed at this time. The function is currently in the following state: Pending',
        409,
      );
    }
    if (stored.lastUpdate === 'InProgress') {
      throw new AwsError(
        'ResourceConflictException',
        `The operation cannot be performed at this time. An update is in progress for resource: ${stored.arn}`,
        409,
      );
    }
  }

  function refuseStaleRevision(stored: StoredFunction, revisionId: unknown): void {
    if (revisionId !== undefined && revisionId !== stored.revisionId) {
      throw new AwsError(
        'PreconditionFailedException',
        'The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId',
        412,
      );
    }
  }

  function mayLog({ name, arn, settings }: StoredFunction): boolean {
    const logGroup = `${arn.replace(/:lambda:(.*):function:.*$/, ':logs:$1')}:log-group:${logGroupOf(name, settings)}`;
    const needs = ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({
      action,
      resource: `${logGroup}:log-stream:${name}`,
    }));
    return options.access.refuseRole({ functionName: name, roleArn: settings.Role }, needs) === undefined;
  }

  async function invoke(nameOrArn: unknown, payload: string, traceHeader?: string): Promise<InvocationOutcome> {
    const stored = existing(nameOrArn);
    if (stored.state === 'Pending') refuseWhileChanging(stored);
    if (stored.reservedConcurrency === 0 || stored.underWay >= concurrency) {
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    }
    // Lambda writes the beginning and the end of each invocation, whether the function writes anything or not.
    mayLog(stored);
    stored.underWay++;
    const outcome = await pool.invoke(stored.runnable, payload, { traceHeader }).finally(() => {
      stored.underWay--;
    });
    if (outcome.functionError !== undefined) options.onFunctionError?.(stored.name, outcome.requestId, outcome.payload);
    return outcome;
  }

  function invokeAsync(nameOrArn: unknown, payload: string, traceHeader?: string): void {
    const stored = existing(nameOrArn);
    asyncInvocations.take({
      functionArn: stored.arn,
      payload,
      traceHeader,
      ...(stored.settings.DeadLetterTargetArn === undefined
        ? {}
        : { deadLetterTargetArn: stored.settings.DeadLetterTargetArn }),
    });
  }

  function addPermission(stored: StoredFunction, input: Readonly<Record<string, unknown>>): PolicyStatement {
    const statementId = String(input.StatementId);
    if (stored.policy.has(statementId)) {
      throw new AwsError(
        'ResourceConflictException',
        `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        409,
      );
    }
    const principal = String(input.Principal);
    const { SourceArn: sourceArn, SourceAccount: sourceAccount } = input;
    const conditions: NonNullable<PolicyStatement['Condition']> = {
      ...(sourceArn === undefined ? {} : { ArnLike: { 'AWS:SourceArn': String(sourceArn) } }),
      ...(sourceAccount === undefined ? {} : { StringEquals: { 'AWS:SourceAccount': String(sourceAccount) } }),
    };
    const statement: PolicyStatement = {
      Sid: statementId,
      Effect: 'Allow',
      Principal: principal.includes('.') ? { Service: principal } : { AWS: principal },
      Action: String(input.Action),
      Resource: stored.arn,
      ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
    };
    stored.policy.set(statementId, statement);
    return statement;
  }

  function policyText({ policy }: StoredFunction): string | undefined {
    if (policy.size === 0) return undefined;
    return JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: [...policy.values()] });
  }

  function configurationOf(stored: StoredFunction): Record<string, unknown> {
    const { settings } = stored;
    return {
      FunctionName: stored.name,
      FunctionArn: stored.arn,
      Runtime: settings.Runtime,
      Role: settings.Role,
      Handler: settings.Handler,
      CodeSize: stored.code.bytes,
      CodeSha256: stored.code.sha256,
      Description: settings.Description,
      Timeout: settings.Timeout,
      MemorySize: settings.MemorySize,
      LastModified: new Date(stored.lastModified).toISOString().replace('Z', '+0000'),
      Version: '$LATEST',
      RevisionId: stored.revisionId,
      PackageType: 'Zip',
      Architectures: settings.Architectures,
      Environment: { Variables: settings.Environment },
      TracingConfig: settings.TracingConfig,
      EphemeralStorage: settings.EphemeralStorage,
      LoggingConfig: { LogFormat: 'Text', ...settings.LoggingConfig, LogGroup: logGroupOf(stored.name, settings) },
      ...(settings.DeadLetterTargetArn === undefined
        ? {}
        : { DeadLetterConfig: { TargetArn: settings.DeadLetterTargetArn } }),
      State: stored.state,
      ...(stored.state === 'Pending'
        ? { StateReason: 'The function is being created.', StateReasonCode: 'Creating' }
        : {}),
      LastUpdateStatus: stored.lastUpdate,
    };
  }

  const operations: Record<string, Operation> = {
    CreateFunction: (input) => configurationOf(create(input, false)),
    GetFunction(input) {
      const stored = existing(input.FunctionName);
      return {
        Configuration: configurationOf(stored),
        Code: { RepositoryType: 'S3', Location: stored.code.location },
        ...(stored.tags.size === 0 ? {} : { Tags: Object.fromEntries(stored.tags) }),
        ...(stored.reservedConcurrency === undefined
          ? {}
          : { Concurrency: { ReservedConcurrentExecutions: stored.reservedConcurrency } }),
      };
    },
    GetFunctionConfiguration: (input) => configurationOf(existing(input.FunctionName)),
    ListFunctions(input) {
      const all = [...functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const { page, next } = pageOf(all, input, 50);
      return { Functions: page.map(configurationOf), ...(next === undefined ? {} : { NextMarker: next }) };
    },
    UpdateFunctionConfiguration(input) {
      refuseUnknownMembers('UpdateFunctionConfiguration', input, updateMembers);
      const stored = existing(input.FunctionName);
      refuseWhileChanging(stored);
      refuseStaleRevision(stored, input.RevisionId);
      const settings = readSettings(input, stored.settings);
      refuseRole(stored.name, settings);
      change(stored, settings, stored.code);
      return configurationOf(stored);
    },
    UpdateFunctionCode(input) {
      const {
        FunctionName: name,
        RevisionId: revisionId,
        Architectures: architectures,
        Publish,
        DryRun,
        ...code
      } = input;
      if (Publish === true || DryRun === true) {
        throw new AwsError(
          'InvalidParameterValueException',
          'The local run does not know Publish and DryRun of UpdateFunctionCode',
        );
      }
      const stored = existing(name);
      refuseWhileChanging(stored);
      refuseStaleRevision(stored, revisionId);
      const settings =
        architectures === undefined
          ? stored.settings
          : { ...stored.settings, Architectures: architectures as string[] };
      change(stored, settings, readCode(code));
      return configurationOf(stored);
    },
    DeleteFunction(input) {
      const stored = existing(input.FunctionName);
      functions.delete(stored.name);
      pool.retire(stored.name);
      return {};
    },
    async Invoke(input, { traceHeader }) {
      const payload = input.Payload === '' || input.Payload === undefined ? '{}' : String(input.Payload);
      try {
        JSON.parse(payload);
      } catch (error) {
        throw new AwsError(
          'InvalidRequestContentException',
          `Could not parse request body into json: ${(error as Error).message}`,
        );
      }
      const isAsync = input.InvocationType === 'Event';
      if (Buffer.byteLength(payload) > (isAsync ? maxAsyncPayloadBytes : maxSyncPayloadBytes)) {
        throw new AwsError('RequestTooLargeException', `${Buffer.byteLength(payload)} byte payload is too large`, 413);
      }
      if (input.InvocationType === 'DryRun') {
        existing(input.FunctionName);
        return { StatusCode: 204 };
      }
      if (input.LogType === 'Tail') {
        throw new AwsError('InvalidParameterValueException', 'The local run does not know LogType Tail of Invoke');
      }
      if (isAsync) {
        invokeAsync(input.FunctionName, payload, traceHeader);
        return { StatusCode: 202, Payload: '' };
      }
      const outcome = await invoke(input.FunctionName, payload, traceHeader);
      return {
        StatusCode: 200,
        Payload: outcome.payload,
        ...(outcome.functionError === undefined ? {} : { FunctionError: outcome.functionError }),
      };
    },
    AddPermission(input) {
      const statement = addPermission(existing(input.FunctionName), input);
      return { Statement: JSON.stringify(statement) };
    },
    RemovePermission(input) {
      const stored = existing(input.FunctionName);
      if (!stored.policy.delete(String(input.StatementId))) {
        throw new AwsError(
          'ResourceNotFoundException',
          `Statement ${String(input.StatementId)} is not found in resource policy.`,
        );
      }
      return {};
    },
    GetPolicy(input) {
      const stored = existing(input.FunctionName);
      if (stored.policy.size === 0) {
        throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.');
      }
      return { Policy: policyText(stored), RevisionId: stored.revisionId };
    },
    PutFunctionConcurrency(input) {
      const executions = reserveConcurrency(input.FunctionName, input.ReservedConcurrentExecutions);
      return { ReservedConcurrentExecutions: executions };
    },
    GetFunctionConcurrency(input) {
      const { reservedConcurrency } = existing(input.FunctionName);
      return reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
    },
    DeleteFunctionConcurrency(input) {
      const stored = existing(input.FunctionName);
      stored.reservedConcurrency = undefined;
      putInForce(stored);
      return {};
    },
    TagResource(input) {
      const { tags } = existing(input.Resource);
      for (const [key, value] of Object.entries((input.Tags ?? {}) as Record<string, string>)) tags.set(key, value);
      return {};
    },
    UntagResource(input) {
      const { tags } = existing(input.Resource);
      for (const key of [input.TagKeys ?? []].flat()) tags.delete(String(key));
      return {};
    },
    ListTags: (input) => ({ Tags: Object.fromEntries(existing(input.Resource).tags) }),
  };

  function reserveConcurrency(nameOrArn: unknown, executions: unknown): number {
    const stored = existing(nameOrArn);
    if (!Number.isInteger(executions) || (executions as number) < 0) {
      throw new AwsError('InvalidParameterValueException', 'ReservedConcurrentExecutions is no whole number from 0 on');
    }
    stored.reservedConcurrency = executions as number;
    putInForce(stored);
    return stored.reservedConcurrency;
  }

  const descriptionOf = (stored: StoredFunction): FunctionDescription => ({
    name: stored.name,
    arn: stored.arn,
    roleArn: stored.settings.Role,
    timeoutSeconds: stored.settings.Timeout,
    memoryMegabytes: stored.settings.MemorySize,
    environment: stored.settings.Environment,
    logGroupName: logGroupOf(stored.name, stored.settings),
  });

  return {
    operations,
    create(input) {
      const { name, arn } = create(input, true);
      return { name, arn };
    },
    addPermission(nameOrArn, statement) {
      addPermission(existing(nameOrArn), statement);
    },
    mayLog(nameOrArn) {
      const stored = find(nameOrArn);
      return stored === undefined || mayLog(stored);
    },
    policyText(nameOrArn) {
      const stored = find(nameOrArn);
      return stored === undefined ? undefined : policyText(stored);
    },
    reserveConcurrency,
    invoke,
    invokeAsync,
    sandboxes: pool.workerCount,
    asyncInvocations,
    describe: (nameOrArn) => descriptionOf(existing(nameOrArn)),
    find(nameOrArn) {
      const stored = find(nameOrArn);
      return stored === undefined ? undefined : descriptionOf(stored);
    },
    findByAccessKey(accessKeyId) {
      const stored = byAccessKey.get(accessKeyId);
      return stored === undefined ? undefined : descriptionOf(stored);
    },
    list: () => [...functions.values()].map(descriptionOf),
  };
}

/** As Lambda words it: `… to call PutTraceSegments on XRAY`. */
export function executionRoleLacks(action: string): AwsError {
  const [service = '', name] = action.split(':');
  return new AwsError(
    'InvalidParameterValueException',
    `The provided execution role does not have permissions to call ${name} on ${service.toUpperCase()}`,
  );
}

function logGroupOf(name: string, settings: FunctionSettings): string {
  const { LogGroup: logGroup } = settings.LoggingConfig;
  return typeof logGroup === 'string' ? logGroup : `/aws/lambda/${name}`;
}

function fingerprintOf(directory: string): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, file);
    if (!statSync(path).isFile()) continue;
    const content = readFileSync(path);
    hash.update(file).update('\0').update(content);
    bytes += content.length;
  }
  return { sha256: hash.digest('base64'), bytes };
}

/** Lambda's lists: `MaxItems` at most, `Marker` says where to go on. */
export function pageOf<T>(
  all: readonly T[],
  input: Readonly<Record<string, unknown>>,
  largestPage: number,
): { readonly page: T[]; readonly next?: string } {
  const start = input.Marker === undefined ? 0 : Number(Buffer.from(String(input.Marker), 'base64url').toString());
  if (!Number.isInteger(start) || start < 0) {
    throw new AwsError('InvalidParameterValueException', 'Marker is none that was given out');
  }
  const size = Math.min(largestPage, Number(input.MaxItems ?? largestPage));
  const end = start + size;
  const page = all.slice(start, end);
  return end < all.length ? { page, next: Buffer.from(String(end)).toString('base64url') } : { page };
}
