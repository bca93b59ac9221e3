import { traceIdOf } from '../contracts/trace.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/telemetry.ts';
import { flushLines, writeLine } from './standard-output.ts';

interface Options {
  /** The function's name. */
  readonly service: string;
  readonly clock: Clock;
  /** Lambda writes the trace of each invocation into it. */
  readonly environment: { readonly _X_AMZN_TRACE_ID?: string | undefined };
}

type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * One JSON object per line: information on standard output, the rest on standard error. `xray_trace_id` is the line's own
 * trace or else the invocation's, so one search finds all of one event's path. Writes to the streams and not by `console`,
 * which Lambda would put a prefix before.
 */
export function jsonLog({ service, clock, environment }: Options): Log {
  let lastNow = Number.NaN;
  let lastTimestamp = '';

  /** What is logged at once is logged in the same millisecond, and to write a time takes a quarter of a line. */
  function timestampOf(now: number): string {
    if (now !== lastNow) {
      lastNow = now;
      lastTimestamp = new Date(now).toISOString();
    }
    return lastTimestamp;
  }

  function lineOf(level: Level, message: string, fields: Readonly<Record<string, unknown>>): string {
    const xray_trace_id = fields.traceId ?? traceIdOf(environment._X_AMZN_TRACE_ID);
    const head = JSON.stringify({ level, message, timestamp: timestampOf(clock()), service, xray_trace_id });
    try {
      const rest = JSON.stringify(printable(fields));
      return rest === '{}' ? head : `${head.slice(0, -1)},${rest.slice(1)}`;
    } catch (error) {
      // A circle, a bigint: a line that cannot be written must not fail what it is about.
      return JSON.stringify({ level, message, service, unprintable: String(error) });
    }
  }

  function writeError(line: string): void {
    // What was said before stands before it.
    flushLines();
    process.stderr.write(`${line}\n`);
  }

  return {
    info: (message, fields = {}) => writeLine(lineOf('INFO', message, fields)),
    warn: (message, fields = {}) => writeError(lineOf('WARN', message, fields)),
    error: (message, fields = {}) => writeError(lineOf('ERROR', message, fields)),
  };
}

/** A field cannot pass itself off as one of the line's own. */
const ownNames = new Set(['level', 'message', 'timestamp', 'service', 'xray_trace_id', 'traceId']);

/** Most fields can be printed as they are; to take them apart would take as long as to print them. */
function printable(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const candidates = fields.traceId === undefined ? fields : withoutTrace(fields);
  for (const name in candidates) {
    const value = candidates[name];
    if (value === undefined || !(ownNames.has(name) || value instanceof Error)) continue;
    const allowed = Object.entries(candidates).filter(([other]) => !ownNames.has(other));
    return Object.fromEntries(allowed.map(([other, kept]) => [other, kept instanceof Error ? describe(kept) : kept]));
  }
  return candidates;
}

function withoutTrace({ traceId: _, ...others }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return others;
}

function describe({ name, message, stack }: Error): Record<string, unknown> {
  return { name, message, stack };
}
