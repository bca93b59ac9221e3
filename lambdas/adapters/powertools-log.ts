import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../ports/telemetry.ts';

/** One JSON object per line on standard output. `service` is the function's name, `xray_trace_id` the line's trace. */
export function powertoolsLog(service: string): Log {
  const logger = new Logger({ serviceName: service });
  return {
    info: (message, fields) => logger.info(message, withTrace(fields)),
    warn: (message, fields) => logger.warn(message, withTrace(fields)),
    error: (message, fields) => logger.error(message, withTrace(fields)),
  };
}

/** Powertools names the invocation's trace; the line's own takes its place, so one search finds all of one event's road. */
function withTrace({ traceId, ...fields }: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return traceId === undefined ? fields : { xray_trace_id: traceId, ...fields };
}
