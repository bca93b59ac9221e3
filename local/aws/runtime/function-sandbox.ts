import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { EngineClock } from '../engine/engine-clock.ts';
import type { Measure } from '../engine/measure.ts';
import { exited, type FunctionErrorShape, responseTooLarge, timedOut } from './function-error.ts';
import { createOutputMemory } from './output-memory.ts';
import { bundleUrlOf, environmentOf, type RunnableFunction } from './runnable-function.ts';

/** One worker thread with one function: it starts, runs one invocation at a time, and ends. */
export interface FunctionSandbox {
  /** Only when it is ready and not busy. `traceId` is X-Ray's header for this invocation. */
  run(invocation: Invocation, traceId: string): void;
  readonly isBusy: boolean;
  /** What it is at work on is rejected with `reason`; without one it is answered as a function that exited. */
  end(reason?: Error): void;
}

export interface Invocation {
  readonly payload: string;
  readonly requestId: string;
  readonly resolve: (outcome: InvocationOutcome) => void;
  readonly reject: (error: Error) => void;
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

export interface SandboxSurroundings {
  readonly clock: EngineClock;
  readonly region: string;
  /** Read when a worker starts, so the port may be known late. */
  readonly endpointUrl: () => string;
  readonly onOutput?: (line: OutputLine) => void;
  readonly measure: Measure;
  /** Where compiled code is kept; left out, every worker compiles for itself. */
  readonly codeCacheDirectory?: string;
}

export interface SandboxEvents {
  /** Its start is over, well or not. Said once, before `ready` and before `exited`. */
  readonly startEnded: () => void;
  /** It can take an invocation: after its start, and after each invocation. */
  readonly ready: () => void;
  /**
   * It takes no more. Where its start failed, the invocation that it was started for is asked for, to be answered with
   * why; the next one tries again.
   */
  readonly exiting: (failedToStart: boolean) => Invocation | undefined;
  /** Everything has been answered. */
  readonly exited: () => void;
}

// Lambda's limit of a synchronous answer.
const maxAnswerBytes = 6 * 1024 * 1024;
// Lambda's own limit is 10 s; a machine that starts hundreds of workers at once may need longer.
const maxStartMs = 60_000;
// V8's own choice grows to 48 MB of short-lived objects for each worker; with 8 the processor time was the same.
const maxYoungGenerationSizeMb = 8;

const outputStreams = ['stdout', 'stderr'] as const;
type OutputStream = (typeof outputStreams)[number];

type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'written' }
  | { readonly kind: 'output'; readonly stream: OutputStream; readonly text: string }
  | { readonly kind: 'result'; readonly payload: string; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly error: FunctionErrorShape; readonly cpuMs: number }
  | { readonly kind: 'init-failed' | 'crashed'; readonly error: FunctionErrorShape };

export function startSandbox(
  runnable: RunnableFunction,
  surroundings: SandboxSurroundings,
  events: SandboxEvents,
): FunctionSandbox {
  const { clock, measure } = surroundings;
  const dimensions = { FunctionName: runnable.name };
  const memory = createOutputMemory();
  const worker = startWorker(runnable, surroundings, memory.buffer);
  const output = createLineReader((stream, text, requestId) =>
    surroundings.onOutput?.({
      functionName: runnable.name,
      stream,
      text,
      ...(requestId === undefined ? {} : { requestId }),
    }),
  );
  let current: Invocation | undefined;
  let startedAt = 0;
  let isStarting = true;
  let endReason: Error | undefined;
  /** Why it dies, as the invocation of this request id is answered. */
  let fault: ((requestId: string) => FunctionErrorShape) | undefined;
  let cancelDeadline = clock.setTimer(clock.now() + maxStartMs, () => timeOut(maxStartMs / 1000));

  worker.on('message', (message: WorkerMessage) => {
    switch (message.kind) {
      case 'ready':
        endStart();
        return events.ready();
      case 'written':
        return drain();
      case 'output':
        drain();
        return output.read(message.stream, message.text, current?.requestId);
      case 'result':
        return answer(message.payload, message.cpuMs);
      case 'failed':
        return answer(JSON.stringify(message.error), message.cpuMs, 'Unhandled');
      case 'init-failed':
      case 'crashed':
        fault = () => message.error;
        return void worker.terminate();
      default:
        return message satisfies never;
    }
  });
  for (const stream of outputStreams) {
    worker[stream].setEncoding('utf8').on('data', (text: string) => output.read(stream, text, current?.requestId));
  }
  worker.on('error', (error: Error & { code?: string }) => {
    // Lambda kills what takes more memory than it was given.
    fault ??=
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? (requestId) => exited(requestId, 'signal: killed')
        : () => ({ errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') });
  });
  worker.once('exit', died);

  function endStart(): void {
    if (!isStarting) return;
    isStarting = false;
    cancelDeadline();
    events.startEnded();
  }

  function timeOut(seconds: number): void {
    fault = (requestId) => timedOut(requestId, seconds);
    void worker.terminate();
  }

  function answer(payload: string, cpuMs: number, functionError?: 'Unhandled'): void {
    // CloudWatch has no such metric; lab/cost needs it, because a small function has a share of a core only.
    measure('LocalRun', 'CpuTime', dimensions, cpuMs);
    const invocation = current;
    if (invocation === undefined) return;
    drain();
    current = undefined;
    cancelDeadline();
    flush(invocation.requestId);
    const bytes = Buffer.byteLength(payload);
    const tooLarge = bytes > maxAnswerBytes ? responseTooLarge(bytes, maxAnswerBytes) : undefined;
    const failed = functionError !== undefined || tooLarge !== undefined;
    measureInvocation(failed);
    invocation.resolve({
      requestId: invocation.requestId,
      payload: tooLarge === undefined ? payload : JSON.stringify(tooLarge),
      ...(failed ? { functionError: 'Unhandled' } : {}),
    });
    events.ready();
  }

  function died(code: number): void {
    const failedToStart = isStarting;
    endStart();
    cancelDeadline();
    const asked = events.exiting(failedToStart);
    const invocation = current ?? asked;
    if (current === undefined) startedAt = clock.now();
    drain();
    current = undefined;
    flush(invocation?.requestId);
    if (endReason !== undefined) invocation?.reject(endReason);
    else {
      const { requestId = 'none' } = invocation ?? {};
      const payload = JSON.stringify(fault?.(requestId) ?? exited(requestId, `exit status ${code}`));
      if (invocation !== undefined) {
        measureInvocation(true);
        invocation.resolve({ requestId, payload, functionError: 'Unhandled' });
      } else if (fault !== undefined) output.read('stderr', `${payload}\n`, undefined);
    }
    events.exited();
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
  function measureInvocation(failed: boolean): void {
    measure('AWS/Lambda', 'Invocations', dimensions, 1);
    measure('AWS/Lambda', 'Errors', dimensions, failed ? 1 : 0);
    measure('AWS/Lambda', 'Duration', dimensions, clock.now() - startedAt);
  }

  function drain(): void {
    memory.drain((stream, text) => output.read(stream, text, current?.requestId));
  }

  /** At the end of an invocation: nothing writes any more. */
  function flush(requestId: string | undefined): void {
    memory.empty();
    output.flush(requestId);
  }

  return {
    get isBusy() {
      return current !== undefined;
    },
    run(invocation, traceId) {
      const deadline = clock.now() + runnable.timeoutSeconds * 1000;
      current = invocation;
      startedAt = clock.now();
      cancelDeadline = clock.setTimer(deadline, () => timeOut(runnable.timeoutSeconds));
      const { payload, requestId } = invocation;
      worker.postMessage({ kind: 'invoke', payload, requestId, deadline, traceId });
    },
    end(reason) {
      endReason = reason;
      cancelDeadline();
      void worker.terminate();
    },
  };
}

function startWorker(
  runnable: RunnableFunction,
  { clock, region, endpointUrl, codeCacheDirectory }: SandboxSurroundings,
  outputMemory: SharedArrayBuffer,
): Worker {
  const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
  const logStreamName = `${day}/[$LATEST]${randomUUID().replaceAll('-', '')}`;
  return new Worker(new URL('./function-worker.mjs', import.meta.url), {
    env: environmentOf(runnable, { region, endpointUrl: endpointUrl(), logStreamName }),
    workerData: {
      bundleUrl: bundleUrlOf(runnable),
      handlerName: runnable.handler.slice(runnable.handler.lastIndexOf('.') + 1),
      functionArn: runnable.arn,
      logStreamName,
      codeCacheDirectory,
      outputMemory,
      aheadMs: clock.aheadMs,
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
}

/** Makes whole lines of what comes in pieces. */
function createLineReader(emit: (stream: OutputStream, line: string, requestId: string | undefined) => void) {
  const partial: Record<OutputStream, string> = { stdout: '', stderr: '' };
  return {
    read(stream: OutputStream, text: string, requestId: string | undefined): void {
      const lines = `${partial[stream]}${text}`.split('\n');
      partial[stream] = lines.pop() ?? '';
      for (const line of lines) emit(stream, line, requestId);
    },
    flush(requestId: string | undefined): void {
      for (const stream of outputStreams) {
        const rest = partial[stream];
        partial[stream] = '';
        if (rest !== '') emit(stream, rest, requestId);
      }
    },
  };
}
