import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import type { AttemptResult, ErrorClass } from '../domain/attempt-outcome.ts';
import { judgeAddress, type OutboundPolicy } from '../domain/outbound-address.ts';
import { judgeUrl, type UrlVerdict } from '../domain/outbound-url.ts';
import type { WebhookRequest } from '../domain/webhook-request.ts';
import type { Clock } from '../ports/clock.ts';
import type { WebhookSender } from '../ports/webhook-sender.ts';

/** For all of an attempt: name, connection, TLS, status, headers and body. Standard Webhooks advises 15 to 30 s. */
const defaultTimeoutMs = 15_000;
/** What is kept of a response. */
const responseHeadBytes = 4096;
/** So much of a body is read and dropped, so that the connection can be used again; beyond it, the connection is. */
const longestDrainBytes = 64 * 1024;
/** All headers of a response together. Node's default, said here because it is a bound on memory. */
const maxHeaderBytes = 16 * 1024;
/** `100 Continue`, `103 Early Hints`: a receiver may send a few before its answer, not a stream of them. */
const maxInterimAnswers = 16;
/** Shorter than what most servers and load balancers leave an idle connection open (60 s at AWS's). */
const idleSocketMs = 30_000;

/** Finds all addresses of a name, as `dns.lookup` does. */
export type ResolveAll = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface Options {
  readonly policy: OutboundPolicy;
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly resolveAll?: ResolveAll;
  /** Certificates of authorities beside those that Node trusts. */
  readonly ca?: string;
}

/**
 * POSTs with node:https over connections that are kept alive. Every address that a name resolves to is judged, and the
 * judged ones are what is dialled: the name is not resolved a second time in between. Redirects are not followed, nothing is
 * decompressed, no proxy is used.
 */
export function httpsWebhookSender({
  policy,
  clock,
  timeoutMs = defaultTimeoutMs,
  resolveAll = (hostname, done) => systemLookup(hostname, { all: true }, done),
  ca,
}: Options): WebhookSender {
  const lookup = judgedLookup(resolveAll, policy);
  const agentOptions = { timeout: idleSocketMs, maxFreeSockets: 32, lookup, ...(ca === undefined ? {} : { ca }) };
  const agentsOf = (keepAlive: boolean) => ({
    'http:': new HttpAgent({ ...agentOptions, keepAlive }),
    'https:': new HttpsAgent({ ...agentOptions, keepAlive }),
  });
  const lasting = agentsOf(true);
  const fresh = agentsOf(false);
  // A delivery function has one url. Its verdict follows from its text alone; the addresses behind its name are judged
  // at each connection.
  let judged: { readonly text: string; readonly target: HttpTarget | RefusedUrl } | undefined;

  return {
    async send(request) {
      const startedAt = clock();
      if (judged?.text !== request.url) judged = { text: request.url, target: judgedTarget(request.url, policy) };
      const { target } = judged;
      if ('message' in target) return failed('refused', `the url ${target.message}`, 0);
      const first = await post(target, request, lasting[target.protocol], timeoutMs);
      // A connection that the receiver closed while it idled (or while the function was frozen) says nothing about the receiver.
      const remainingMs = timeoutMs - (clock() - startedAt);
      const ending =
        first.kind === 'stale' && remainingMs > 0
          ? await post(target, request, fresh[target.protocol], remainingMs)
          : first;
      const durationMs = clock() - startedAt;
      switch (ending.kind) {
        case 'answered':
          return { ...ending, durationMs };
        case 'failed':
        case 'stale':
          return failed(ending.kind === 'stale' ? 'connect' : ending.errorClass, ending.message, durationMs);
        default:
          throw ending satisfies never;
      }
    },
  };
}

function failed(errorClass: ErrorClass, message: string, durationMs: number): AttemptResult {
  return { kind: 'failed', errorClass, message, durationMs };
}

type Ending =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly responseHead: string;
    }
  | { readonly kind: 'failed'; readonly errorClass: ErrorClass; readonly message: string }
  /** A connection from the pool was found closed before a byte of an answer came. */
  | { readonly kind: 'stale'; readonly message: string };

type Phase = 'connect' | 'tls' | 'http';

/** A url as node:http wants it: taken apart once, not at each request. */
interface HttpTarget {
  readonly protocol: 'http:' | 'https:';
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
}

type RefusedUrl = Extract<UrlVerdict, { kind: 'refused' }>;

function judgedTarget(text: string, policy: OutboundPolicy): HttpTarget | RefusedUrl {
  const verdict = judgeUrl(text, policy);
  if (verdict.kind === 'refused') return verdict;
  const { hostname, path } = urlToHttpOptions(verdict.url);
  const protocol = verdict.url.protocol === 'http:' ? 'http:' : 'https:';
  return { protocol, hostname: hostname ?? '', port: verdict.url.port, path: path ?? '/' };
}

function post(
  target: HttpTarget,
  { headers, body }: WebhookRequest,
  agent: HttpAgent,
  timeoutMs: number,
): Promise<Ending> {
  return new Promise((resolve) => {
    const send = target.protocol === 'http:' ? httpRequest : httpsRequest;
    let phase: Phase = 'connect';
    const call = send({
      ...target,
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      maxHeaderSize: maxHeaderBytes,
    });
    const timer = setTimeout(() => finish({ kind: 'failed', errorClass: 'timeout', message: 'timeout' }), timeoutMs);
    let answer: ReturnType<typeof readAnswer> | undefined;
    let finished = false;

    function finish(ending: Ending): void {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      // The status decides; a body that does not end, or ends early, changes nothing about it.
      resolve(answer?.soFar() ?? ending);
      if (answer?.isComplete() !== true) call.destroy();
    }
    function fail(error: NodeJS.ErrnoException): void {
      const stale = call.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      const message = error instanceof AddressRefused ? error.message : (error.code ?? error.name);
      finish(stale ? { kind: 'stale', message } : { kind: 'failed', errorClass: classOf(error, phase), message });
    }

    call.on('socket', (socket) => {
      if (!socket.connecting) phase = 'http';
      else followPhases(socket, target.protocol, (next) => (phase = next));
    });
    call.on('response', (response) => {
      answer = readAnswer(response, () => finish({ kind: 'failed', errorClass: 'protocol', message: 'no answer' }));
    });
    let interimAnswers = 0;
    const countInterim = (): void => {
      if (++interimAnswers <= maxInterimAnswers) return;
      finish({ kind: 'failed', errorClass: 'protocol', message: 'too many interim answers' });
    };
    call.on('continue', countInterim);
    call.on('information', countInterim);
    call.on('error', fail);
    call.on('close', () => finish({ kind: 'failed', errorClass: 'protocol', message: 'closed without an answer' }));
    call.end(body);
  });
}

function followPhases(socket: Socket, protocol: string, enter: (phase: Phase) => void): void {
  socket.once('connect', () => enter(protocol === 'https:' ? 'tls' : 'http'));
  socket.once('secureConnect', () => enter('http'));
}

function classOf(error: NodeJS.ErrnoException, phase: Phase): ErrorClass {
  if (error instanceof AddressRefused) return 'refused';
  if (error instanceof NotResolved) return 'dns';
  if (phase !== 'http') return phase;
  return error.code?.startsWith('HPE_') ? 'protocol' : 'connect';
}

/** Reads a response's first bytes and lets the rest go by. `done` is called once there is nothing more to wait for. */
function readAnswer(response: IncomingMessage, done: () => void) {
  const chunks: Buffer[] = [];
  let kept = 0;
  let seen = 0;
  response.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (kept < responseHeadBytes) {
      const part = Buffer.from(chunk.subarray(0, responseHeadBytes - kept));
      chunks.push(part);
      kept += part.length;
    }
    if (seen > longestDrainBytes) done();
  });
  response.on('end', done);
  response.on('error', done);
  response.on('close', done);
  return {
    isComplete: () => response.complete,
    soFar: (): Ending => ({
      kind: 'answered',
      status: response.statusCode ?? 0,
      headers: joinedHeaders(response),
      responseHead: headText(chunks, response.headers['content-encoding'], seen === kept && response.complete),
    }),
  };
}

function joinedHeaders({ headers }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    joined[name] = typeof value === 'string' ? value : (value?.join(', ') ?? '');
  }
  return joined;
}

const wholeText = new TextDecoder();

/** Text for people. What is compressed is not unpacked: it may be a bomb. */
function headText(chunks: readonly Buffer[], encoding: string | undefined, isWhole: boolean): string {
  if (encoding !== undefined && encoding !== 'identity') return `(content-encoding: ${encoding.slice(0, 40)})`;
  const [first, ...others] = chunks;
  if (first === undefined) return '';
  const bytes = others.length === 0 ? first : Buffer.concat(chunks);
  // `stream` keeps back a character that the cut went through, and so needs a decoder of its own.
  return isWhole ? wholeText.decode(bytes) : new TextDecoder().decode(bytes, { stream: true });
}

class AddressRefused extends Error {
  constructor(range: string) {
    super(`the name resolves to an address that is not public (${range})`);
    this.name = 'AddressRefused';
  }
}

class NotResolved extends Error {
  readonly code: string;

  constructor(code: string) {
    super('the name does not resolve');
    this.name = 'NotResolved';
    this.code = code;
  }
}

/** One forbidden address among several is reason enough: a receiver has no business having it. */
function judgedLookup(resolveAll: ResolveAll, policy: OutboundPolicy): LookupFunction {
  return (hostname, options, callback) => {
    resolveAll(hostname, (error, addresses) => {
      if (error !== null) return callback(new NotResolved(error.code ?? 'unknown'), []);
      for (const { address } of addresses) {
        const verdict = judgeAddress(address, policy);
        if (verdict.kind === 'refused') return callback(new AddressRefused(verdict.range), []);
      }
      const [first] = addresses;
      if (first === undefined) return callback(new NotResolved('ENOTFOUND'), []);
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}
