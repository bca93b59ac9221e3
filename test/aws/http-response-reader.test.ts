import { describe, expect, it } from 'vitest';
import { HttpResponseReader } from '../../lambdas/aws/http-response-reader.ts';

interface Reading {
  readonly state: string;
  readonly status: number | undefined;
  readonly fields: readonly string[] | undefined;
  readonly body: string;
  readonly isKeptWhole: boolean;
  readonly keepsAlive: boolean;
  /** What came behind the answer. */
  readonly surplus: number;
}

/** Reads pieces that come one after the other; with `ends` the connection closes behind them. */
function read(pieces: readonly string[], { ends = false, keptBytes = 4096 } = {}): Reading {
  const reader = new HttpResponseReader(keptBytes);
  // As a connection does: every piece comes in the same memory.
  const memory = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)));
  let surplus = 0;
  for (const piece of pieces) {
    const bytes = memory.subarray(0, memory.write(piece, 'latin1'));
    if (reader.state === 'head' || reader.state === 'body') surplus += reader.read(bytes);
    else surplus += bytes.length;
  }
  if (ends) reader.end();
  return {
    state: reader.state,
    status: reader.head?.status,
    fields: reader.head?.fields,
    body: Buffer.concat(reader.kept).toString('latin1'),
    isKeptWhole: reader.isKeptWhole,
    keepsAlive: reader.keepsAlive,
    surplus,
  };
}

const ok = 'HTTP/1.1 200 OK\r\n';

describe('an answer is read the same in whatever pieces it comes', () => {
  const answers = {
    'with a length': `${ok}Content-Length: 5\r\nX-A: b\r\n\r\nhello`,
    'in chunks': `${ok}Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    'behind interim answers': `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
    'without a body': 'HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n',
    'to the end of the connection': `${ok}\r\nall that comes`,
    'with more behind it': `${ok}Content-Length: 2\r\n\r\nokHTTP/1.1 500 x\r\n\r\n`,
    'without a reason': 'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n',
    'that breaks its chunks': `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n`,
  };

  it.each(Object.entries(answers))('%s', (_name, text) => {
    const whole = read([text], { ends: true });
    for (let cut = 1; cut < text.length; cut++) {
      expect(read([text.slice(0, cut), text.slice(cut)], { ends: true })).toEqual(whole);
    }
    for (let cut = 1; cut < text.length - 1; cut++) {
      const pieces = [text.slice(0, cut), text.slice(cut, cut + 1), text.slice(cut + 1)];
      expect(read(pieces, { ends: true })).toEqual(whole);
    }
    expect(read([...text], { ends: true })).toEqual(whole);
  });
});

describe('where an answer ends', () => {
  it('is after so many bytes as it says, and the connection can be used again', () => {
    expect(read([`${ok}content-length:\t 5 \r\n\r\nhello`])).toMatchObject({
      state: 'complete',
      body: 'hello',
      keepsAlive: true,
      surplus: 0,
    });
  });

  it('is behind the last chunk and its trailers', () => {
    const text = `${ok}transfer-encoding: Chunked\r\n\r\nA\r\n0123456789\r\n000\r\n\r\n`;
    expect(read([text])).toMatchObject({ state: 'complete', body: '0123456789', keepsAlive: true });
  });

  it('is where the connection ends, if nothing else is said', () => {
    expect(read([`${ok}\r\nabc`])).toMatchObject({ state: 'body', keepsAlive: false });
    expect(read([`${ok}\r\nabc`], { ends: true })).toMatchObject({ state: 'complete', body: 'abc', isKeptWhole: true });
  });

  it.each(['204 No Content', '304 Not Modified'])('is behind the head of a %s, whatever length it names', (line) => {
    expect(read([`HTTP/1.1 ${line}\r\nContent-Length: 7\r\n\r\n`])).toMatchObject({ state: 'complete', body: '' });
  });

  it('is not yet where less came than was promised', () => {
    expect(read([`${ok}Content-Length: 5\r\n\r\nhell`])).toMatchObject({ state: 'body' });
    expect(read([`${ok}Content-Length: 5\r\n\r\nhell`], { ends: true })).toMatchObject({
      state: 'invalid',
      status: 200,
    });
  });

  it('says how many bytes came behind it', () => {
    expect(read([`${ok}Content-Length: 2\r\n\r\nok and then some`]).surplus).toBe(14);
    expect(read(['HTTP/1.1 204 No Content\r\n\r\nHTTP']).surplus).toBe(4);
  });
});

describe('a connection carries no second exchange', () => {
  it.each([
    ['that the receiver closes', `${ok}Connection: close\r\nContent-Length: 0\r\n\r\n`],
    ['that the receiver closes, among other options', `${ok}Connection: x, Close\r\nContent-Length: 0\r\n\r\n`],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n'],
  ])('%s', (_name, text) => {
    expect(read([text])).toMatchObject({ state: 'complete', status: 200, keepsAlive: false });
  });

  it('for longer than the receiver says', () => {
    const reader = new HttpResponseReader(0);
    reader.read(Buffer.from(`${ok}Keep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n`));
    expect(reader.keepAliveSeconds).toBe(5);
  });
});

describe('what is no answer', () => {
  it.each([
    ['another protocol', '220 smtp.receiver.example ESMTP\r\n'],
    ['another protocol, at its first byte', 'S'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 x\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a first line that is none, before its head has ended', 'HTTP/1.1 ok\r\n'],
    ['lines that end with a line feed alone', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a line feed alone between headers', `${ok}A: b\nContent-Length: 0\r\n\r\n`],
    ['a carriage return alone', `${ok}A: b\rc\r\n\r\n`],
    ['a header without a colon', `${ok}Content-Length\r\n\r\n`],
    ['a header without a name', `${ok}: 5\r\n\r\n`],
    ['white space before the colon', `${ok}Content-Length : 5\r\n\r\n`],
    ['a folded header', `${ok}A: b\r\n c\r\n\r\n`],
    ['a folded first header', `${ok} A: b\r\n\r\n`],
    ['a null character in a header', `${ok}A: b\0c\r\n\r\n`],
    ['a length and a transfer coding', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['a transfer coding and a length', `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
    ['the same length twice', `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`],
    ['a list of lengths', `${ok}Content-Length: 5, 5\r\n\r\n`],
    ['a negative length', `${ok}Content-Length: -5\r\n\r\n`],
    ['a signed length', `${ok}Content-Length: +5\r\n\r\n`],
    ['a hexadecimal length', `${ok}Content-Length: 0x5\r\n\r\n`],
    ['a length that no number holds', `${ok}Content-Length: 9007199254740993\r\n\r\n`],
    ['an empty length', `${ok}Content-Length:\r\n\r\n`],
    ['another protocol from here on', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
    ['headers without end', `${ok}${`X: ${'x'.repeat(1000)}\r\n`.repeat(17)}`],
    ['one header without end', `${ok}X: ${'x'.repeat(17_000)}`],
    ['headers of more than 16 KB, with an end', `${ok}${`X: ${'x'.repeat(1000)}\r\n`.repeat(17)}\r\n`],
    ['an interim answer with a length', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nok'],
    ['an empty transfer coding', `${ok}Transfer-Encoding: \r\n\r\n`],
    [
      'an interim answer that ends the connection',
      'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    ],
    ['a transfer coding with a tab behind it', `${ok}Transfer-Encoding: chunked\t \r\n\r\n0\r\n\r\n`],
    ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17)],
  ])('%s', (_name, text) => {
    expect(read([text])).toMatchObject({ state: 'invalid', status: undefined });
    expect(read([...text])).toMatchObject({ state: 'invalid', status: undefined });
  });

  it('is said in words without what the receiver wrote', () => {
    const reader = new HttpResponseReader(0);
    reader.read(Buffer.from('220 s3cret\r\n'));
    expect(reader.fault).toBe('the answer is not HTTP/1.1');
  });

  it('is less than a head before the connection ends', () => {
    expect(read([ok], { ends: true })).toMatchObject({ state: 'invalid', status: undefined });
  });

  it('16 interim answers and headers of just 16 KB are still fine', () => {
    expect(read([`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(16)}${ok}Content-Length: 0\r\n\r\n`]).status).toBe(200);
    const end = '\r\nContent-Length: 0\r\n\r\n';
    const longest = `${ok}X: ${'x'.repeat(16 * 1024 - ok.length - 3 - end.length)}${end}`;
    expect(read([longest]).state).toBe('complete');
  });
});

describe('a body that goes wrong leaves the status standing, and the connection is given up', () => {
  it.each([
    ['a chunk’s size that is none', 'x\r\n'],
    ['an empty chunk’s size', '\r\n'],
    ['a negative chunk’s size', '-1\r\n'],
    ['a chunk’s size with 0x', '0x1\r\na\r\n'],
    ['white space behind a chunk’s size', '1 \r\na\r\n'],
    ['a chunk’s size that no number holds', '20000000000000\r\n'],
    ['a chunk that is longer than its size', '2\r\nabc\r\n'],
    ['a chunk whose line ends with a line feed alone', '2\nab\r\n'],
    ['a chunk that ends with a line feed alone', '2\r\nab\n'],
    ['an extension without a name', '1;=a\r\na\r\n'],
    ['an extension whose quotes do not end', '1;a="b\r\na\r\n'],
    ['an extension without end', `1;${'a'.repeat(5000)}`],
    ['a trailer that is none', '0\r\nno trailer\r\n\r\n'],
  ])('%s', (_name, body) => {
    expect(read([`${ok}Transfer-Encoding: chunked\r\n\r\n${body}`])).toMatchObject({ state: 'invalid', status: 200 });
  });

  it.each(['gzip', 'gzip, chunked', 'chunked, chunked', 'identity'])('the transfer coding %s', (coding) => {
    const text = `${ok}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`;
    expect(read([text])).toMatchObject({ state: 'invalid', status: 200 });
  });
});

describe('of a body', () => {
  it('the first bytes are kept, and it is said whether that is all', () => {
    const text = `${ok}Content-Length: 6\r\n\r\nabcdef`;
    expect(read([text], { keptBytes: 4 })).toMatchObject({ state: 'complete', body: 'abcd', isKeptWhole: false });
    expect(read([text], { keptBytes: 6 })).toMatchObject({ body: 'abcdef', isKeptWhole: true });
    const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`;
    expect(read([chunked], { keptBytes: 4 })).toMatchObject({ body: 'abcd', isKeptWhole: false });
  });

  it('all bytes count, the framing of its chunks too', () => {
    const reader = new HttpResponseReader(10);
    reader.read(Buffer.from(`${ok}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(1000)}`));
    expect(reader.bodyBytes).toBe(1002);
  });
});

it('header names are lower case, and values bare of the white space around them', () => {
  expect(read([`${ok}X-One:1\r\nx-TWO: \t two words \t\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n`]).fields).toEqual([
    ...['x-one', '1', 'x-two', 'two words', 'x-empty', '', 'content-length', '0'],
  ]);
});
