import { randomUUID } from 'node:crypto';
import { availableParallelism, totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { EngineClock } from '../engine/engine-clock.ts';
import { type Measure, measureNothing } from '../engine/measure.ts';
import { createTraceSampler, nextTraceHeader, type TraceSampler } from '../engine/trace-header.ts';
import { exited, type FunctionErrorShape, responseTooLarge, timedOut } from './function-error.ts';
import { createOutputMemory, type OutputMemory } from './output-memory.ts';
import { bundleUrlOf, environmentOf, type RunnableFunction } from './runnable-function.ts';
import { createCpuGauge } from './spare-cpu.ts';

/** Runs functions, each in worker threads of its own, one invocation at a time per worker as Lambda does. */
export interface WorkerPool {
  /** Never rejects for what the function does; rejects once the pool is stopped. */
  invoke(runnable: RunnableFunction, payload: string, invocation?: InvocationOptions): Promise<InvocationOutcome>;
  /** New invocations get new workers; those that are busy finish what they do. For new code and for a deletion. */
  retire(functionName: string): void;
  /** Live workers, busy or idle. */
  workerCount(functionName?: string): number;
  stop(): Promise<void>;
}

export interface InvocationOptions {
  readonly requestId?: string;
  /** X-Ray's, of who invokes. Left out, the invocation is the beginning of a trace. */
  readonly traceHeader?: string | undefined;
}

export interface InvocationOutcome {
  readonly requestId: string;
  /** JSON text: the handler's answer, or Lambda's shape of its error. */
  readonly payload: string;
  readonly functionError?: 'Unhandled';
}

export interface OutputLine {
  readonly functionName: string;
  readonly requestId?: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without its line break. */
  readonly text: string;
}

export interface WorkerPoolOptions {
  readonly clock: EngineClock;
  readonly region: string;
  /** Read when a worker starts, so the port may be known late. */
  readonly endpointUrl: () => string;
  readonly onOutput?: (line: OutputLine) => void;
  readonly measure?: Measure | undefined;
  /**
   * Lambda would take a thousand. On one machine more workers than cores only cost memory (25 MB each), but deliveries
   * mostly wait for a subscriber's answer, so a few more than the common two cores keep them going.
   */
  readonly workersPerFunction?: number;
  /** Of all functions together. Above it, idle workers of other functions make way, the longest idle first. */
  readonly workersInAll?: number;
  readonly idleSeconds?: number;
  /**
   * Asked before a function gets one more worker than it has. Work that waits because every core is busy is done no
   * sooner by more workers; work that waits for a slow subscriber is.
   */
  readonly hasSpareCpu?: () => boolean;
  /** Where compiled code is kept; left out, every worker compiles for itself. */
  readonly codeCacheDirectory?: string;
}

// Lambda's limit of a synchronous answer.
const maxAnswerBytes = 6 * 1024 * 1024;
// A start costs about this much of a core: an invocation that is served sooner by a worker that is there waits for it.
const growAfterMs = 100;
// Who has waited this long for a place gets that of a worker that has just ended an invocation, busy function or not.
const unfairAfterMs = 1_000;
// Lambda's own limit is 10 s; a machine that starts hundreds of workers at once may need longer.
const maxStartMs = 60_000;
const megabytesPerWorker = 25;
// V8's own choice grows to 48 MB of short-lived objects for each worker; with 8 the processor time was the same.
const maxYoungGenerationSizeMb = 8;
const keepsNone: TraceSampler = () => false;

interface Waiting {
  readonly payload: string;
  readonly requestId: string;
  readonly traceHeader: string | undefined;
  readonly since: number;
  /** When its worker began with it. */
  startedAt?: number;
  readonly resolve: (outcome: InvocationOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** All workers of one version of one function. */
interface Lane {
  readonly runnable: RunnableFunction;
  readonly samples: TraceSampler;
  readonly waiting: Waiting[];
  readonly idle: Sandbox[];
  /** Busy, idle and starting; those that were told to end are no longer in it. */
  readonly sandboxes: Set<Sandbox>;
  starting: number;
  /** In the line for a place, or for its turn to start. */
  queuedStarts: number;
  retired: boolean;
  cancelGrow?: (() => void) | undefined;
}

interface Sandbox {
  readonly lane: Lane;
  readonly worker: Worker;
  readonly output: OutputMemory;
  current?: Waiting | undefined;
  idleSince: number;
  cancelTimer?: (() => void) | undefined;
  /** What it said before it died. */
  lastError?: FunctionErrorShape;
  partialLine: Record<'stdout' | 'stderr', string>;
}

type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'written' }
  | { readonly kind: 'output'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly kind: 'result'; readonly payload: string; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly error: FunctionErrorShape; readonly cpuMs: number }
  | { readonly kind: 'init-failed' | 'crashed'; readonly error: FunctionErrorShape };

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { clock, measure = measureNothing } = options;
  const workersPerFunction = options.workersPerFunction ?? 4;
  const workersInAll = options.workersInAll ?? placesOnThisMachine();
  const hasSpareCpu = options.hasSpareCpu ?? createCpuGauge();
  const idleMs = (options.idleSeconds ?? 60) * 1000;
  // More starts at once than cores would only make all of them late.
  const startsAtOnce = Math.max(2, availableParallelism());

  const lanes = new Map<string, Lane>();
  const retiredLanes = new Set<Lane>();
  const sandboxes = new Set<Sandbox>();
  const startQueue: { readonly lane: Lane; readonly since: number }[] = [];
  const exits = new Set<Promise<unknown>>();
  let starting = 0;
  let stopped = false;

  function laneOf(runnable: RunnableFunction): Lane {
    const known = lanes.get(runnable.name);
    if (known?.runnable === runnable) return known;
    if (known !== undefined) retire(runnable.name);
    const lane: Lane = {
      runnable,
      samples: runnable.decidesOnTraces ? createTraceSampler(() => clock.now()) : keepsNone,
      waiting: [],
      idle: [],
      sandboxes: new Set(),
      starting: 0,
      queuedStarts: 0,
      retired: false,
    };
    lanes.set(runnable.name, lane);
    return lane;
  }

  function dispatch(lane: Lane): void {
    while (lane.waiting.length > 0) {
      // The one that was used last: the others may become idle long enough to be reclaimed.
      const sandbox = lane.idle.pop();
      if (sandbox === undefined) break;
      const next = lane.waiting.shift();
      if (next !== undefined) run(sandbox, next);
    }
    grow(lane);
  }

  function grow(lane: Lane): void {
    const [oldest] = lane.waiting;
    if (oldest === undefined) {
      lane.cancelGrow?.();
      lane.cancelGrow = undefined;
      return;
    }
    const limit = Math.min(workersPerFunction, lane.runnable.reservedConcurrency ?? workersPerFunction);
    const coming = lane.starting + lane.queuedStarts;
    if (lane.sandboxes.size + lane.queuedStarts >= limit || lane.waiting.length <= coming) return;
    const isFirst = lane.sandboxes.size + lane.queuedStarts === 0;
    const growAt = oldest.since + growAfterMs;
    // One worker is every function's due, at the cost of who is idle. More it gets only of what is free.
    if (isFirst || (clock.now() >= growAt && sandboxes.size < workersInAll && hasSpareCpu())) {
      lane.queuedStarts++;
      startQueue.push({ lane, since: clock.now() });
      startNext();
      return;
    }
    lane.cancelGrow ??= clock.setTimer(Math.max(growAt, clock.now() + growAfterMs), () => {
      lane.cancelGrow = undefined;
      grow(lane);
    });
  }

  function startNext(): void {
    while (startQueue.length > 0 && starting < startsAtOnce && !stopped) {
      const lane = startQueue[0]?.lane;
      if (lane === undefined) return;
      // Others of its workers may have done the work by now.
      const isNeeded = lane.waiting.length > lane.starting;
      if (isNeeded && sandboxes.size >= workersInAll && !makeRoom()) return;
      startQueue.shift();
      lane.queuedStarts--;
      if (isNeeded) start(lane);
    }
  }

  /** Ends the worker that has been idle longest. */
  function makeRoom(): boolean {
    let oldest: Sandbox | undefined;
    for (const sandbox of sandboxes) {
      if (sandbox.current !== undefined || !sandbox.lane.idle.includes(sandbox)) continue;
      if (oldest === undefined || sandbox.idleSince < oldest.idleSince) oldest = sandbox;
    }
    if (oldest !== undefined) end(oldest);
    return oldest !== undefined;
  }

  function start(lane: Lane): void {
    const { runnable } = lane;
    const logStreamName = `${new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomUUID().replaceAll('-', '')}`;
    const output = createOutputMemory();
    const worker = new Worker(new URL('./function-worker.mjs', import.meta.url), {
      env: environmentOf(runnable, { region: options.region, endpointUrl: options.endpointUrl(), logStreamName }),
      workerData: {
        bundleUrl: bundleUrlOf(runnable),
        handlerName: runnable.handler.slice(runnable.handler.lastIndexOf('.') + 1),
        functionArn: runnable.arn,
        logStreamName,
        codeCacheDirectory: options.codeCacheDirectory,
        outputMemory: output.buffer,
      },
      resourceLimits: {
        // A function that leaks dies alone, at the memory that it would have in Lambda.
        maxOldGenerationSizeMb: runnable.memoryMegabytes,
        maxYoungGenerationSizeMb,
      },
      execArgv: [],
      name: runnable.name,
      stdout: true,
      stderr: true,
    });
    const partialLine = { stdout: '', stderr: '' };
    const sandbox: Sandbox = { lane, worker, output, idleSince: clock.now(), partialLine };
    lane.sandboxes.add(sandbox);
    lane.starting++;
    starting++;
    sandboxes.add(sandbox);
    let started = false;
    const endOfStart = (): void => {
      if (started) return;
      started = true;
      lane.starting--;
      starting--;
      sandbox.cancelTimer?.();
      sandbox.cancelTimer = undefined;
    };
    sandbox.cancelTimer = clock.setTimer(clock.now() + maxStartMs, () => {
      sandbox.lastError = timedOut(lane.waiting[0]?.requestId ?? 'none', maxStartMs / 1000);
      void worker.terminate();
    });

    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'ready':
          endOfStart();
          return becomeIdle(sandbox);
        case 'written':
          return drainOutput(sandbox);
        case 'output':
          drainOutput(sandbox);
          return writeOutput(sandbox, message.stream, message.text);
        case 'result':
          measureCpu(sandbox, message.cpuMs);
          return finish(sandbox, message.payload);
        case 'failed':
          measureCpu(sandbox, message.cpuMs);
          return finish(sandbox, JSON.stringify(message.error), 'Unhandled');
        case 'init-failed':
        case 'crashed':
          sandbox.lastError = message.error;
          return void worker.terminate();
        default:
          return message satisfies never;
      }
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      worker[stream].setEncoding('utf8').on('data', (text: string) => writeOutput(sandbox, stream, text));
    }
    worker.on('error', (error: Error & { code?: string }) => {
      // Lambda kills what takes more memory than it was given.
      sandbox.lastError ??=
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? exited(sandbox.current?.requestId ?? 'none', 'signal: killed')
          : { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
    });
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        const failedToStart = !started;
        endOfStart();
        died(sandbox, code, failedToStart);
        resolve();
      });
    });
    exits.add(exit);
    void exit.finally(() => exits.delete(exit));
  }

  function run(sandbox: Sandbox, invocation: Waiting): void {
    const { runnable } = sandbox.lane;
    const deadline = clock.now() + runnable.timeoutSeconds * 1000;
    sandbox.current = invocation;
    invocation.startedAt = clock.now();
    sandbox.cancelTimer?.();
    sandbox.cancelTimer = clock.setTimer(deadline, () => {
      sandbox.lastError = timedOut(invocation.requestId, runnable.timeoutSeconds);
      void sandbox.worker.terminate();
    });
    sandbox.worker.postMessage({
      kind: 'invoke',
      payload: invocation.payload,
      requestId: invocation.requestId,
      deadline,
      traceId: nextTraceHeader(invocation.traceHeader, clock.now(), sandbox.lane.samples),
    });
  }

  function finish(sandbox: Sandbox, payload: string, functionError?: 'Unhandled'): void {
    const invocation = sandbox.current;
    if (invocation === undefined) return;
    drainOutput(sandbox);
    sandbox.current = undefined;
    sandbox.cancelTimer?.();
    sandbox.cancelTimer = undefined;
    flushOutput(sandbox, invocation.requestId);
    const bytes = Buffer.byteLength(payload);
    const tooLarge = bytes > maxAnswerBytes ? responseTooLarge(bytes, maxAnswerBytes) : undefined;
    measureInvocation(sandbox, invocation, functionError !== undefined || tooLarge !== undefined);
    invocation.resolve({
      requestId: invocation.requestId,
      payload: tooLarge === undefined ? payload : JSON.stringify(tooLarge),
      ...(tooLarge === undefined && functionError === undefined ? {} : { functionError: 'Unhandled' }),
    });
    becomeIdle(sandbox);
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
  function measureInvocation({ lane }: Sandbox, { startedAt = clock.now() }: Waiting, failed: boolean): void {
    const dimensions = { FunctionName: lane.runnable.name };
    measure('AWS/Lambda', 'Invocations', dimensions, 1);
    measure('AWS/Lambda', 'Errors', dimensions, failed ? 1 : 0);
    measure('AWS/Lambda', 'Duration', dimensions, clock.now() - startedAt);
  }

  /** CloudWatch has no such metric; lab/cost needs it, because a small function has a share of a core only. */
  function measureCpu({ lane }: Sandbox, cpuMs: number): void {
    measure('LocalRun', 'CpuTime', { FunctionName: lane.runnable.name }, cpuMs);
  }

  function becomeIdle(sandbox: Sandbox): void {
    const { lane } = sandbox;
    if ((lane.retired && lane.waiting.length === 0) || mustMakeWay(lane)) end(sandbox);
    else {
      sandbox.idleSince = clock.now();
      lane.idle.push(sandbox);
      sandbox.cancelTimer = clock.setTimer(clock.now() + idleMs, () => end(sandbox));
      dispatch(lane);
    }
    startNext();
  }

  function mustMakeWay(lane: Lane): boolean {
    const [first] = startQueue;
    if (first === undefined || first.lane === lane || sandboxes.size < workersInAll) return false;
    return lane.waiting.length === 0 || lane.sandboxes.size > 1 || clock.now() - first.since > unfairAfterMs;
  }

  /** Takes an idle worker out of service. */
  function end(sandbox: Sandbox): void {
    const { lane, worker } = sandbox;
    const index = lane.idle.indexOf(sandbox);
    if (index >= 0) lane.idle.splice(index, 1);
    forget(sandbox);
    void worker.terminate();
    if (lane.waiting.length > 0) grow(lane);
  }

  function forget(sandbox: Sandbox): void {
    sandbox.cancelTimer?.();
    sandbox.cancelTimer = undefined;
    sandbox.lane.sandboxes.delete(sandbox);
    sandboxes.delete(sandbox);
    if (sandbox.lane.sandboxes.size === 0) retiredLanes.delete(sandbox.lane);
  }

  function died(sandbox: Sandbox, code: number, failedToStart: boolean): void {
    const { lane } = sandbox;
    const index = lane.idle.indexOf(sandbox);
    if (index >= 0) lane.idle.splice(index, 1);
    forget(sandbox);
    // A worker that cannot start answers the invocation that it was started for; the next one tries again.
    const invocation = sandbox.current ?? (failedToStart ? lane.waiting.shift() : undefined);
    drainOutput(sandbox);
    sandbox.current = undefined;
    flushOutput(sandbox, invocation?.requestId);
    if (stopped) {
      invocation?.reject(new Error('the local run is stopping'));
      return;
    }
    const { requestId = 'none' } = invocation ?? {};
    const payload = JSON.stringify(sandbox.lastError ?? exited(requestId, `exit status ${code}`));
    if (invocation !== undefined) {
      measureInvocation(sandbox, invocation, true);
      invocation.resolve({ requestId, payload, functionError: 'Unhandled' });
    } else if (sandbox.lastError !== undefined) emitLine(sandbox, 'stderr', payload, undefined);
    dispatch(lane);
    startNext();
  }

  function writeOutput(sandbox: Sandbox, stream: 'stdout' | 'stderr', text: string): void {
    const lines = `${sandbox.partialLine[stream]}${text}`.split('\n');
    sandbox.partialLine[stream] = lines.pop() ?? '';
    for (const line of lines) emitLine(sandbox, stream, line, sandbox.current?.requestId);
  }

  function drainOutput(sandbox: Sandbox): void {
    sandbox.output.drain((stream, text) => writeOutput(sandbox, stream, text));
  }

  /** At the end of an invocation: nothing writes any more. */
  function flushOutput(sandbox: Sandbox, requestId: string | undefined): void {
    sandbox.output.empty();
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = sandbox.partialLine[stream];
      sandbox.partialLine[stream] = '';
      if (rest !== '') emitLine(sandbox, stream, rest, requestId);
    }
  }

  function emitLine(sandbox: Sandbox, stream: 'stdout' | 'stderr', text: string, requestId: string | undefined): void {
    const functionName = sandbox.lane.runnable.name;
    options.onOutput?.({ functionName, stream, text, ...(requestId === undefined ? {} : { requestId }) });
  }

  function retire(functionName: string): void {
    const lane = lanes.get(functionName);
    if (lane === undefined) return;
    lanes.delete(functionName);
    lane.retired = true;
    if (lane.sandboxes.size > 0) retiredLanes.add(lane);
    // What waits was meant for the version that was in force when it came.
    if (lane.waiting.length === 0) for (const sandbox of [...lane.idle]) end(sandbox);
  }

  return {
    invoke(runnable, payload, { requestId = randomUUID(), traceHeader } = {}) {
      if (stopped) return Promise.reject(new Error('the local run is stopping'));
      return new Promise((resolve, reject) => {
        const lane = laneOf(runnable);
        lane.waiting.push({ payload, requestId, traceHeader, since: clock.now(), resolve, reject });
        dispatch(lane);
      });
    },
    retire,
    workerCount(functionName) {
      if (functionName === undefined) return sandboxes.size;
      return [...sandboxes].filter(({ lane }) => lane.runnable.name === functionName).length;
    },
    async stop() {
      stopped = true;
      for (const lane of [...lanes.values(), ...retiredLanes]) {
        lane.cancelGrow?.();
        for (const invocation of lane.waiting.splice(0)) invocation.reject(new Error('the local run is stopping'));
      }
      for (const sandbox of sandboxes) {
        sandbox.cancelTimer?.();
        void sandbox.worker.terminate();
      }
      await Promise.all(exits);
    },
  };
}

/** A quarter of the machine's memory (or of the container's), but never so few that functions wait for each other. */
function placesOnThisMachine(): number {
  const limitBytes = process.constrainedMemory() || totalmem();
  const megabytes = Math.min(limitBytes, totalmem()) / 1024 ** 2 / 4;
  return Math.min(256, Math.max(24, Math.floor(megabytes / megabytesPerWorker)));
}
