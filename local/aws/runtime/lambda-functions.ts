import type { EngineClock } from '../engine/engine-clock.ts';
import { EngineError, recursiveInvocation } from '../engine/engine-error.ts';
import { type Measure, measureNothing } from '../engine/measure.ts';
import { countInvocation } from '../engine/trace-header.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { Need } from '../iam/operation-needs.ts';
import { type AsyncInvocations, createAsyncInvocations } from './async-invocations.ts';
import { type FunctionCode, readCode } from './function-code.ts';
import { FunctionPolicy, type Permission } from './function-policy.ts';
import type { InvocationOutcome } from './function-sandbox.ts';
import { type FunctionSettings, readSettings } from './function-settings.ts';
import { accessKeyIdOf, type RunnableFunction } from './runnable-function.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface LambdaFunctionsOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly measure?: Measure | undefined;
  readonly pool: WorkerPool;
  /** Folder of a deployment package, by the bucket and key under which it was published. */
  readonly codeDirectory: (bucket: string, key: string) => string | undefined;
  /** An invocation that ended in an error: what Lambda would write into the function's log. */
  readonly onFunctionError?: (functionName: string, requestId: string, payload: string) => void;
  /** An asynchronous event that was given up. */
  readonly onGivenUp: (functionArn: string, reason: string) => void;
  /** An invocation that would have been one turn too many of a loop. */
  readonly onLoopStopped?: (functionArn: string) => void;
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

export interface FunctionDescription {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroupName: string;
}

interface StoredFunction {
  readonly name: string;
  readonly arn: string;
  readonly policy: FunctionPolicy;
  settings: FunctionSettings;
  code: FunctionCode;
  state: 'Pending' | 'Active';
  lastUpdate: 'InProgress' | 'Successful';
  lastModified: number;
  reservedConcurrency: number | undefined;
  recursiveLoop: 'Allow' | 'Terminate';
  /** Invocations that run or wait for a worker. */
  underWay: number;
  /** What the pool runs; made anew with each change. */
  runnable: RunnableFunction;
}

type Input = Readonly<Record<string, unknown>>;

/** Of one function in one chain of requests; AWS says "approximately 16". */
const maxInvocationsOfChain = 16;

export function createLambdaFunctions(options: LambdaFunctionsOptions): LambdaFunctions {
  return new LambdaFunctions(options);
}

/** The functions of the account: what Lambda keeps of each, how a change comes into force, and invoking them. */
export class LambdaFunctions {
  readonly asyncInvocations: AsyncInvocations;
  readonly #options: LambdaFunctionsOptions;
  readonly #functions = new Map<string, StoredFunction>();
  // Also of functions that have been deleted: what still runs of one keeps its role, and does not become somebody else.
  readonly #byAccessKey = new Map<string, StoredFunction>();

  constructor(options: LambdaFunctionsOptions) {
    this.#options = options;
    this.asyncInvocations = createAsyncInvocations({
      clock: options.clock,
      invoke: (functionArn, payload, traceHeader) => this.invoke(functionArn, payload, traceHeader),
      onGivenUp: options.onGivenUp,
    });
  }

  /** As CreateFunction. `inForce`: at once, as after a deploy. */
  create(input: Input, { inForce }: { readonly inForce: boolean }): { readonly name: string; readonly arn: string } {
    const { clock, transitionMs = 100 } = this.#options;
    const name = nameOf(input.FunctionName);
    if (this.#functions.has(name)) {
      throw new EngineError('ResourceConflictException', `Function already exist: ${name}`, 409);
    }
    const settings = readSettings(input, undefined);
    this.#refuseRole(name, settings);
    const code = readCode(input.Code, this.#options.codeDirectory);
    const arn = this.#arnOf(name);
    const stored: StoredFunction = {
      name,
      arn,
      policy: new FunctionPolicy(arn),
      settings,
      code,
      state: inForce ? 'Active' : 'Pending',
      lastUpdate: 'Successful',
      lastModified: clock.now(),
      reservedConcurrency: undefined,
      recursiveLoop: 'Terminate',
      underWay: 0,
      runnable: runnableOf({ name, arn, settings, code, reservedConcurrency: undefined }),
    };
    this.#functions.set(name, stored);
    this.#byAccessKey.set(accessKeyIdOf(arn), stored);
    if (!inForce) {
      clock.setTimer(clock.now() + transitionMs, () => {
        stored.state = 'Active';
      });
    }
    return { name, arn };
  }

  /** As UpdateFunctionConfiguration. */
  updateSettings(nameOrArn: unknown, input: Input): void {
    const stored = this.#settled(nameOrArn);
    const settings = readSettings(input, stored.settings);
    this.#refuseRole(stored.name, settings);
    this.#change(stored, settings, stored.code);
  }

  /** As UpdateFunctionCode. */
  updateCode(nameOrArn: unknown, code: unknown, architectures: readonly string[] | undefined): void {
    const stored = this.#settled(nameOrArn);
    const { settings } = stored;
    const next = architectures === undefined ? settings : { ...settings, Architectures: architectures };
    this.#change(stored, next, readCode(code, this.#options.codeDirectory));
  }

  delete(nameOrArn: unknown): void {
    const { name } = this.#existing(nameOrArn);
    this.#functions.delete(name);
    this.#options.pool.retire(name);
  }

  /** As GetFunctionConcurrency; undefined where none is reserved. */
  reservedConcurrency(nameOrArn: unknown): number | undefined {
    return this.#existing(nameOrArn).reservedConcurrency;
  }

  /** As PutFunctionConcurrency, and as DeleteFunctionConcurrency with undefined. */
  reserveConcurrency(nameOrArn: unknown, executions: number | undefined): void {
    const stored = this.#existing(nameOrArn);
    stored.reservedConcurrency = executions;
    this.#putInForce(stored);
  }

  recursiveLoop(nameOrArn: unknown): 'Allow' | 'Terminate' {
    return this.#existing(nameOrArn).recursiveLoop;
  }

  /** As PutFunctionRecursionConfig. */
  setRecursiveLoop(nameOrArn: unknown, loop: 'Allow' | 'Terminate'): void {
    this.#existing(nameOrArn).recursiveLoop = loop;
  }

  /** As GetAccountSettings gives it. */
  accountLimit(): { readonly ConcurrentExecutions: number; readonly UnreservedConcurrentExecutions: number } {
    const { concurrency = 1000 } = this.#options;
    const reserved = [...this.#functions.values()].reduce(
      (sum, { reservedConcurrency = 0 }) => sum + reservedConcurrency,
      0,
    );
    return { ConcurrentExecutions: concurrency, UnreservedConcurrentExecutions: concurrency - reserved };
  }

  /** As AddPermission. */
  addPermission(nameOrArn: string, permission: Permission): void {
    this.#existing(nameOrArn).policy.add(permission);
  }

  /** The function's own policy, JSON text; undefined where it has none, and where there is no such function. */
  policyText(nameOrArn: string): string | undefined {
    return this.#find(nameOrArn)?.policy.text();
  }

  /**
   * Whether Lambda may write what the function says: it does so in the name of the function's role, and drops it without
   * a word where the role may not.
   */
  mayLog(nameOrArn: string): boolean {
    const stored = this.#find(nameOrArn);
    if (stored === undefined) return true;
    const { name, arn, settings } = stored;
    const group = `${arn.replace(/:lambda:(.*):function:.*$/, ':logs:$1')}:log-group:${logGroupOf(name, settings)}`;
    const resource = `${group}:log-stream:${name}`;
    const needs = ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({ action, resource }));
    return this.#options.access.refuseRole({ functionName: name, roleArn: settings.Role }, needs) === undefined;
  }

  /** Runs it and waits. Rejects with `EngineError` where it is not there or cannot run now. */
  async invoke(nameOrArn: unknown, payload: string, traceHeader?: string): Promise<InvocationOutcome> {
    const { pool, concurrency = 1000, onFunctionError, measure = measureNothing } = this.#options;
    const stored = this.#existing(nameOrArn);
    if (stored.state === 'Pending') refuseWhileChanging(stored);
    const chain = countInvocation(traceHeader, stored.arn);
    if (chain.before >= maxInvocationsOfChain && stored.recursiveLoop === 'Terminate') this.#stopLoop(stored);
    if (stored.reservedConcurrency === 0 || stored.underWay >= concurrency) {
      measure('AWS/Lambda', 'Throttles', { FunctionName: stored.name }, 1);
      throw new EngineError('TooManyRequestsException', 'Rate Exceeded.', 429);
    }
    // Lambda writes the beginning and the end of each invocation, whether the function writes anything or not.
    this.mayLog(stored.name);
    stored.underWay++;
    const outcome = await pool.invoke(stored.runnable, payload, { traceHeader: chain.header }).finally(() => {
      stored.underWay--;
    });
    if (outcome.functionError !== undefined) onFunctionError?.(stored.name, outcome.requestId, outcome.payload);
    return outcome;
  }

  /** Takes the event for later. Throws `ResourceNotFoundException`. */
  invokeAsync(nameOrArn: unknown, payload: string, traceHeader?: string): void {
    this.asyncInvocations.take({ functionArn: this.#existing(nameOrArn).arn, payload, traceHeader });
  }

  /** Invocations of the function that can be worked on at once as it is now; it grows while others wait. */
  sandboxes(functionName: string): number {
    return this.#options.pool.workerCount(functionName);
  }

  /** Throws `ResourceNotFoundException`. */
  describe(nameOrArn: unknown): FunctionDescription {
    return descriptionOf(this.#existing(nameOrArn));
  }

  find(nameOrArn: unknown): FunctionDescription | undefined {
    const stored = this.#find(nameOrArn);
    return stored && descriptionOf(stored);
  }

  /** Also one that has been deleted. */
  findByAccessKey(accessKeyId: string): FunctionDescription | undefined {
    const stored = this.#byAccessKey.get(accessKeyId);
    return stored && descriptionOf(stored);
  }

  /** Everything that is there, by name. */
  list(): FunctionDescription[] {
    return [...this.#functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(descriptionOf);
  }

  /** As GetFunction answers it: the configuration, and where the code lies. */
  configurationOf(nameOrArn: unknown): { readonly configuration: object; readonly codeLocation: string } {
    const stored = this.#existing(nameOrArn);
    const { Environment: variables, LoggingConfig, ...settings } = stored.settings;
    const configuration = {
      FunctionName: stored.name,
      FunctionArn: stored.arn,
      ...settings,
      Environment: { Variables: variables },
      LoggingConfig: { LogFormat: 'Text', ...LoggingConfig, LogGroup: logGroupOf(stored.name, stored.settings) },
      CodeSize: stored.code.bytes,
      CodeSha256: stored.code.sha256,
      LastModified: new Date(stored.lastModified).toISOString().replace('Z', '+0000'),
      Version: '$LATEST',
      PackageType: 'Zip',
      State: stored.state,
      ...(stored.state === 'Pending'
        ? { StateReason: 'The function is being created.', StateReasonCode: 'Creating' }
        : {}),
      LastUpdateStatus: stored.lastUpdate,
    };
    return { configuration, codeLocation: stored.code.location };
  }

  #arnOf(name: string): string {
    return `arn:aws:lambda:${this.#options.region}:${this.#options.accountId}:function:${name}`;
  }

  #find(nameOrArn: unknown): StoredFunction | undefined {
    return this.#functions.get(nameOf(nameOrArn));
  }

  #existing(nameOrArn: unknown): StoredFunction {
    const stored = this.#find(nameOrArn);
    if (stored !== undefined) return stored;
    throw new EngineError('ResourceNotFoundException', `Function not found: ${this.#arnOf(nameOf(nameOrArn))}`, 404);
  }

  #settled(nameOrArn: unknown): StoredFunction {
    const stored = this.#existing(nameOrArn);
    refuseWhileChanging(stored);
    return stored;
  }

  /** Throws where Lambda could not take on the role, or could not do in its name what the settings ask for. */
  #refuseRole(functionName: string, { Role: roleArn, TracingConfig }: FunctionSettings): void {
    const { access } = this.#options;
    if (!access.trustsLambda(roleArn)) {
      throw new EngineError(
        'InvalidParameterValueException',
        'The role defined for the function cannot be assumed by Lambda.',
      );
    }
    const traces = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'];
    const needs = TracingConfig.Mode === 'Active' ? traces.map((action): Need => ({ action, resource: '*' })) : [];
    const denial = access.refuseRole({ functionName, roleArn }, needs);
    if (denial !== undefined) throw executionRoleLacks(denial.action);
  }

  /** What was changed is in force after a moment; until then Lambda refuses the next change, and runs the old version. */
  #change(stored: StoredFunction, settings: FunctionSettings, code: FunctionCode): void {
    const { clock, transitionMs = 100 } = this.#options;
    stored.settings = settings;
    stored.code = code;
    stored.lastUpdate = 'InProgress';
    stored.lastModified = clock.now();
    clock.setTimer(clock.now() + transitionMs, () => {
      stored.lastUpdate = 'Successful';
      if (this.#functions.get(stored.name) === stored) this.#putInForce(stored);
    });
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html */
  #stopLoop({ name, arn }: StoredFunction): never {
    const { measure = measureNothing, onLoopStopped } = this.#options;
    measure('AWS/Lambda', 'RecursiveInvocationsDropped', { FunctionName: name }, 1);
    onLoopStopped?.(arn);
    throw new EngineError(
      recursiveInvocation,
      "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation.",
    );
  }

  #putInForce(stored: StoredFunction): void {
    stored.runnable = runnableOf(stored);
    this.#options.pool.retire(stored.name);
  }
}

/** As Lambda words it: `… to call PutTraceSegments on XRAY`. */
export function executionRoleLacks(action: string): EngineError {
  const [service = '', name] = action.split(':');
  return new EngineError(
    'InvalidParameterValueException',
    `The provided execution role does not have permissions to call ${name} on ${service.toUpperCase()}`,
  );
}

/** Of a name or an ARN. */
function nameOf(nameOrArn: unknown): string {
  const found = /^(?:arn:aws:lambda:[^:]+:\d{12}:function:)?([A-Za-z0-9_-]{1,64})$/.exec(String(nameOrArn ?? ''));
  if (found?.[1] !== undefined) return found[1];
  throw new EngineError('ValidationException', `FunctionName ${nameOrArn} is neither a name nor an ARN of a function`);
}

function refuseWhileChanging({ arn, state, lastUpdate }: StoredFunction): void {
  if (state === 'Active' && lastUpdate === 'Successful') return;
  const why =
    state === 'Pending'
      ? 'The function is currently in the following state: Pending'
      : `An update is in progress for resource: ${arn}`;
  throw new EngineError('ResourceConflictException', `The operation cannot be performed at this time. ${why}`, 409);
}

function runnableOf({
  name,
  arn,
  settings,
  code,
  reservedConcurrency,
}: Pick<StoredFunction, 'name' | 'arn' | 'settings' | 'code' | 'reservedConcurrency'>): RunnableFunction {
  return {
    name,
    arn,
    codeDirectory: code.directory,
    handler: settings.Handler,
    environment: settings.Environment,
    timeoutSeconds: settings.Timeout,
    memoryMegabytes: settings.MemorySize,
    logGroupName: logGroupOf(name, settings),
    ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
    decidesOnTraces: settings.TracingConfig.Mode === 'Active',
  };
}

function descriptionOf({ name, arn, settings }: StoredFunction): FunctionDescription {
  return {
    name,
    arn,
    roleArn: settings.Role,
    timeoutSeconds: settings.Timeout,
    memoryMegabytes: settings.MemorySize,
    environment: settings.Environment,
    logGroupName: logGroupOf(name, settings),
  };
}

function logGroupOf(name: string, settings: FunctionSettings): string {
  const { LogGroup: logGroup } = settings.LoggingConfig;
  return typeof logGroup === 'string' ? logGroup : `/aws/lambda/${name}`;
}
