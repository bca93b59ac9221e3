import { createRequire } from 'node:module';

/** What Node's own HTTP parser (llhttp) makes of the answer to a POST. */
export interface NodeReading {
  /** Of the answer itself, not of the interim ones before it. */
  readonly status?: number;
  /** `name, value …` as they were sent. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly isComplete: boolean;
  readonly interimAnswers: number;
  /** llhttp's code, `HPE_…`. */
  readonly error?: string;
}

interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  [callback: number]: unknown;
}

interface ParserClass {
  new (): Parser;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

// An internal of Node, and the only way to its parser without a connection for each input. Nothing but the fuzzing uses it.
const { HTTPParser } = createRequire(import.meta.url)('_http_common') as { HTTPParser: ParserClass };

/** `ends`: the connection ends behind the pieces. */
export function nodeReading(pieces: readonly Buffer[], { ends }: { readonly ends: boolean }): NodeReading {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.RESPONSE, {}, 16 * 1024, 0);
  const fields: string[] = [];
  const body: Buffer[] = [];
  let early: string[] = [];
  let status: number | undefined;
  let isComplete = false;
  let interimAnswers = 0;
  let isInterim = false;
  parser[HTTPParser.kOnHeaders] = (some: string[]) => {
    if (status === undefined) early.push(...some);
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    late: string[] | undefined,
    _method: unknown,
    _url: unknown,
    code: number,
  ) => {
    if (isComplete) return 0;
    isInterim = code >= 100 && code < 200 && code !== 101;
    if (isInterim) interimAnswers++;
    else {
      status = code;
      fields.push(...early, ...(late ?? []));
    }
    early = [];
    return 0;
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    if (!isComplete) body.push(Buffer.from(bytes));
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (!isInterim) isComplete = true;
  };
  let error: string | undefined;
  for (const piece of pieces) {
    const done = parser.execute(piece);
    if (done instanceof Error) error = (done as NodeJS.ErrnoException).code ?? done.name;
    if (error !== undefined || isComplete) break;
  }
  if (ends && error === undefined && !isComplete) error = (parser.finish() as NodeJS.ErrnoException | undefined)?.code;
  return {
    ...(status === undefined ? {} : { status }),
    ...(error === undefined || isComplete ? {} : { error }),
    fields,
    body: Buffer.concat(body).toString('latin1'),
    isComplete,
    interimAnswers,
  };
}
