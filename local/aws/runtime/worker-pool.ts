import { randomUUID } from 'node:crypto';
import { availableParallelism, totalmem } from 'node:os';
import type { EngineClock } from '../engine/engine-clock.ts';
import { measureNothing } from '../engine/measure.ts';
import { createTraceSampler, nextTraceHeader, type TraceSampler } from '../engine/trace-header.ts';
import {
  type FunctionSandbox,
  type Invocation,
  type InvocationOutcome,
  type SandboxSurroundings,
  startSandbox,
} from './function-sandbox.ts';
import type { RunnableFunction } from './runnable-function.ts';
import { createCpuGauge } from './spare-cpu.ts';

/** Runs functions, each in worker threads of its own, one invocation at a time per worker as Lambda does. */
export interface WorkerPool {
  /** Never rejects for what the function does; rejects once the pool is stopped. */
  invoke(runnable: RunnableFunction, payload: string, invocation?: InvocationOptions): Promise<InvocationOutcome>;
  /** New invocations get new workers; those that are busy finish what they do. For new code and for a deletion. */
  retire(functionName: string): void;
  /** Live workers, busy or idle. */
  workerCount(functionName?: string): number;
  /** Nothing runs, waits or starts. */
  isIdle(): boolean;
  stop(): Promise<void>;
}

export interface InvocationOptions {
  readonly requestId?: string;
  /** X-Ray's, of who invokes. Left out, the invocation is the beginning of a trace. */
  readonly traceHeader?: string | undefined;
}

export interface WorkerPoolOptions extends Omit<SandboxSurroundings, 'measure'> {
  readonly measure?: SandboxSurroundings['measure'] | undefined;
  /** By which workers wait for work and make way for others: the machine's time, where `clock` may be ahead of it. */
  readonly machineClock?: EngineClock;
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
}

// A start costs about this much of a core: an invocation that is served sooner by a worker that is there waits for it.
const growAfterMs = 100;
// Who has waited this long for a place gets that of a worker that has just ended an invocation, busy function or not.
const unfairAfterMs = 1_000;
const megabytesPerWorker = 25;
const keepsNone: TraceSampler = () => false;

interface Waiting extends Invocation {
  readonly traceHeader: string | undefined;
  readonly since: number;
}

/** All workers of one version of one function. */
interface Lane {
  readonly runnable: RunnableFunction;
  readonly samples: TraceSampler;
  readonly waiting: Waiting[];
  readonly idle: PooledWorker[];
  /** Busy, idle and starting; those that were told to end are no longer in it. */
  readonly workers: Set<PooledWorker>;
  starting: number;
  /** In the line for a place, or for its turn to start. */
  queuedStarts: number;
  retired: boolean;
  cancelGrow?: (() => void) | undefined;
}

interface PooledWorker {
  readonly lane: Lane;
  readonly sandbox: FunctionSandbox;
  idleSince: number;
  cancelIdle?: (() => void) | undefined;
}

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { clock, machineClock = clock } = options;
  const surroundings = { ...options, measure: options.measure ?? measureNothing };
  const workersPerFunction = options.workersPerFunction ?? 4;
  const workersInAll = options.workersInAll ?? placesOnThisMachine();
  const hasSpareCpu = options.hasSpareCpu ?? createCpuGauge();
  const idleMs = (options.idleSeconds ?? 60) * 1000;
  // More starts at once than cores would only make all of them late.
  const startsAtOnce = Math.max(2, availableParallelism());

  const lanes = new Map<string, Lane>();
  const retiredLanes = new Set<Lane>();
  const workers = new Set<PooledWorker>();
  const startQueue: { readonly lane: Lane; readonly since: number }[] = [];
  const exits = new Set<Promise<void>>();
  let starting = 0;
  let stopped: Error | undefined;

  function laneOf(runnable: RunnableFunction): Lane {
    const known = lanes.get(runnable.name);
    if (known?.runnable === runnable) return known;
    if (known !== undefined) retire(runnable.name);
    const lane: Lane = {
      runnable,
      samples: runnable.decidesOnTraces ? createTraceSampler(() => clock.now()) : keepsNone,
      waiting: [],
      idle: [],
      workers: new Set(),
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
      const worker = lane.idle.pop();
      if (worker === undefined) break;
      const next = lane.waiting.shift();
      if (next === undefined) break;
      worker.cancelIdle?.();
      worker.sandbox.run(next, nextTraceHeader(next.traceHeader, clock.now(), lane.samples));
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
    if (lane.workers.size + lane.queuedStarts >= limit || lane.waiting.length <= coming) return;
    const isFirst = lane.workers.size + lane.queuedStarts === 0;
    const growAt = oldest.since + growAfterMs;
    // One worker is every function's due, at the cost of who is idle. More it gets only of what is free.
    if (isFirst || (machineClock.now() >= growAt && workers.size < workersInAll && hasSpareCpu())) {
      lane.queuedStarts++;
      startQueue.push({ lane, since: machineClock.now() });
      startNext();
      return;
    }
    lane.cancelGrow ??= machineClock.setTimer(Math.max(growAt, machineClock.now() + growAfterMs), () => {
      lane.cancelGrow = undefined;
      grow(lane);
    });
  }

  function startNext(): void {
    while (startQueue.length > 0 && starting < startsAtOnce && stopped === undefined) {
      const lane = startQueue[0]?.lane;
      if (lane === undefined) return;
      // Others of its workers may have done the work by now.
      const isNeeded = lane.waiting.length > lane.starting;
      if (isNeeded && workers.size >= workersInAll && !makeRoom()) return;
      startQueue.shift();
      lane.queuedStarts--;
      if (isNeeded) start(lane);
    }
  }

  /** Ends the worker that has been idle longest. */
  function makeRoom(): boolean {
    let oldest: PooledWorker | undefined;
    for (const worker of workers) {
      if (worker.sandbox.isBusy || !worker.lane.idle.includes(worker)) continue;
      if (oldest === undefined || worker.idleSince < oldest.idleSince) oldest = worker;
    }
    if (oldest !== undefined) end(oldest);
    return oldest !== undefined;
  }

  function start(lane: Lane): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    exits.add(promise);
    lane.starting++;
    starting++;
    const sandbox = startSandbox(lane.runnable, surroundings, {
      startEnded() {
        lane.starting--;
        starting--;
      },
      ready: () => becomeIdle(worker),
      exiting(failedToStart) {
        forget(worker);
        return failedToStart ? lane.waiting.shift() : undefined;
      },
      exited() {
        exits.delete(promise);
        resolve();
        if (stopped !== undefined) return;
        dispatch(lane);
        startNext();
      },
    });
    const worker: PooledWorker = { lane, sandbox, idleSince: machineClock.now() };
    lane.workers.add(worker);
    workers.add(worker);
  }

  function becomeIdle(worker: PooledWorker): void {
    const { lane } = worker;
    if ((lane.retired && lane.waiting.length === 0) || mustMakeWay(lane)) end(worker);
    else {
      worker.idleSince = machineClock.now();
      worker.cancelIdle = machineClock.setTimer(machineClock.now() + idleMs, () => end(worker));
      lane.idle.push(worker);
      dispatch(lane);
    }
    startNext();
  }

  function mustMakeWay(lane: Lane): boolean {
    const [first] = startQueue;
    if (first === undefined || first.lane === lane || workers.size < workersInAll) return false;
    return lane.waiting.length === 0 || lane.workers.size > 1 || machineClock.now() - first.since > unfairAfterMs;
  }

  /** Takes an idle worker out of service. */
  function end(worker: PooledWorker): void {
    forget(worker);
    worker.sandbox.end();
    if (worker.lane.waiting.length > 0) grow(worker.lane);
  }

  function forget(worker: PooledWorker): void {
    const { lane } = worker;
    const index = lane.idle.indexOf(worker);
    if (index >= 0) lane.idle.splice(index, 1);
    worker.cancelIdle?.();
    lane.workers.delete(worker);
    workers.delete(worker);
    if (lane.workers.size === 0) retiredLanes.delete(lane);
  }

  function retire(functionName: string): void {
    const lane = lanes.get(functionName);
    if (lane === undefined) return;
    lanes.delete(functionName);
    lane.retired = true;
    if (lane.workers.size > 0) retiredLanes.add(lane);
    // What waits was meant for the version that was in force when it came.
    if (lane.waiting.length === 0) for (const worker of [...lane.idle]) end(worker);
  }

  return {
    invoke(runnable, payload, { requestId = randomUUID(), traceHeader } = {}) {
      if (stopped !== undefined) return Promise.reject(stopped);
      return new Promise((resolve, reject) => {
        const lane = laneOf(runnable);
        lane.waiting.push({ payload, requestId, traceHeader, since: machineClock.now(), resolve, reject });
        dispatch(lane);
      });
    },
    retire,
    workerCount(functionName) {
      if (functionName === undefined) return workers.size;
      return [...workers].filter(({ lane }) => lane.runnable.name === functionName).length;
    },
    isIdle() {
      const all = [...lanes.values(), ...retiredLanes];
      return (
        starting === 0 &&
        all.every(({ waiting, workers, idle }) => waiting.length === 0 && workers.size === idle.length)
      );
    },
    async stop() {
      stopped = new Error('the local run is stopping');
      for (const lane of [...lanes.values(), ...retiredLanes]) {
        lane.cancelGrow?.();
        for (const invocation of lane.waiting.splice(0)) invocation.reject(stopped);
      }
      for (const worker of workers) {
        worker.cancelIdle?.();
        worker.sandbox.end(stopped);
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
