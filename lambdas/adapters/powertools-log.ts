import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../ports/telemetry.ts';

/** One JSON object per line on standard output. `service` is the function's name. */
export function powertoolsLog(service: string): Log {
  const logger = new Logger({ serviceName: service });
  return {
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
  };
}
