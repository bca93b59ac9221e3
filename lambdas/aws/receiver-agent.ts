import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../ports/clock.ts';

/** Shorter than what most servers and load balancers leave an idle connection open (60 s at AWS's). */
const maxIdleMs = 30_000;
const maxIdleConnections = 32;
/**
 * For each address of a name but the last, of both families. Node's own 250 ms are less than a round trip between some
 * continents, and than the second that it takes to send a lost packet again (nodejs/node#54359).
 */
const addressTimeoutMs = 4_000;

export interface Origin {
  readonly protocol: 'http:' | 'https:';
  /** A name or an address, without brackets. */
  readonly hostname: string;
}

/** What a request says besides to the agent: who hears of a socket as soon as it is dialled. */
export interface Dialler {
  readonly onDial: (socket: Socket) => void;
}

/** There is no connection. `phase`: how far it came. */
export class NotConnected extends Error {
  readonly phase: 'connect' | 'tls';

  constructor(phase: 'connect' | 'tls', cause: Error | undefined) {
    super('no connection', { cause });
    this.phase = phase;
  }
}

export interface ReceiverAgent {
  readonly agent: HttpAgent;
  /** Closes idle connections that others may have forgotten meanwhile: a function may be frozen, and its timers with it. */
  closeExpired(): void;
  closeIdle(): void;
}

/** Keeps connections to one receiver. A connection is handed over when the receiver has shown who it is, and not before. */
export function receiverAgent(
  { protocol, hostname }: Origin,
  { clock, lookup, ca }: { readonly clock: Clock; readonly lookup: LookupFunction; readonly ca?: string | undefined },
): ReceiverAgent {
  const options: AgentOptions &
    Pick<TcpNetConnectOpts, 'lookup' | 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'> = {
    keepAlive: true,
    maxFreeSockets: maxIdleConnections,
    timeout: maxIdleMs,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: addressTimeoutMs,
  };
  // An address is no server name (RFC 6066), and a name has no dot at its end there.
  const servername = isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : '';
  const agent =
    protocol === 'http:'
      ? new HttpAgent(options)
      : new HttpsAgent({ ...options, servername, ...(ca === undefined ? {} : { ca }) });
  const idleSince = new WeakMap<Duplex, number>();
  agent.on('free', (socket: Socket) => {
    idleSince.set(socket, clock());
    socket.on('data', closeUnasked);
  });

  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (request, done) => {
    const socket = connect(request) as Socket;
    let phase: NotConnected['phase'] = 'connect';
    let fault: Error | undefined;
    // Stays: a connection may break at any time, and nobody else listens while it goes from one request to the next.
    socket.on('error', (error) => {
      fault = error;
    });
    socket.once('connect', () => {
      phase = 'tls';
    });
    const fail = (): void => (done as (error: Error) => void)(new NotConnected(phase, fault));
    socket.once('close', fail);
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      socket.off('close', fail);
      done?.(null, socket);
    });
    (request as unknown as Dialler).onDial(socket);
    return undefined;
  };

  function idleSockets(): Socket[] {
    return Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  }

  return {
    agent,
    closeExpired() {
      const now = clock();
      // `timeout` is what the agent lets it idle for: what the receiver's `Keep-Alive` says, where that is less.
      for (const socket of idleSockets()) {
        if ((idleSince.get(socket) ?? 0) + (socket.timeout ?? maxIdleMs) <= now) socket.destroy();
      }
    },
    closeIdle() {
      for (const socket of idleSockets()) socket.destroy();
    },
  };
}

/** While a connection idles: whatever comes would be taken for the next answer. Newer versions of Node do the same. */
export function closeUnasked(this: Socket): void {
  this.destroy();
}
