import { randomUUID } from 'node:crypto';
import type { EngineClock } from '../engine/engine-clock.ts';
import type { InvocationOutcome } from './worker-pool.ts';

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
  /** Of the function's DeadLetterConfig. */
  readonly deadLetterTargetArn?: string;
}

export interface AsyncConfig {
  /** 0 to 2, default 2. */
  readonly maximumRetryAttempts?: number;
  /** Default 6 hours. */
  readonly maximumEventAgeSeconds?: number;
  readonly onFailureArn?: string;
  readonly onSuccessArn?: string;
}

export interface AsyncInvocationsOptions {
  readonly clock: EngineClock;
  readonly invoke: (functionArn: string, payload: string, traceHeader?: string) => Promise<InvocationOutcome>;
  /** Hands a record to a destination. Throws where there is no such. */
  readonly send: (destinationArn: string, body: string) => void;
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
      refusal = (error as Error).message;
    } finally {
      running--;
    }
    if (stopped) return;
    const config = configs.get(event.functionArn) ?? {};
    if (outcome !== undefined && outcome.functionError === undefined) {
      if (config.onSuccessArn !== undefined) report(event, config.onSuccessArn, outcome, 'Success', attempt);
      return;
    }
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
    const condition = delayMs === undefined ? 'RetriesExhausted' : 'EventAgeExceeded';
    if (config.onFailureArn !== undefined) report(event, config.onFailureArn, outcome, condition, attempt);
    if (event.deadLetterTargetArn !== undefined) send(event, event.deadLetterTargetArn, event.payload);
  }

  function report(
    event: AsyncEvent,
    destinationArn: string,
    outcome: InvocationOutcome | undefined,
    condition: string,
    attempt: number,
  ): void {
    // The texts are put in as they are: parsed and printed again, a 64-bit number would be another one.
    const request = JSON.stringify({
      version: '1.0',
      timestamp: new Date(clock.now()).toISOString(),
      requestContext: {
        requestId: outcome?.requestId ?? randomUUID(),
        functionArn: `${event.functionArn}:$LATEST`,
        condition,
        approximateInvokeCount: attempt,
      },
    });
    const response = JSON.stringify({
      statusCode: 200,
      executedVersion: '$LATEST',
      ...(outcome?.functionError === undefined ? {} : { functionError: outcome.functionError }),
    });
    const body = `${request.slice(0, -1)},"requestPayload":${event.payload},"responseContext":${response},"responsePayload":${outcome?.payload ?? 'null'}}`;
    send(event, destinationArn, body);
  }

  function send(event: AsyncEvent, destinationArn: string, body: string): void {
    try {
      options.send(destinationArn, body);
    } catch (error) {
      options.onGivenUp(event.functionArn, `${destinationArn} did not take the report: ${(error as Error).message}`);
    }
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
