import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../ports/clock.ts';
import { HttpResponseReader, type ResponseHead } from './http-response-reader.ts';

/** What is kept of a response's body. */
const responseHeadBytes = 4096;
/** So much of a body is read and dropped, so that the connection can be used again; beyond it, the connection is. */
const maxDrainBytes = 64 * 1024;
/** Shorter than what most servers and load balancers leave an idle connection open (60 s at AWS's). */
const maxIdleMs = 30_000;
/** A receiver that says how long it keeps a connection (`Keep-Alive: timeout=5`) counts from a moment before ours. */
const keepAliveMarginMs = 1000;
const maxIdleConnections = 32;
const closingIntervalMs = 5_000;
/** TLS hands over 16 KB at a time. */
const readBufferBytes = 16 * 1024;

export interface Origin {
  readonly protocol: 'http:' | 'https:';
  /** A name or an address, without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** How far a connection is. */
export type Phase = 'connect' | 'tls' | 'http';

/** How an exchange ended. */
export type Ending =
  | { readonly kind: 'answered'; readonly head: ResponseHead; readonly body: BodyHead }
  | { readonly kind: 'timeout' }
  /** What came is no answer. */
  | { readonly kind: 'unreadable'; readonly fault: string }
  /** There is no connection, or no longer. `isStale`: it was a kept one, and not a byte of an answer came. */
  | {
      readonly kind: 'broken';
      readonly error: NodeJS.ErrnoException | undefined;
      readonly phase: Phase;
      readonly isStale: boolean;
    };

/** The first bytes of a body. */
export interface BodyHead {
  readonly bytes: readonly Buffer[];
  readonly isWhole: boolean;
}

export interface WebhookConnections {
  /** Sends a request and takes the answer. Over a connection that idles or, where there is none or `isFresh`, a new one. */
  exchange(request: string, timeoutMs: number, options: { readonly isFresh: boolean }): Promise<Ending>;
}

interface Options {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly ca?: string | undefined;
}

interface Connection {
  readonly socket: Socket;
  phase: Phase;
  exchange: Exchange | undefined;
  error: NodeJS.ErrnoException | undefined;
  /** While it idles; epoch ms. */
  usableUntil: number;
}

interface Exchange {
  readonly reader: HttpResponseReader;
  readonly isOverKept: boolean;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (ending: Ending) => void;
  hasHeard: boolean;
}

/**
 * Connections to one receiver, each with one exchange at a time, kept for later ones. HTTP/1.1 as a sender of webhooks
 * needs it and no more; why it is our own: docs/decisions/0012-an-http-client-of-our-own.md.
 */
export function webhookConnections(origin: Origin, { clock, lookup, ca }: Options): WebhookConnections {
  const idle: Connection[] = [];
  let isClosingPlanned = false;
  /** Of an earlier connection: with it the next handshake is a short one. */
  let session: Buffer | undefined;

  function dial(): Connection {
    const connection: Connection = {
      // Without streams in between: a third of what reading costs otherwise.
      socket: openSocket({
        buffer: Buffer.allocUnsafeSlow(readBufferBytes),
        callback(size: number, buffer: Uint8Array) {
          receive(connection, (buffer as Buffer).subarray(0, size));
          return true;
        },
      }),
      phase: 'connect',
      exchange: undefined,
      error: undefined,
      usableUntil: 0,
    };
    const { socket } = connection;
    socket.setNoDelay(true);
    // What is under way is kept alive by its timer; a connection that idles keeps no process from its end.
    socket.unref();
    socket.once('connect', () => {
      connection.phase = origin.protocol === 'https:' ? 'tls' : 'http';
    });
    socket.on('session', (next: Buffer) => {
      session = next;
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', (error) => {
      connection.error = error;
    });
    socket.on('close', () => close(connection));
    return connection;
  }

  function openSocket(onread: { buffer: Buffer; callback: (size: number, buffer: Uint8Array) => boolean }): Socket {
    const { protocol, hostname: host, port } = origin;
    const options = { host, port, lookup, onread };
    if (protocol === 'http:') return connectTcp(options);
    return connectTls({
      ...options,
      ALPNProtocols: ['http/1.1'],
      // An address is no server name (RFC 6066), and a name has no dot at its end there.
      ...(isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(session === undefined ? {} : { session }),
    });
  }

  function receive(connection: Connection, bytes: Buffer): void {
    const { exchange, socket } = connection;
    // Nobody asked: whatever it is, it would be taken for the next answer.
    if (exchange === undefined) return void socket.destroy();
    const { reader } = exchange;
    exchange.hasHeard = true;
    const surplus = reader.read(bytes);
    if (reader.state === 'head' || (reader.state === 'body' && reader.bodyBytes <= maxDrainBytes)) return;
    // A request that was answered before it was out is still on its way.
    const isUsable = reader.state === 'complete' && reader.keepsAlive && surplus === 0 && socket.writableLength === 0;
    finish(connection, exchange, endingOf(reader));
    if (isUsable) keep(connection, reader.keepAliveSeconds);
    else socket.destroy();
  }

  function close(connection: Connection): void {
    const { exchange, error, phase } = connection;
    if (exchange === undefined) {
      const at = idle.indexOf(connection);
      if (at !== -1) idle.splice(at, 1);
      return;
    }
    if (phase === 'tls') session = undefined;
    const { reader, isOverKept, hasHeard } = exchange;
    reader.end();
    const broken: Ending = { kind: 'broken', error, phase, isStale: isOverKept && !hasHeard };
    finish(connection, exchange, reader.head === undefined ? broken : endingOf(reader));
  }

  function keep(connection: Connection, keepAliveSeconds = Infinity): void {
    const idleMs = Math.min(maxIdleMs, keepAliveSeconds * 1000 - keepAliveMarginMs);
    if (idleMs <= 0 || idle.length >= maxIdleConnections) return void connection.socket.destroy();
    connection.usableUntil = clock() + idleMs;
    idle.push(connection);
    planClosing();
  }

  function takeIdle(): Connection | undefined {
    const now = clock();
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (connection.usableUntil > now) return connection;
      connection.socket.destroy();
    }
    return undefined;
  }

  /** One timer for all of them: one for each would be set and unset with every exchange. */
  function planClosing(): void {
    if (isClosingPlanned) return;
    isClosingPlanned = true;
    setTimeout(() => {
      isClosingPlanned = false;
      const now = clock();
      for (const { usableUntil, socket } of idle) if (usableUntil <= now) socket.destroy();
      if (idle.length > 0) planClosing();
    }, closingIntervalMs).unref();
  }

  return {
    exchange(request, timeoutMs, { isFresh }) {
      return new Promise((resolve) => {
        const kept = isFresh ? undefined : takeIdle();
        const connection = kept ?? dial();
        const exchange: Exchange = {
          reader: new HttpResponseReader(responseHeadBytes),
          isOverKept: kept !== undefined,
          timer: setTimeout(expire, timeoutMs, connection),
          resolve,
          hasHeard: false,
        };
        connection.exchange = exchange;
        if (kept !== undefined) {
          connection.socket.write(request);
          return;
        }
        // Not a byte goes out before the receiver has shown who it is.
        connection.socket.once(origin.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connection.phase = 'http';
          connection.socket.write(request);
        });
      });
    },
  };
}

function expire(connection: Connection): void {
  const { exchange, socket } = connection;
  if (exchange === undefined) return;
  const { reader } = exchange;
  finish(connection, exchange, reader.head === undefined ? { kind: 'timeout' } : endingOf(reader));
  socket.destroy();
}

function finish(connection: Connection, { timer, resolve }: Exchange, ending: Ending): void {
  connection.exchange = undefined;
  clearTimeout(timer);
  resolve(ending);
}

/** The status decides: a body that does not end, or ends early, changes nothing about it. */
function endingOf({ head, fault, kept, isKeptWhole, state }: HttpResponseReader): Ending {
  if (head === undefined) return { kind: 'unreadable', fault };
  return { kind: 'answered', head, body: { bytes: kept, isWhole: isKeptWhole && state === 'complete' } };
}
