import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import type { MiddlewareObj } from '@middy/core';
import type { Log } from '../ports/telemetry.ts';

/**
 * A log of one JSON object per line, under Powertools' names. `service` is the function's name. Lines say which invocation
 * they are of where the handler uses `middleware`.
 */
export function powertoolsLog(service: string): Log & { readonly middleware: MiddlewareObj } {
  const logger = new Logger({ serviceName: service, logFormatter: new LineFormatter() });
  return {
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    middleware: injectLambdaContext(logger) as MiddlewareObj,
  };
}

/**
 * Powertools' line without what the log group says already (the function's ARN, name and memory, 200 bytes that are paid
 * for with each line), and of an error without its own properties, which may hold what a receiver answered.
 * `xray_trace_id` is the line's own trace or else the invocation's, so one search finds all of one event's path.
 */
class LineFormatter extends LogFormatter {
  formatAttributes(base: UnformattedAttributes, { traceId, ...fields }: LogAttributes): LogItem {
    const own = {
      level: base.logLevel,
      message: base.message,
      timestamp: this.formatTimestamp(base.timestamp),
      service: base.serviceName,
      // Where it is not said it was none.
      cold_start: base.lambdaContext?.coldStart || undefined,
      function_request_id: base.lambdaContext?.awsRequestId,
      xray_trace_id: traceId ?? base.xRayTraceId,
    };
    // Named twice: they come first, and a field cannot pass itself off as one of them.
    return new LogItem({ attributes: { ...own, ...fields, ...own } });
  }

  override formatError(error: Error): LogAttributes {
    const { name, message, stack, cause } = error;
    return { name, message, stack, cause: cause instanceof Error ? this.formatError(cause) : undefined };
  }
}
