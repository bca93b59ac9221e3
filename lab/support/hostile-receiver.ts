import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What a receiver may do to whoever posts to it. Each is asked for by the path of the request. */
export type Misbehaviour =
  | 'accepts-and-hangs'
  | 'answers-then-hangs'
  | 'drips-headers'
  | 'drips-body'
  | 'resets'
  | 'resets-after-status'
  | 'closes'
  | 'half-closes'
  | 'speaks-garbage'
  | 'sends-endless-headers'
  | 'sends-endless-early-hints'
  | 'sends-endless-body'
  | 'sends-endless-chunk-extensions'
  | 'sends-gzip-bomb'
  | 'promises-more-than-it-sends'
  | 'sends-more-than-it-promised'
  | 'promises-nonsense'
  | 'contradicts-itself'
  | 'breaks-its-chunks'
  | 'switches-protocols'
  | 'answers-before-the-request-ends'
  | 'hangs-after-4-kb'
  | 'resets-kept'
  | 'times-out-kept';

export interface HostileReceiver {
  readonly port: number;
  /** The requests seen, as `POST /path`, redirect targets included. */
  readonly requests: string[];
  /** Request heads as text. */
  readonly heads: string[];
  readonly bodies: string[];
  connections: number;
  /** Closes the connections that idle, as a server does after its keep-alive timeout. */
  closeIdle(): void;
  close(): Promise<void>;
}

// 10 MB of zeros for each 10 KB on the wire.
const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
const filler = 'x'.repeat(16 * 1024);

/**
 * A receiver on raw sockets. `/status/<code>` answers with that status, `/redirect` redirects to `/status/200`,
 * `/<misbehaviour>` misbehaves. Everything else answers 200.
 */
export async function startHostileReceiver({ dripMs = 20 } = {}): Promise<HostileReceiver> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const heads: string[] = [];
  const bodies: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    receiver.connections++;
    sockets.add(socket);
    let text = '';
    let count = 0;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const [method = '', path = ''] = head.split(' ');
      requests.push(`${method} ${path}`);
      heads.push(head);
      bodies.push(Buffer.from(text.slice(end + 4, end + 4 + length), 'latin1').toString());
      text = '';
      answer(socket, path, { dripMs, isKept: count++ > 0 });
    });
  });
  const receiver: HostileReceiver = {
    port: await listen(server),
    requests,
    heads,
    bodies,
    connections: 0,
    closeIdle() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Circumstances {
  readonly dripMs: number;
  /** Not the first request of its connection. */
  readonly isKept: boolean;
}

function answer(socket: Socket, path: string, circumstances: Circumstances): void {
  const [, name = '', code = ''] = path.split(/[/?]/);
  const misbehave = misbehaviours[name as Misbehaviour];
  if (misbehave !== undefined) misbehave(socket, circumstances);
  else if (name === 'status') respond(socket, Number(code), '');
  else if (name === 'redirect') respond(socket, 302, '', 'Location: /status/200\r\n');
  else respond(socket, 200, 'ok');
}

function respond(socket: Socket, status: number, body: string, headers = ''): void {
  // 204 and 304 have no body and no length.
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`;
  socket.write(`HTTP/1.1 ${status} Status\r\n${headers}${length}\r\n${body}`);
}

const ok = 'HTTP/1.1 200 OK\r\n';

const misbehaviours: Readonly<Record<Misbehaviour, (socket: Socket, circumstances: Circumstances) => void>> = {
  'accepts-and-hangs': () => {},
  'answers-then-hangs': (socket) => socket.write(`${ok}Content-Length: 100\r\n\r\nhalf of it`),
  'drips-headers': (socket, { dripMs }) => drip(socket, `${ok}X-Slow: ${filler}`, dripMs),
  'drips-body': (socket, { dripMs }) => {
    socket.write(`${ok}Content-Length: ${filler.length}\r\n\r\n`);
    drip(socket, filler, dripMs);
  },
  resets: (socket) => socket.resetAndDestroy(),
  'resets-after-status': (socket) => {
    socket.write(`${ok}Content-Length: 100\r\n\r\nhalf`, () => setImmediate(() => socket.resetAndDestroy()));
  },
  closes: (socket) => socket.destroy(),
  'half-closes': (socket) => socket.end(),
  'speaks-garbage': (socket) => socket.write('220 smtp.receiver.example ESMTP\r\n\r\n'),
  'sends-endless-headers': (socket) => {
    socket.write(ok);
    flood(socket, () => `X-${Math.random().toString(36).slice(2)}: ${filler.slice(0, 1000)}\r\n`);
  },
  'sends-endless-early-hints': (socket) =>
    flood(socket, () => 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(50)),
  'sends-endless-body': (socket) => {
    socket.write(`${ok}\r\n`);
    flood(socket, () => filler);
  },
  'sends-endless-chunk-extensions': (socket) => {
    socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n1`);
    flood(socket, () => `;a=${filler}`);
  },
  'sends-gzip-bomb': (socket) => {
    socket.write(`${ok}Content-Encoding: gzip\r\n\r\n`);
    flood(socket, () => bomb);
  },
  'promises-more-than-it-sends': (socket) => socket.end(`${ok}Content-Length: 100\r\n\r\nshort`),
  'sends-more-than-it-promised': (socket) => socket.write(`${ok}Content-Length: 2\r\n\r\nok and then some`),
  'promises-nonsense': (socket) => socket.write(`${ok}Content-Length: -5\r\n\r\nok`),
  'contradicts-itself': (socket) =>
    socket.write(`${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  'breaks-its-chunks': (socket) => socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\nnot a length\r\n`),
  'switches-protocols': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  'answers-before-the-request-ends': (socket) => socket.end(`${ok}Connection: close\r\nContent-Length: 2\r\n\r\nok`),
  'hangs-after-4-kb': (socket) => socket.write(`${ok}Content-Length: 9000\r\n\r\n${filler.slice(0, 4096)}`),
  'resets-kept': (socket, { isKept }) => (isKept ? socket.resetAndDestroy() : respond(socket, 200, 'ok')),
  'times-out-kept': (socket, { isKept }) =>
    respond(socket, isKept ? 408 : 200, '', isKept ? 'Connection: close\r\n' : ''),
};

function drip(socket: Socket, text: string, everyMs: number): void {
  let sent = 0;
  const timer = setInterval(() => socket.write(text.charAt(sent++ % text.length)), everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** Writes as fast as the other side reads. */
function flood(socket: Socket, next: () => string | Buffer): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(next()));
  };
  socket.on('drain', write);
  write();
}
