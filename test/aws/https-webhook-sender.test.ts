import { execFile, spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HostileReceiver, type Misbehaviour, startHostileReceiver } from '../../lab/support/hostile-receiver.ts';
import { selfSignedCertificate } from '../../lab/support/self-signed-certificate.ts';
import { httpsWebhookSender, type ResolveAll } from '../../lambdas/aws/https-webhook-sender.ts';
import type { AttemptResult } from '../../lambdas/domain/deliveries/attempt-outcome.ts';
import { attemptOutcome } from '../../lambdas/domain/deliveries/attempt-outcome.ts';

const timeoutMs = 400;
let receiver: HostileReceiver;
beforeAll(async () => {
  receiver = await startHostileReceiver();
});
afterAll(() => receiver.close());

function aSender(options: Partial<Parameters<typeof httpsWebhookSender>[0]> = {}) {
  return httpsWebhookSender({ policy: 'local', clock: Date.now, timeoutMs, ...options });
}

function post(path: string, sender = aSender()): Promise<AttemptResult> {
  return sender.send({
    url: `http://127.0.0.1:${receiver.port}${path}`,
    headers: { 'content-type': 'application/json' },
    body: '{"orgId":1,"type":"new_message","data":{"text":"é"}}',
  });
}

/** What is left of a result when its time is taken away. */
function essence(result: AttemptResult): string {
  return result.kind === 'answered' ? `answered ${result.status}` : result.errorClass;
}

describe('what a hostile receiver does', () => {
  const table: Record<Misbehaviour, string> = {
    'accepts-and-hangs': 'timeout',
    // A status that came decides; what follows is for the record only.
    'answers-then-hangs': 'answered 200',
    'drips-headers': 'answered 200',
    'drips-body': 'answered 200',
    resets: 'connect',
    'resets-after-status': 'answered 200',
    closes: 'connect',
    'half-closes': 'connect',
    'speaks-garbage': 'protocol',
    'sends-endless-headers': 'answered 200',
    'sends-endless-early-hints': 'protocol',
    'sends-endless-body': 'answered 200',
    'sends-endless-chunk-extensions': 'answered 200',
    'sends-gzip-bomb': 'answered 200',
    'promises-more-than-it-sends': 'answered 200',
    'sends-more-than-it-promised': 'answered 200',
    'promises-nonsense': 'answered 200',
    'contradicts-itself': 'answered 200',
    'breaks-its-chunks': 'answered 200',
    'switches-protocols': 'answered 101',
    'answers-before-the-request-ends': 'answered 200',
    'hangs-after-4-kb': 'answered 200',
    'resets-kept': 'answered 200',
    'times-out-kept': 'answered 200',
  };

  it.each(Object.entries(table))('%s: %s', async (misbehaviour, expected) => {
    expect(essence(await post(`/${misbehaviour}`))).toBe(expected);
  });

  it.each([200, 202, 204, 299, 301, 304, 308, 400, 401, 404, 410, 422, 429, 500, 502, 503, 504, 599])(
    'status %i: is reported as it is',
    async (status) => {
      expect(essence(await post(`/status/${status}`))).toBe(`answered ${status}`);
    },
  );

  it('redirects: the redirect is the answer, and its target is not called', async () => {
    receiver.requests.length = 0;
    const result = await post('/redirect');
    expect(essence(result)).toBe('answered 302');
    expect(attemptOutcome(result, 0).kind).toBe('retry');
    expect(receiver.requests).toEqual(['POST /redirect']);
  });

  it('endless bodies and gzip bombs: at most 4 KB are kept, and nothing is unpacked', async () => {
    const endless = await post('/sends-endless-body');
    expect(endless.kind === 'answered' && endless.responseHead.length).toBe(4096);
    const bomb = await post('/sends-gzip-bomb');
    expect(bomb.kind === 'answered' && bomb.responseHead).toBe('(content-encoding: gzip)');
  });

  it('all of it, ten at a time as a batch is: memory stays under 128 MB, half of what the function has', async () => {
    const paths = Object.keys(table).flatMap((name) => Array.from({ length: 10 }, () => `/${name}`));
    const script = new URL('./sender-memory.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [script, String(receiver.port), ...paths]);
    const { results, peakMegabytes } = JSON.parse(stdout) as { results: number; peakMegabytes: number };
    expect(results).toBe(paths.length);
    expect(peakMegabytes).toBeLessThan(128);
  });
});

describe('a known status frees its slot', () => {
  it.each(['answers-then-hangs', 'drips-body', 'drips-headers'])('within a second or two: %s', async (path) => {
    const startedAt = Date.now();
    expect(essence(await post(`/${path}`, aSender({ timeoutMs: 15_000 })))).toBe('answered 200');
    expect(Date.now() - startedAt).toBeLessThan(3_000);
  });

  it('at once where 4 KB of its body have come', async () => {
    const startedAt = Date.now();
    const result = await post('/hangs-after-4-kb', aSender({ timeoutMs: 15_000 }));
    expect(result.kind === 'answered' && result.responseHead.length).toBe(4096);
    expect(Date.now() - startedAt).toBeLessThan(900);
  });
});

it('interim answers without end are no answer, and are not read for long', async () => {
  const startedAt = Date.now();
  const result = await post('/sends-endless-early-hints', aSender({ timeoutMs: 15_000 }));
  expect(result).toMatchObject({ errorClass: 'protocol', message: 'no status within 16 KB' });
  expect(Date.now() - startedAt).toBeLessThan(3_000);
});

describe('what never gets to a receiver', () => {
  it('a name that does not resolve is dns', async () => {
    const resolveAll: ResolveAll = (_name, done) =>
      done(Object.assign(new Error('not found'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), []);
    const result = await aSender({ resolveAll }).send(named('nowhere.example'));
    expect(result).toMatchObject({ errorClass: 'dns', message: 'ENOTFOUND' });
  });

  it('a name without addresses is dns', async () => {
    const resolveAll: ResolveAll = (_name, done) => done(null, []);
    expect(essence(await aSender({ resolveAll }).send(named('empty.example')))).toBe('dns');
  });

  it('a name server that never answers is a timeout', async () => {
    expect(essence(await aSender({ resolveAll: () => {} }).send(named('slow.example')))).toBe('timeout');
  });

  it('a port on which nobody listens is connect', async () => {
    const port = await aFreePort();
    const result = await aSender().send({ url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' });
    expect(result).toMatchObject({ errorClass: 'connect', message: 'ECONNREFUSED' });
  });

  it('a forbidden url is refused without a connection', async () => {
    const before = receiver.connections;
    const result = await post('/', aSender({ policy: 'public' }));
    expect(essence(result)).toBe('refused');
    expect(receiver.connections).toBe(before);
  });

  function named(host: string) {
    return { url: `http://${host}:${receiver.port}/`, headers: {}, body: '{}' };
  }
});

describe('the address that is dialled', () => {
  function resolvingTo(...answers: string[][]): { resolveAll: ResolveAll; asked: () => number } {
    let asked = 0;
    return {
      asked: () => asked,
      resolveAll: (_name, done) => {
        const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
        done(
          null,
          answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      },
    };
  }
  const url = () => ({ url: `http://receiver.example:${receiver.port}/`, headers: {}, body: '{}' });

  it('is the checked one: the name is asked for once for each connection', async () => {
    // A name server that changes its answer between the judging and the dialling.
    const { resolveAll, asked } = resolvingTo(['127.0.0.1'], ['169.254.169.254']);
    const sender = aSender({ resolveAll });
    const before = receiver.requests.length;
    expect(essence(await sender.send(url()))).toBe('answered 200');
    expect(receiver.requests.length).toBe(before + 1);
    expect(asked()).toBe(1);
    receiver.closeIdle();
    await new Promise((resolve) => setImmediate(resolve));
    const second = await sender.send(url());
    expect(second).toMatchObject({ errorClass: 'refused' });
    expect(asked()).toBeGreaterThan(1);
  });

  it('is none when any of the addresses is forbidden, in whatever place', async () => {
    for (const addresses of [
      ['127.0.0.1', '169.254.169.254'],
      ['169.254.169.254', '127.0.0.1'],
      ['127.0.0.1', 'fe80::1'],
    ]) {
      const before = receiver.connections;
      const { resolveAll } = resolvingTo(addresses);
      const result = await aSender({ resolveAll }).send(url());
      expect(result).toMatchObject({ errorClass: 'refused' });
      expect(receiver.connections).toBe(before);
    }
  });

  it.each(['10.0.0.1', '127.0.0.1', '100.64.1.1', '::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'fd00::1'])(
    'is never %s when deployed',
    async (address) => {
      const { resolveAll } = resolvingTo([address]);
      const request = { url: 'https://receiver.example.com/', headers: {}, body: '{}' };
      expect(await aSender({ policy: 'public', resolveAll }).send(request)).toMatchObject({ errorClass: 'refused' });
    },
  );

  it('gets the name as its Host, and the next address when the first does not answer', async () => {
    receiver.heads.length = 0;
    const { resolveAll } = resolvingTo(['127.0.0.2', '127.0.0.1']);
    expect(essence(await aSender({ resolveAll }).send(url()))).toBe('answered 200');
    expect(receiver.heads[0]?.toLowerCase()).toContain(`host: receiver.example:${receiver.port}`);
  });
});

describe('a name with addresses of both families', () => {
  const ipv4 = { address: '127.0.0.1', family: 4 };
  const ipv6 = { address: '::1', family: 6 };

  // A lost packet, or a far continent. Node alone gives up such an address after 250 ms, and the other leads nowhere.
  it.each([[[ipv4, ipv6]], [[ipv6, ipv4]]])(
    'is reached over the one that works, though it takes a second: %j',
    async (addresses) => {
      const slow = await aReceiverThatAcceptsAfter(700);
      try {
        const sender = aSender({ timeoutMs: 10_000, resolveAll: (_name, done) => done(null, addresses) });
        const result = await sender.send({ url: `http://receiver.example:${slow.port}/`, headers: {}, body: '{}' });
        expect(essence(result)).toBe('answered 200');
      } finally {
        slow.close();
      }
    },
  );

  it('is reached over IPv6 where nobody listens on IPv4', async () => {
    const server = createServer((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    const { port } = server.address() as AddressInfo;
    const sender = aSender({ resolveAll: (_name, done) => done(null, [ipv4, ipv6]) });
    expect(essence(await sender.send({ url: `http://receiver.example:${port}/`, headers: {}, body: '{}' }))).toBe(
      'answered 200',
    );
    server.close();
  });
});

describe('connections', () => {
  it('are kept: ten posts one after the other use one', async () => {
    const sender = aSender();
    const before = receiver.connections;
    for (let count = 0; count < 10; count++) expect(essence(await post('/', sender))).toBe('answered 200');
    expect(receiver.connections - before).toBe(1);
  });

  it('that were closed while they idled cost no attempt: the post goes out over a fresh one, and the result says so', async () => {
    const sender = aSender();
    expect(await post('/', sender)).not.toHaveProperty('resentOnFreshConnection');
    receiver.closeIdle();
    expect(await post('/', sender)).toMatchObject({ status: 200, resentOnFreshConnection: true });
  });

  it('that were all closed just now cost no attempt either, eighty posts at once', async () => {
    for (let round = 0; round < 5; round++) {
      const sender = aSender({ timeoutMs: 5_000 });
      const eighty = () => Promise.all(Array.from({ length: 80 }, () => post('/', sender)));
      await eighty();
      receiver.closeIdle();
      receiver.requests.length = 0;
      const results = await eighty();
      expect(Object.groupBy(results, essence)).toEqual({
        'answered 200': expect.toSatisfy((all) => all.length === 80),
      });
      expect(results.filter((result) => result.resentOnFreshConnection).length).toBeGreaterThan(0);
      // What went to a closed connection was read by nobody.
      expect(receiver.requests.length).toBe(80);
      // Closed once, and not eighty times: connections are used again.
      const before = receiver.connections;
      await post('/', sender);
      expect(receiver.connections).toBe(before);
    }
  });

  it('on which a receiver waited in vain cost no attempt: a 408 over a kept one is not the answer', async () => {
    const sender = aSender();
    await post('/times-out-kept', sender);
    receiver.requests.length = 0;
    expect(await post('/times-out-kept', sender)).toMatchObject({ status: 200, resentOnFreshConnection: true });
    expect(essence(await post('/status/408'))).toBe('answered 408');
  });

  it('that a receiver resets again and again are tried twice at most', async () => {
    let posts = 0;
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        posts++;
        if (posts === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        else socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const sender = aSender();
    const request = { url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' };
    await sender.send(request);
    expect(await sender.send(request)).toMatchObject({ errorClass: 'connect', resentOnFreshConnection: true });
    expect(posts).toBe(3);
    server.close();
  });

  it('that idle beside one that is reset are not tried one after the other', async () => {
    const sender = aSender();
    await Promise.all(Array.from({ length: 5 }, () => post('/resets-kept', sender)));
    expect(await post('/resets-kept', sender)).toMatchObject({ status: 200, resentOnFreshConnection: true });
  });

  it('are not used again for ten minutes where three in a row were reset when the next post came', async () => {
    let now = 0;
    const sender = aSender({ clock: () => now });
    receiver.requests.length = 0;
    for (let count = 0; count < 20; count++) {
      expect(essence(await post('/resets-kept', sender))).toBe('answered 200');
    }
    expect(receiver.requests.length).toBe(23);
    now += 600_000;
    receiver.requests.length = 0;
    for (let count = 0; count < 20; count++) await post('/resets-kept', sender);
    expect(receiver.requests.length).toBe(21);
  });

  it('are closed where the answer came before all of the post was out', async () => {
    const bytes = 20_000_000;
    const received = Promise.withResolvers<number>();
    let heard = 0;
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => received.resolve(heard));
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 413 Too long\r\nContent-Length: 2\r\n\r\nno');
        setTimeout(() => socket.resume(), 200);
      });
      socket.on('data', ({ length }) => {
        heard += length;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const request = { url: `http://127.0.0.1:${port}/`, headers: {}, body: 'x'.repeat(bytes) };
    expect(essence(await aSender({ timeoutMs: 10_000 }).send(request))).toBe('answered 413');
    expect(await received.promise).toBeLessThan(bytes);
    server.close();
  });

  it('stay in use where one reset is followed by a post that goes well', async () => {
    const sender = aSender();
    for (let count = 0; count < 5; count++) {
      await post('/', sender);
      await post('/', sender);
      receiver.closeIdle();
      await post('/', sender);
    }
    const before = receiver.connections;
    await post('/', sender);
    expect(receiver.connections).toBe(before);
  });

  it('carry the body and its length as they are', async () => {
    receiver.bodies.length = 0;
    receiver.heads.length = 0;
    await post('/');
    expect(receiver.bodies).toEqual(['{"orgId":1,"type":"new_message","data":{"text":"é"}}']);
    expect(receiver.heads[0]?.toLowerCase()).not.toContain('transfer-encoding');
  });
});

describe('a connection is used again only where nothing speaks against it', () => {
  const length = 'Content-Length: 2\r\n';
  const ok = `HTTP/1.1 200 OK\r\n${length}\r\nok`;

  /** Posts twice to a receiver that gives these answers, one after the other; says how many connections that took. */
  async function connectionsOfTwoPosts(
    answers: readonly string[],
    { clock = Date.now, between = async () => {} } = {},
  ) {
    const received = await aReceiverOf(answers);
    const sender = aSender({ clock });
    try {
      const results = [await sender.send(received.request)];
      await between();
      results.push(await sender.send(received.request));
      return { connections: received.connections(), results: results.map(essence) };
    } finally {
      received.close();
    }
  }

  it('such as an answer of known length', async () => {
    expect(await connectionsOfTwoPosts([ok])).toEqual({ connections: 1, results: ['answered 200', 'answered 200'] });
  });

  it.each([
    ['the receiver closes it', `HTTP/1.1 200 OK\r\nConnection: close\r\n${length}\r\nok`],
    ['the receiver keeps it for a second only', `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\n${length}\r\nok`],
    ['more came than the answer', `${ok}HTTP/1.1 500 Not asked for\r\n\r\n`],
    ['its body went wrong', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
    ['its body is too long to be waited for', `HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n${'x'.repeat(70_000)}`],
    ['it speaks HTTP/1.0', `HTTP/1.0 200 OK\r\n${length}\r\nok`],
    ['its answer is in a coding that nobody reads', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ])('not if %s', async (_name, answer) => {
    expect(await connectionsOfTwoPosts([answer, ok])).toEqual({
      connections: 2,
      results: ['answered 200', 'answered 200'],
    });
  });

  it('not after 30 s, when others may have forgotten it', async () => {
    let now = 0;
    const wait = async (): Promise<void> => {
      now += 30_000;
    };
    expect((await connectionsOfTwoPosts([ok], { clock: () => now, between: wait })).connections).toBe(2);
    now = 0;
    const waitLess = async (): Promise<void> => {
      now += 29_000;
    };
    expect((await connectionsOfTwoPosts([ok], { clock: () => now, between: waitLess })).connections).toBe(1);
  });

  it('and what comes over it unasked is not taken for the next answer', async () => {
    const received = await aReceiverOf([ok]);
    const sender = aSender();
    try {
      await sender.send(received.request);
      received.say('HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n');
      await received.closed();
      expect(essence(await sender.send(received.request))).toBe('answered 200');
      expect(received.connections()).toBe(2);
    } finally {
      received.close();
    }
  });

  it('and a receiver that closes it in the middle of a status line gets no second post', async () => {
    const received = await aReceiverOf([ok, 'HTTP/1.']);
    const sender = aSender();
    try {
      await sender.send(received.request);
      const second = sender.send(received.request);
      await received.asked(2);
      received.hangUp();
      expect(await second).toMatchObject({ errorClass: 'protocol' });
      expect(received.posts()).toBe(2);
    } finally {
      received.close();
    }
  });

  /** Answers each post with the next text, the last again and again. */
  async function aReceiverOf(answers: readonly string[]) {
    const sockets: Socket[] = [];
    let posts = 0;
    let whenAsked = (): void => {};
    let whenClosed = (): void => {};
    const closing = new Promise<void>((resolve) => {
      whenClosed = resolve;
    });
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('close', () => whenClosed());
      socket.on('data', () => {
        socket.write(answers[Math.min(posts, answers.length - 1)] ?? '', 'latin1', () => whenAsked());
        posts++;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      request: { url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' },
      connections: () => sockets.length,
      posts: () => posts,
      say: (text: string) => sockets.at(-1)?.write(text),
      hangUp: () => sockets.at(-1)?.end(),
      closed: () => closing,
      asked: async (count: number) => {
        while (posts < count) {
          await new Promise<void>((resolve) => {
            whenAsked = resolve;
          });
        }
      },
      close() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }
});

describe('headers', () => {
  it.each([
    ['a value that would begin a new line', { 'webhook-id': 'msg_1\r\nhost: elsewhere.example' }],
    ['a line feed alone', { 'webhook-id': 'msg_1\nx: y' }],
    ['a name that would', { 'x: y\r\nz': '1' }],
    ['a letter that is none of ASCII', { 'webhook-id': 'msg_é' }],
  ])('never say more than they should: %s is refused, without a connection', async (_name, headers) => {
    const before = receiver.connections;
    const url = `http://127.0.0.1:${receiver.port}/`;
    expect(essence(await aSender().send({ url, headers, body: '{}' }))).toBe('refused');
    expect(receiver.connections).toBe(before);
  });

  it('of an answer have lower-case names; several of one name are joined, and the first Retry-After counts', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () =>
        socket.end(
          'HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nX-Two: a\r\nRetry-After: 5\r\nx-two: b\r\nConstructor: c\r\n__proto__: d\r\nContent-Length: 0\r\n\r\n',
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const result = await aSender().send({ url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' });
    server.close();
    expect(result.kind === 'answered' && Object.entries(result.headers)).toEqual([
      ['retry-after', '60'],
      ['x-two', 'a, b'],
      ['constructor', 'c'],
      ['__proto__', 'd'],
      ['content-length', '0'],
    ]);
  });
});

describe('TLS', () => {
  const { key, cert } = selfSignedCertificate('receiver.example');
  const resolveAll: ResolveAll = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const serverNames: (string | false | null | undefined)[] = [];
  const resumed: boolean[] = [];
  const heard: string[] = [];
  const server = createTlsServer({ key, cert }, (socket) => {
    serverNames.push(socket.servername);
    resumed.push(socket.isSessionReused());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard.push(String(data));
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = address !== null && typeof address !== 'string' ? address.port : 0;
  });
  afterAll(() => server.close());
  const postTo = (host: string, options: Parameters<typeof aSender>[0], toPort = port) =>
    aSender(options).send({ url: `https://${host}:${toPort}/`, headers: {}, body: '{}' });

  it('delivers to a certificate that an authority vouches for, and names the host to the server', async () => {
    serverNames.length = 0;
    expect(essence(await postTo('receiver.example', { resolveAll, ca: cert }))).toBe('answered 200');
    expect(serverNames).toEqual(['receiver.example']);
  });

  it('refuses a certificate that nobody vouches for', async () => {
    const result = await postTo('receiver.example', { resolveAll });
    expect(result).toMatchObject({ errorClass: 'tls', message: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it("refuses somebody else's certificate", async () => {
    const result = await postTo('other.example', { resolveAll, ca: cert });
    expect(result).toMatchObject({ errorClass: 'tls', message: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('says nothing of an event to who has not shown a certificate', async () => {
    heard.length = 0;
    await postTo('receiver.example', { resolveAll });
    await postTo('other.example', { resolveAll, ca: cert });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard).toEqual([]);
  });

  it('names no address to the server, and holds an address against the certificate', async () => {
    const asked: string[] = [];
    const context = createSecureContext({ key, cert });
    const naming = createTlsServer({
      key,
      cert,
      SNICallback(name, done) {
        asked.push(name);
        done(null, context);
      },
    });
    naming.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => naming.listen(0, '127.0.0.1', resolve));
    const { port: namingPort } = naming.address() as AddressInfo;
    const result = await postTo('127.0.0.1', { ca: cert }, namingPort);
    await postTo('other.example.', { ca: cert, resolveAll }, namingPort);
    naming.close();
    expect(result).toMatchObject({ errorClass: 'tls', message: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(asked).toEqual(['other.example']);
  });

  it('takes up an earlier session with a new connection', async () => {
    resumed.length = 0;
    let now = 0;
    const sender = aSender({ resolveAll, ca: cert, clock: () => now });
    const request = { url: `https://receiver.example:${port}/`, headers: {}, body: '{}' };
    for (let count = 0; count < 2; count++) {
      expect(essence(await sender.send(request))).toBe('answered 200');
      now += 60_000;
    }
    expect(resumed).toEqual([false, true]);
  });

  it('says tls where plain text is spoken, and timeout where nothing is', async () => {
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('220 smtp.receiver.example ESMTP\r\n');
    });
    const silent = createServer((socket) => {
      socket.on('error', () => {});
    });
    try {
      for (const [peer, expected] of [
        [plain, 'tls'],
        [silent, 'timeout'],
      ] as const) {
        await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
        const address = peer.address();
        const peerPort = address !== null && typeof address !== 'string' ? address.port : 0;
        expect(essence(await postTo('receiver.example', { resolveAll }, peerPort))).toBe(expected);
      }
    } finally {
      plain.close();
      silent.close();
    }
  });
});

/**
 * A process that listens and does nothing else for a while. Its queue is filled, so the next handshake is not answered; the
 * system tries again after a second.
 */
async function aReceiverThatAcceptsAfter(ms: number): Promise<{ port: number; close: () => void }> {
  const script = `
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'));
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms});
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  const waiting = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(waiting.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  return {
    port,
    close() {
      for (const socket of waiting) socket.destroy();
      child.kill();
    },
  };
}

async function aFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address !== 'string' ? address.port : 0;
}
