import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { httpsWebhookSender } from '../../lambdas/aws/https-webhook-sender.ts';
import type { AttemptResult } from '../../lambdas/domain/deliveries/attempt-outcome.ts';

interface Answer {
  readonly text: string;
  /** The receiver closes the connection after it. */
  readonly closes?: boolean;
  /** What it is taken for, where that is not the status asked for. */
  readonly result?: string;
  /** The next post goes over the same connection. */
  readonly reused?: boolean;
}

const length = 'Content-Length: 2\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n';

/** What a receiver may write, with the status in question. */
function answersWith(status: string): Readonly<Record<string, Answer>> {
  const line = `HTTP/1.1 ${status}\r\n`;
  const regular = `${line}${length}\r\nok`;
  return {
    'to the letter, with a length': { text: regular, reused: true },
    'to the letter, in chunks': { text: `${line}${chunked}\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n`, reused: true },
    'forty interim answers first': { text: `${interim.repeat(40)}${regular}`, reused: true },
    'an unasked 100 Continue first': { text: `HTTP/1.1 100 Continue\r\n\r\n${regular}`, reused: true },
    'bare line feeds': { text: regular.replaceAll('\r\n', '\n') },
    'a folded field': { text: `${line}X-Long: one\r\n two\r\n${length}\r\nok` },
    'a blank before a colon': { text: `${line}Content-Length : 2\r\n\r\nok` },
    'equal lengths twice': { text: `${line}${length}${length}\r\nok` },
    'a list of equal lengths': { text: `${line}Content-Length: 2, 2\r\n\r\nok` },
    'unequal lengths': { text: `${line}${length}Content-Length: 3\r\n\r\nok` },
    'a negative length': { text: `${line}Content-Length: -2\r\n\r\nok` },
    'a length in words': { text: `${line}Content-Length: two\r\n\r\nok` },
    'a length beside chunking': { text: `${line}${length}${chunked}\r\n2\r\nok\r\n0\r\n\r\n` },
    'a broken chunk': { text: `${line}${chunked}\r\nnot a length\r\nok\r\n0\r\n\r\n` },
    'a chunk shorter than it says': { text: `${line}${chunked}\r\n3\r\nok\r\n0\r\n\r\n` },
    'blanks after a chunk’s length': { text: `${line}${chunked}\r\n2  \r\nok\r\n0\r\n\r\n` },
    'bare line feeds in chunks': { text: `${line}${chunked}\r\n2\nok\n0\n\n` },
    'a coding that nobody reads': { text: `${line}Transfer-Encoding: gzip\r\n\r\nok`, closes: true },
    'bytes after the body': { text: `${regular} and more` },
    'a second answer after the body': { text: `${regular}HTTP/1.1 410 Gone\r\n${length}\r\nno` },
    'a field without a colon': { text: `${line}no colon\r\n${length}\r\nok` },
    'a field without a name': { text: `${line}: x\r\n${length}\r\nok` },
    'a NUL in a field': { text: `${line}X-Nul: a\0b\r\n${length}\r\nok` },
    'a carriage return in a field': { text: `${line}X-Cr: a\rb\r\n${length}\r\nok` },
    'a head of 40 KB': { text: `${line}X-Long: ${'x'.repeat(40_000)}\r\n${length}\r\nok` },
    'blank lines first': { text: `\r\n\r\n${regular}` },
    'HTTP/1.0': { text: regular.replace('1.1', '1.0') },
    'HTTP/1.0 without a length': { text: `${line.replace('1.1', '1.0')}\r\nok`, closes: true },
    'a version that does not exist': { text: regular.replace('1.1', '1.7') },
    'less of the body than its length': { text: `${line}Content-Length: 9\r\n\r\nok`, closes: true },
    'a head that ends the connection': { text: `${line}Content-Type: text/pl`, closes: true },
    'a status line that ends the connection': { text: line, closes: true },
    'a status that ends the connection': { text: line.slice(0, 12), closes: true },
    'a head that does not go on': { text: `${line}Content-Type: text/pl` },
    'a body that does not go on': { text: `${line}Content-Length: 9\r\n\r\nok` },
  };
}

const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
const table: Readonly<Record<string, Readonly<Record<string, Answer>>>> = {
  'answered 200': answersWith('200 OK'),
  'answered 503': answersWith('503 Service Unavailable'),
  other: {
    'a body on a 204': {
      text: `HTTP/1.1 204 No Content\r\n${length}\r\nok`,
      result: 'answered 204',
    },
    'a 204 to the letter': { text: 'HTTP/1.1 204 No Content\r\n\r\n', result: 'answered 204', reused: true },
    '101, which nobody asked for': {
      text: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      result: 'answered 101',
    },
    'interim answers and no other': { text: interim.repeat(3), closes: true, result: 'protocol' },
    'interim answers without end': { text: interim.repeat(1_000), result: 'protocol' },
    'another protocol': { text: '220 smtp.receiver.example ESMTP\r\n', result: 'protocol' },
    'half a status': { text: 'HTTP/1.1 20', closes: true, result: 'protocol' },
    'a status without digits': { text: 'HTTP/1.1 OK\r\n\r\n', result: 'protocol' },
    'HTTP in small letters': { text: 'http/1.1 200 OK\r\n\r\n', result: 'protocol' },
    'nothing at all': { text: '', closes: true, result: 'connect' },
  },
};

const rows = Object.entries(table).flatMap(([of, answers]) =>
  Object.entries(answers).map(([name, answer]) => ({ name, result: of, reused: false, ...answer })),
);

describe('a status decides, whatever follows it, and only an answer to the letter leaves its connection in use', () => {
  const printed: string[] = [];
  afterAll(() => console.log(`result         conn.  answer\n${printed.sort().join('\n')}`));

  it.concurrent.each(rows)('$result: $name', async ({ name, text, closes = false, result, reused }) => {
    const ways = [Infinity, 11].map(async (pieceBytes) => {
      const { results, posts, connections } = await postTwiceTo({ text, closes, pieceBytes });
      return { results, posts, reused: connections === 1 };
    });
    // Each posted once, in one piece or in many.
    const expected = { results: [result, result], posts: 2, reused };
    expect(await Promise.all(ways)).toEqual([expected, expected]);
    printed.push(`${result.padEnd(14)} ${reused ? 'kept  ' : 'closed'} ${name}`);
  });
});

describe('what an answer with a fault says besides its status', () => {
  it.each([
    ['equal lengths twice', 7, `HTTP/1.1 429 Slow\r\nRetry-After: 120\r\n${length}${length}\r\nok`],
    ['bare line feeds, equal lengths twice', 7, `HTTP/1.1 429 Slow\nRetry-After: 120\n${length}${length}\nok`],
    // In pieces, Node's parser has closed the connection before the rest comes.
    ['a blank before its colon', Infinity, `HTTP/1.1 429 Slow\r\nRetry-After : 120\r\n${length}\r\nok`],
    ['a folded value', 7, `HTTP/1.1 429 Slow\r\nRetry-After:\r\n 120\r\n${length}${length}\r\nok`],
  ])('counts: Retry-After, with %s', async (_name, pieceBytes, text) => {
    const { whole } = await postTwiceTo({ text, closes: false, pieceBytes });
    expect(whole[0]).toMatchObject({ status: 429, headers: { 'retry-after': '120' } });
  });

  it('counts only as far as it came: half a Retry-After is none', async () => {
    const { whole } = await postTwiceTo({ text: 'HTTP/1.1 429 Slow\r\nRetry-After: 12', closes: true, pieceBytes: 99 });
    expect(whole[0]).toMatchObject({ status: 429, headers: {} });
  });

  it('is kept for the ledger', async () => {
    const text = `HTTP/1.1 500 Oh\r\n${length}${length}\r\nno`;
    const { whole } = await postTwiceTo({ text, closes: false, pieceBytes: Infinity });
    expect(whole[0]).toMatchObject({ status: 500, responseHead: 'no' });
  });
});

/** Posts twice, one after the other, to a receiver that gives this answer to each. */
async function postTwiceTo({
  text,
  closes,
  pieceBytes,
}: {
  text: string;
  closes: boolean;
  pieceBytes: number;
}): Promise<{ results: string[]; whole: AttemptResult[]; posts: number; connections: number }> {
  const sockets: Socket[] = [];
  let posts = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', async (bytes) => {
      posts += bytes.toString().split('POST ').length - 1;
      // Long ones in larger pieces, or they would take for ever.
      const step = Math.max(pieceBytes, Math.ceil(text.length / 200));
      for (let at = 0; at < text.length; at += step) {
        socket.write(text.slice(at, at + step), 'latin1');
        if (at + step < text.length) await sleep(1);
      }
      if (closes) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sender = httpsWebhookSender({ policy: 'local', clock: Date.now });
  const request = { url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' };
  const whole: AttemptResult[] = [];
  for (let count = 0; count < 2; count++) {
    whole.push(await sender.send(request));
    // What more may come, comes.
    await sleep(20);
  }
  for (const socket of sockets) socket.destroy();
  server.close();
  const results = whole.map((one) => (one.kind === 'answered' ? `answered ${one.status}` : one.errorClass));
  return { results, whole, posts, connections: sockets.length };
}
