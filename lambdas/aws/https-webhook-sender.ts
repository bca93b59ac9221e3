import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import type { WebhookSender } from '../deliver/ports.ts';
import type { AttemptResult, ErrorClass } from '../domain/deliveries/attempt-outcome.ts';
import type { WebhookRequest } from '../domain/deliveries/webhook-request.ts';
import { checkAddress, type OutboundPolicy } from '../domain/subscriptions/outbound-address.ts';
import { checkUrl } from '../domain/subscriptions/outbound-url.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResponseHead } from './http-response-reader.ts';
import {
  type BodyHead,
  type Ending,
  type Phase,
  type WebhookConnections,
  webhookConnections,
} from './webhook-connections.ts';

/** For all of an attempt: name, connection, TLS, status, headers and body. Standard Webhooks advises 15 to 30 s. */
const defaultTimeoutMs = 15_000;

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

/** What is behind a url: found out once, not at each request. */
type Target =
  | { readonly kind: 'receiver'; readonly connections: WebhookConnections; readonly headStart: string }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * POSTs over connections that are kept alive. Every address that a name resolves to is checked, and the checked ones are
 * what is dialled: the name is not resolved a second time in between. Redirects are not followed, nothing is
 * decompressed, no proxy is used.
 */
export function httpsWebhookSender({
  policy,
  clock,
  timeoutMs = defaultTimeoutMs,
  resolveAll = (hostname, done) => systemLookup(hostname, { all: true }, done),
  ca,
}: Options): WebhookSender {
  const lookup = checkedLookup(resolveAll, policy);
  // A delivery function has one url. Its verdict follows from its text alone; the addresses behind its name are checked
  // at each connection.
  let last: { readonly url: string; readonly target: Target } | undefined;

  function targetOf(url: string): Target {
    const verdict = checkUrl(url, policy);
    if (verdict.kind === 'refused') return { kind: 'refused', message: `the url ${verdict.message}` };
    const { hostname, path } = urlToHttpOptions(verdict.url);
    const protocol = verdict.url.protocol === 'http:' ? 'http:' : 'https:';
    const port = Number(verdict.url.port || (protocol === 'http:' ? 80 : 443));
    return {
      kind: 'receiver',
      connections: webhookConnections({ protocol, hostname: hostname ?? '', port }, { clock, lookup, ca }),
      headStart: `POST ${path} HTTP/1.1\r\nhost: ${verdict.url.host}\r\nconnection: keep-alive\r\n`,
    };
  }

  return {
    async send(request) {
      const startedAt = clock();
      if (last?.url !== request.url) last = { url: request.url, target: targetOf(request.url) };
      const { target } = last;
      if (target.kind === 'refused') return failed('refused', target.message, 0);
      const text = requestText(target.headStart, request);
      if (text === undefined) return failed('refused', 'a header holds what no header may hold', 0);
      let ending = await target.connections.exchange(text, timeoutMs, { isFresh: false });
      // A connection that the receiver closed while it idled (or while the function was frozen) says nothing about the receiver.
      if (ending.kind === 'broken' && ending.isStale) {
        const remainingMs = timeoutMs - (clock() - startedAt);
        if (remainingMs > 0) ending = await target.connections.exchange(text, remainingMs, { isFresh: true });
      }
      return resultOf(ending, clock() - startedAt);
    },
  };
}

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const noFieldValue = /[^\t\x20-\x7e]/;

/** Undefined where a header could end its line, and so say more than it should. */
function requestText(headStart: string, { headers, body }: WebhookRequest): string | undefined {
  let text = headStart;
  for (const name in headers) {
    const value = headers[name] as string;
    if (!fieldName.test(name) || noFieldValue.test(value)) return undefined;
    text += `${name}: ${value}\r\n`;
  }
  return `${text}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function resultOf(ending: Ending, durationMs: number): AttemptResult {
  switch (ending.kind) {
    case 'answered': {
      const headers = joinedFields(ending.head);
      const responseHead = headText(ending.body, headers['content-encoding']);
      return { kind: 'answered', status: ending.head.status, headers, responseHead, durationMs };
    }
    case 'timeout':
      return failed('timeout', 'timeout', durationMs);
    case 'unreadable':
      return failed('protocol', ending.fault, durationMs);
    case 'broken': {
      const { error, phase } = ending;
      const message = error instanceof AddressRefused ? error.message : (error?.code ?? error?.name ?? 'ECONNRESET');
      return failed(classOf(error, phase), message, durationMs);
    }
    default:
      throw ending satisfies never;
  }
}

function failed(errorClass: ErrorClass, message: string, durationMs: number): AttemptResult {
  return { kind: 'failed', errorClass, message, durationMs };
}

function classOf(error: Error | undefined, phase: Phase): ErrorClass {
  if (error instanceof AddressRefused) return 'refused';
  if (error instanceof NotResolved) return 'dns';
  return phase === 'http' ? 'connect' : phase;
}

/** Several of one name are joined, except where only one makes sense: the first counts. */
function joinedFields({ fields }: ResponseHead): Record<string, string> {
  // Without a prototype: a receiver may send a header `constructor`.
  const joined: Record<string, string> = Object.create(null);
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const before = joined[name];
    if (before === undefined) joined[name] = value;
    else if (name !== 'retry-after') joined[name] = `${before}, ${value}`;
  }
  return joined;
}

const wholeText = new TextDecoder();

/** Text for people. What is compressed is not unpacked: it may be a bomb. */
function headText({ bytes: pieces, isWhole }: BodyHead, encoding: string | undefined): string {
  if (encoding !== undefined && encoding !== 'identity') return `(content-encoding: ${encoding.slice(0, 40)})`;
  const [first, ...others] = pieces;
  if (first === undefined) return '';
  const bytes = others.length === 0 ? first : Buffer.concat(pieces);
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
function checkedLookup(resolveAll: ResolveAll, policy: OutboundPolicy): LookupFunction {
  return (hostname, options, callback) => {
    resolveAll(hostname, (error, addresses) => {
      if (error !== null) return callback(new NotResolved(error.code ?? 'unknown'), []);
      for (const { address } of addresses) {
        const verdict = checkAddress(address, policy);
        if (verdict.kind === 'refused') return callback(new AddressRefused(verdict.range), []);
      }
      const [first] = addresses;
      if (first === undefined) return callback(new NotResolved('ENOTFOUND'), []);
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}
