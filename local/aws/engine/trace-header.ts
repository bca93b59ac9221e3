import { hash, randomBytes } from 'node:crypto';

const rootForm = /(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)/;
const lineageForm = /(?:^|;)\s*Lineage=([0-9a-f]+:\d+(?:\|[0-9a-f]+:\d+)*)(?:;|$)/;

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
  const lineage = lineageText(readLineage(callers));
  return [header, ...(sampled === undefined ? [] : [`Sampled=${sampled}`]), ...lineage].join(';');
}

/**
 * The header with one more invocation of the function in this chain of requests, and how many there were before it. AWS
 * keeps the count in the header's `Lineage`, `<function>:<invocations before its last>|…`; the functions' SDK hands it on.
 * AWS names SQS, SNS, S3 and Lambda as links of a chain. A bus hands the header on too, so it is one here.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
export function countInvocation(
  callers: string | undefined,
  functionArn: string,
): { readonly header: string; readonly before: number } {
  const lineage = readLineage(callers);
  const id = hash('sha256', functionArn).slice(0, 8);
  const before = (lineage.get(id) ?? -1) + 1;
  lineage.set(id, before);
  const others = callers?.split(';').filter((part) => !lineageForm.test(part)) ?? [];
  return { header: [...others, ...lineageText(lineage)].join(';'), before };
}

/**
 * What an invocation with a batch goes on from: its trace is a new one, its lineage that of the messages. Where they differ,
 * the highest count of each function holds; what AWS does then is not documented.
 */
export function batchTraceHeader(messages: readonly (string | undefined)[]): string | undefined {
  const highest: Lineage = new Map();
  for (const header of messages) {
    for (const [id, count] of readLineage(header)) highest.set(id, Math.max(count, highest.get(id) ?? 0));
  }
  return lineageText(highest)[0];
}

type Lineage = Map<string, number>;

function readLineage(header: string | undefined): Lineage {
  const text = header === undefined ? undefined : lineageForm.exec(header)?.[1];
  return new Map(
    text?.split('|').map((entry) => {
      const [id = '', count] = entry.split(':');
      return [id, Number(count)];
    }),
  );
}

function lineageText(lineage: Lineage): string[] {
  return lineage.size === 0 ? [] : [`Lineage=${[...lineage].map((entry) => entry.join(':')).join('|')}`];
}

/** X-Ray drops a header that is none; the message or event goes its way all the same. */
export function validTraceHeader(header: string | undefined): string | undefined {
  return traceIdOf(header) === undefined ? undefined : header;
}

function traceIdOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : rootForm.exec(header)?.[1];
}
