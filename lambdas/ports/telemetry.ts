import type { MetricName } from '../contracts/metrics.ts';

/** Figures for the dashboard and the alarms. Units are fixed per metric in contracts/metrics.ts. */
export interface Metrics {
  add(name: MetricName, value: number, dimensions?: Readonly<Record<string, string>>): void;
  /** Writes what was added since the last flush. Called once per invocation, by middleware. */
  flush(): void;
}

/**
 * Structured log lines. Never hand in a secret, a token, or the body of an event. The field `error` is an error as it was
 * caught: its name, message, stack and causes are logged. The field `traceId` says which trace a line belongs to where that
 * is not the invocation's own: a batch of messages mixes traces.
 */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
