import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { RequestOptions } from 'node:http';
import type { LookupFunction } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import type { WebhookSender } from '../deliver/ports.ts';
import type { AttemptResult, ErrorClass } from '../domain/deliveries/attempt-outcome.ts';
import type { WebhookRequest } from '../domain/deliveries/webhook-request.ts';
import { checkAddress, type OutboundPolicy } from '../domain/subscriptions/outbound-address.ts';
import { checkUrl } from '../domain/subscriptions/outbound-url.ts';
import type { Clock } from '../ports/clock.ts';
import { NotConnected, type ReceiverAgent, receiverAgent } from './receiver-agent.ts';
import { type Ending, exchange } from './webhook-exchange.ts';

/** For all of an attempt: name, connection, TLS, status, headers and body. Standard Webhooks advises 15 to 30 s. */
const defaultTimeoutMs = 15_000;
/** A receiver that lets kept connections die so often, one after the other, gets fresh ones for a while. */
const maxStaleRounds = 3;
const freshConnectionsMs = 10 * 60 * 1000;

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
type Target = Receiver | { readonly kind: 'refused'; readonly message: string };

interface Receiver {
  readonly kind: 'receiver';
  readonly connections: ReceiverAgent;
  readonly options: RequestOptions;
  readonly host: string;
  readonly reuse: Reuse;
}

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
    const { hostname = '', path } = urlToHttpOptions(verdict.url);
    const protocol = verdict.url.protocol === 'http:' ? 'http:' : 'https:';
    const port = Number(verdict.url.port || (protocol === 'http:' ? 80 : 443));
    const connections = receiverAgent({ protocol, hostname: hostname ?? '' }, { clock, lookup, ca });
    return {
      kind: 'receiver',
      connections,
      options: { protocol, hostname, port, path, method: 'POST', agent: connections.agent },
      host: verdict.url.host,
      reuse: new Reuse(clock),
    };
  }

  return {
    async send(request) {
      const startedAt = clock();
      if (last?.url !== request.url) last = { url: request.url, target: targetOf(request.url) };
      const { target } = last;
      if (target.kind === 'refused') return failed('refused', target.message, 0);
      const { connections, reuse } = target;
      if (!areSendable(request.headers)) return failed('refused', 'a header holds what no header may hold', 0);
      const number = reuse.begin();
      if (reuse.isAllowed) connections.closeExpired();
      else connections.closeIdle();
      const first = await post(target, request, timeoutMs);
      if (!isStale(first)) {
        if (first.kind === 'answered' && first.isOverKept) reuse.worked();
        return resultOf(first, clock() - startedAt);
      }
      reuse.failed(number);
      // The others that idle are as old. None is left, so the next is a fresh one.
      connections.closeIdle();
      const remainingMs = timeoutMs - (clock() - startedAt);
      const second = remainingMs > 0 ? await post(target, request, remainingMs) : first;
      const result = resultOf(second, clock() - startedAt);
      const isResent = second !== first && !(second.kind === 'failed' && second.error instanceof NotConnected);
      return isResent ? { ...result, resentOnFreshConnection: true } : result;
    },
  };
}

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const noFieldValue = /[^\t\x20-\x7e]/;

/** Not where a header could end its line, and so say more than it should. */
function areSendable(headers: WebhookRequest['headers']): boolean {
  return Object.entries(headers).every(([name, value]) => fieldName.test(name) && !noFieldValue.test(value));
}

function post({ options, host, reuse }: Receiver, { headers, body }: WebhookRequest, timeoutMs: number) {
  const staysOpen = reuse.isAllowed;
  const connection = staysOpen ? 'keep-alive' : 'close';
  return exchange(
    { ...options, headers: { ...headers, host, connection, 'content-length': Buffer.byteLength(body) } },
    body,
    { timeoutMs, staysOpen },
  );
}

/**
 * Whether it says nothing about the receiver: a kept connection was closed while it idled (or while the function was
 * frozen), or the receiver says that it waited for a request in vain.
 */
function isStale(ending: Ending): boolean {
  if (ending.kind === 'answered') return ending.isOverKept && ending.status === 408;
  return ending.kind === 'failed' && ending.isOverKept && !ending.hasHeard;
}

/**
 * Whether connections to a receiver are used again. One that resets every used connection when the next request comes would
 * else get everything twice for ever. What was sent before a failure became known belongs to that failure: a receiver that
 * has closed eighty connections at once has done so once.
 */
class Reuse {
  readonly #clock: Clock;
  #sent = 0;
  #countedUpTo = 0;
  #staleRounds = 0;
  #notBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): number {
    this.#sent++;
    return this.#sent;
  }

  worked(): void {
    this.#staleRounds = 0;
  }

  failed(number: number): void {
    if (number <= this.#countedUpTo) return;
    this.#countedUpTo = this.#sent;
    this.#staleRounds++;
    if (this.#staleRounds >= maxStaleRounds) this.#notBefore = this.#clock() + freshConnectionsMs;
  }

  get isAllowed(): boolean {
    return this.#clock() >= this.#notBefore;
  }
}

function resultOf(ending: Ending, durationMs: number): AttemptResult {
  switch (ending.kind) {
    case 'answered': {
      const headers = joinedFields(ending.fields);
      const responseHead = bodyText(ending, headers['content-encoding']);
      return { kind: 'answered', status: ending.status, headers, responseHead, durationMs };
    }
    case 'timeout':
      return failed('timeout', 'timeout', durationMs);
    case 'failed':
      return failed(classOf(ending), messageOf(ending.error), durationMs);
    default:
      throw ending satisfies never;
  }
}

function failed(errorClass: ErrorClass, message: string, durationMs: number): AttemptResult {
  return { kind: 'failed', errorClass, message, durationMs };
}

function classOf({ error, hasHeard }: Extract<Ending, { kind: 'failed' }>): ErrorClass {
  if (!(error instanceof NotConnected)) return hasHeard ? 'protocol' : 'connect';
  if (error.cause instanceof AddressRefused) return 'refused';
  return error.cause instanceof NotResolved ? 'dns' : error.phase;
}

function messageOf(error: Error): string {
  if (error instanceof NotConnected) return error.cause instanceof Error ? messageOf(error.cause) : 'ECONNRESET';
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Several of one name are joined, except where only one makes sense: the first counts. */
function joinedFields(fields: readonly string[]): Record<string, string> {
  // Without a prototype: a receiver may send a header `constructor`.
  const joined: Record<string, string> = Object.create(null);
  for (let index = 0; index < fields.length; index += 2) {
    const name = (fields[index] as string).toLowerCase();
    const value = (fields[index + 1] as string).trim();
    const before = joined[name];
    if (before === undefined) joined[name] = value;
    else if (name !== 'retry-after') joined[name] = `${before}, ${value}`;
  }
  return joined;
}

/** Text for people. What is compressed is not unpacked: it may be a bomb. */
function bodyText({ body, isBodyWhole }: Extract<Ending, { kind: 'answered' }>, encoding: string | undefined): string {
  if (encoding !== undefined && encoding !== 'identity') return `(content-encoding: ${encoding.slice(0, 40)})`;
  // `stream` keeps back a character that the cut went through.
  return new TextDecoder().decode(body, { stream: !isBodyWhole });
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
      const [first, ...others] = inDiallingOrder(addresses);
      if (first === undefined) return callback(new NotResolved('ENOTFOUND'), []);
      return options.all === true ? callback(null, [first, ...others]) : callback(null, first.address, first.family);
    });
  };
}

/**
 * IPv4 first: a function outside a VPC has no way out by IPv6. Node takes the families by turns and gives the last address
 * all the time that is left, so that is an IPv4 one again.
 */
function inDiallingOrder(addresses: readonly LookupAddress[]): LookupAddress[] {
  const ipv4 = addresses.filter(({ family }) => family === 4);
  const ipv6 = addresses.filter(({ family }) => family === 6);
  const [first] = ipv4;
  return first === undefined || ipv6.length === 0 ? [...addresses] : [...ipv4, first, ...ipv6.slice(0, ipv4.length)];
}
