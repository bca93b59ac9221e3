import type { EngineClock } from '../engine/engine-clock.ts';
import { EngineError, recursiveInvocation } from '../engine/engine-error.ts';
import type { InvocationOutcome } from './function-sandbox.ts';

/**
 * Lambda's asynchronous invocation: takes an event at once, runs it, and tries a failed one again.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export interface AsyncInvocations {
  take(event: AsyncEvent): void;
  /** In place of Lambda's defaults, as PutFunctionEventInvokeConfig. */
  configure(functionArn: string, config: AsyncConfig): void;
  /** Events that are running or wait to be tried again. */
  pending(): number;
  stop(): void;
}

export interface AsyncEvent {
  readonly functionArn: string;
  readonly payload: string;
  /** X-Ray's, of who invokes. */
  readonly traceHeader?: string | undefined;
}

export interface AsyncConfig {
  /** 0 to 2, default 2. */
  readonly maximumRetryAttempts?: number;
  /** Default 6 hours. */
  readonly maximumEventAgeSeconds?: number;
}

export interface AsyncInvocationsOptions {
  readonly clock: EngineClock;
  readonly invoke: (functionArn: string, payload: string, traceHeader?: string) => Promise<InvocationOutcome>;
  /** What was given up, for the console. */
  readonly onGivenUp: (functionArn: string, reason: string) => void;
}

const retryDelaysMs = [60_000, 120_000];
// What was throttled is tried again for hours; Lambda's interval grows from one second to five minutes.
const maxThrottleDelayMs = 300_000;

export function createAsyncInvocations(options: AsyncInvocationsOptions): AsyncInvocations {
  const { clock } = options;
  const configs = new Map<string, AsyncConfig>();
  const timers = new Set<() => void>();
  let running = 0;
  let stopped = false;

  async function run(event: AsyncEvent, takenAt: number, attempt: number, throttles: number): Promise<void> {
    running++;
    let outcome: InvocationOutcome | undefined;
    let refusal = '';
    try {
      outcome = await options.invoke(event.functionArn, event.payload, event.traceHeader);
    } catch (error) {
      // Lambda would hand it to a destination for failures, which no function here has.
      if (error instanceof EngineError && error.code === recursiveInvocation) return;
      refusal = (error as Error).message;
    } finally {
      running--;
    }
    if (stopped) return;
    if (outcome !== undefined && outcome.functionError === undefined) return;
    const config = configs.get(event.functionArn) ?? {};
    const delayMs =
      outcome === undefined
        ? Math.min(maxThrottleDelayMs, 1000 * 2 ** throttles)
        : attempt <= (config.maximumRetryAttempts ?? retryDelaysMs.length)
          ? retryDelaysMs[attempt - 1]
          : undefined;
    const expiresAt = takenAt + (config.maximumEventAgeSeconds ?? 6 * 3600) * 1000;
    if (delayMs !== undefined && clock.now() + delayMs <= expiresAt) {
      const [nextAttempt, nextThrottles] = outcome === undefined ? [attempt, throttles + 1] : [attempt + 1, 0];
      const cancel = clock.setTimer(clock.now() + delayMs, () => {
        timers.delete(cancel);
        void run(event, takenAt, nextAttempt, nextThrottles);
      });
      timers.add(cancel);
      return;
    }
    options.onGivenUp(event.functionArn, outcome?.payload ?? refusal);
  }

  return {
    take(event) {
      if (!stopped) void run(event, clock.now(), 1, 0);
    },
    configure(functionArn, config) {
      configs.set(functionArn, config);
    },
    pending: () => running + timers.size,
    stop() {
      stopped = true;
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
