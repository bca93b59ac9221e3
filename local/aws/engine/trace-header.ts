import { randomBytes } from 'node:crypto';

const rootForm = /(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)/;

/** Whether X-Ray keeps a trace that nobody has decided on yet. */
export type TraceSampler = () => boolean;

/** Of those beyond the first of each second. */
const sampledEvery = 20;

/**
 * The rule that X-Ray applies to what Lambda begins, which cannot be set there: the first of each second and 5 % of the
 * others. Here that is every twentieth, so that runs are alike.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
 */
export function createTraceSampler(now: () => number): TraceSampler {
  let second = Number.NaN;
  let others = 0;
  return () => {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      second = current;
      return true;
    }
    others++;
    return others % sampledEvery === 0;
  };
}

/**
 * The header that a service hands on, of the trace that the caller's header is about, or of a new one. Who traced before
 * has decided whether the trace is kept; where nobody has, `samples` does. Left out, it stays undecided, as API Gateway
 * leaves it to the function.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function nextTraceHeader(callers: string | undefined, now: number, samples?: TraceSampler): string {
  const root = traceIdOf(callers) ?? `1-${Math.floor(now / 1000).toString(16)}-${randomBytes(12).toString('hex')}`;
  const decided = callers === undefined ? undefined : /(?:^|;)\s*Sampled=([01])/.exec(callers)?.[1];
  const sampled = decided ?? (samples === undefined ? undefined : samples() ? '1' : '0');
  const header = `Root=${root};Parent=${randomBytes(8).toString('hex')}`;
  return sampled === undefined ? header : `${header};Sampled=${sampled}`;
}

/** X-Ray drops a header that is none; the message or event goes its way all the same. */
export function validTraceHeader(header: string | undefined): string | undefined {
  return traceIdOf(header) === undefined ? undefined : header;
}

function traceIdOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : rootForm.exec(header)?.[1];
}
