import { randomBytes } from 'node:crypto';
import { traceIdOf } from '../../lambdas/domain/trace.ts';

/**
 * The header that a service hands on, of the trace that the caller's header is about, or of a new one.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function nextTraceHeader(callers: string | undefined, now: number): string {
  const root = traceIdOf(callers) ?? `1-${Math.floor(now / 1000).toString(16)}-${randomBytes(12).toString('hex')}`;
  // Who traced before has decided whether the trace is kept; locally every other one is.
  const sampled = callers === undefined ? undefined : /(?:^|;)\s*Sampled=([01])/.exec(callers)?.[1];
  return `Root=${root};Parent=${randomBytes(8).toString('hex')};Sampled=${sampled ?? '1'}`;
}

/** X-Ray drops a header that is none; the message or event goes its way all the same. */
export function validTraceHeader(header: string | undefined): string | undefined {
  return traceIdOf(header) === undefined ? undefined : header;
}
