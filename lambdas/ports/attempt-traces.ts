import type { AttemptResult } from '../domain/attempt-outcome.ts';

/** Adds attempts to the traces of the posts that they come from. */
export interface AttemptTraces {
  /** Never rejects: a trace that is not told must not hold up a delivery. Attempts of traces that are not kept cost nothing. */
  record(attempts: readonly TracedAttempt[]): Promise<void>;
}

export interface TracedAttempt {
  /** X-Ray's, of the message. */
  readonly traceHeader: string;
  readonly subscriptionId: string;
  readonly webhookId: string;
  readonly eventType: string;
  readonly attempt: number;
  /** Without path and query, which may hold secrets. */
  readonly host: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly result: AttemptResult;
}
