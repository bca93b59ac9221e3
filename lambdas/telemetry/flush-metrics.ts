import type { MiddlewareObj } from '@middy/core';
import type { Metrics } from '../ports/telemetry.ts';

/** Writes the metrics of an invocation at its end, also when it fails. */
export function flushMetrics(metrics: Metrics): MiddlewareObj<unknown, unknown> {
  const flush = (): void => metrics.flush();
  return { after: flush, onError: flush };
}
