import fc from 'fast-check';
import { HttpResponseReader } from '../../../lambdas/aws/http-response-reader.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';
import { damaged } from '../json-text.ts';
import { nodeReading } from '../node-http-parser.ts';

const statusLine = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.1 410 Gone', 'HTTP/1.1 503', 'HTTP/1.0 200 OK') },
  { weight: 2, arbitrary: fc.constantFrom('HTTP/1.1 204 No Content', 'HTTP/1.1 304 Not Modified', 'HTTP/1.1 200 ') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('HTTP/1.1 99 x', 'HTTP/2.0 200 OK', 'HTTP/1.1 101 Switching Protocols', '220 x'),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1099 }).map((status) => `HTTP/1.1 ${status} Some reason`) },
);
const length = fc.oneof(
  fc.nat(12).map(String),
  fc.constantFrom('0', '05', '5, 5', '-1', '+5', '0x5', '5 ', '', '1e1', '99999999999999999999', '5;', '4294967301'),
);
const coding = fc.constantFrom(
  'chunked',
  'Chunked',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  ' chunked ',
  '',
);
const field = fc.oneof(
  { weight: 3, arbitrary: length.map((value) => `Content-Length: ${value}`) },
  { weight: 3, arbitrary: coding.map((value) => `Transfer-Encoding: ${value}`) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'Connection: close',
      'connection: keep-alive, Close',
      'Keep-Alive: timeout=5',
      'Retry-After: 120',
      'Webhook-Delivery:disable',
      'X-Empty:',
      'X-Tab:\ta\tb\t',
      'X-High: \xe9\xff',
      'X-Fold: a\r\n b',
      'X-Space : a',
      'Upgrade: h2c',
      'Trailer: X',
      ': no name',
      'no colon',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }).map((value) => `X-Any: ${value}`) },
);
const chunk = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.string({ unit: fc.constantFrom(...'ab\r\n0'), minLength: 1, maxLength: 17 }),
        fc.constantFrom('', ';a', ';a=b', ';a="b"'),
      )
      .map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '3\r\nabcd\r\n',
      'x\r\n',
      '1 \r\na\r\n',
      '-1\r\n',
      '0x1\r\na\r\n',
      'ffffffffffffffff\r\n',
    ),
  },
);
const body = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc
    .tuple(
      fc.array(chunk, { maxLength: 3 }),
      fc.constantFrom('0\r\n\r\n', '0\r\nX: 1\r\n\r\n', '00\r\n\r\n', '0\r\n', ''),
    )
    .map(([chunks, end]) => chunks.join('') + end),
);
const answer = fc
  .tuple(
    fc.array(fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'), {
      maxLength: 2,
    }),
    statusLine,
    fc.array(field, { maxLength: 4 }),
    body,
    fc.constantFrom('', '', '', 'HTTP/1.1 200 OK\r\n\r\n', 'x'),
  )
  .map(
    ([interim, line, fields, text, more]) =>
      `${interim.join('')}${[line, ...fields].join('\r\n')}\r\n\r\n${text}${more}`,
  );
const words = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  ';',
  '0',
  '\0',
  '\x7f',
  '\xff',
  '5',
  'a',
  'HTTP/1.1 ',
  'chunked',
  ',',
  '\r\n\r\n',
];
const bytes = fc.oneof(
  { weight: 5, arbitrary: answer },
  { weight: 4, arbitrary: damaged(answer, words) },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
);

export const answers: FuzzTarget = {
  claim:
    'What a receiver sends is refused, or read as Node’s own HTTP parser reads it: the same status, headers and body, and the same end; in whatever pieces it comes.',
  property: () => fc.property(bytes, fc.array(fc.nat(200), { maxLength: 4 }), checkAnswer) as fc.IRawProperty<unknown>,
};

export function checkAnswer(text: string, cuts: readonly number[]): void {
  const sent = Buffer.from(text, 'latin1');
  const whole = read([sent]);
  must(JSON.stringify(read(cutUp(sent, cuts))) === JSON.stringify(whole), 'pieces are read otherwise than the whole');

  const node = nodeReading([sent], { ends: false });
  if (whole.status === undefined) {
    must(
      whole.state === 'head' || node.status === undefined || stricter.some((form) => form.test(text)),
      'refused what is an answer',
    );
    if (whole.state === 'head') must(node.status === undefined, 'waits for a head that has come');
    return;
  }
  must(node.status === whole.status, () => `the status is ${node.status}`);
  const lowerCased = node.fields.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part));
  must(JSON.stringify(lowerCased) === JSON.stringify(whole.fields), () => `the headers are ${node.fields}`);
  if (whole.state !== 'complete') return;
  const end = sent.length - whole.surplus;
  const upToEnd = nodeReading([sent.subarray(0, end)], { ends: false });
  must(upToEnd.isComplete, 'took for complete what is not');
  must(upToEnd.body === whole.body, () => `the body is ${JSON.stringify(upToEnd.body)}`);
  must(!nodeReading([sent.subarray(0, end - 1)], { ends: false }).isComplete, 'the answer had ended before');
}

/** What we refuse and Node takes: nothing that a server sends to whom it means well. */
const stricter: readonly RegExp[] = [
  // Another version than 1.0 and 1.1, or a status below 100.
  /HTTP\/(?!1\.[01] [1-9])/,
  /HTTP\/1\.[01] 101/,
  // Control characters in the reason.
  /HTTP\/1\.[01] \d{3}[^\r\n]*[^\t\x20-\x7e\x80-\xff\r\n]/,
  // Empty lines before an answer.
  /^[\r\n]|\r\n\r\n[\r\n]/,
  /content-length:[\t ]*\d{16}/i,
  // A tab about the transfer coding.
  /transfer-encoding:[^\r\n]*\t/i,
  // An interim answer with a body.
  /HTTP\/1\.[01] 1\d\d[^\r\n]*\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding):/i,
];

function cutUp(sent: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (sent.length + 1)), sent.length].sort((one, other) => one - other);
  return places.slice(1).map((to, index) => sent.subarray(places[index], to));
}

function read(pieces: readonly Buffer[]) {
  const reader = new HttpResponseReader(1024);
  let surplus = 0;
  for (const piece of pieces) {
    const isOpen = reader.state === 'head' || reader.state === 'body';
    surplus += isOpen ? reader.read(piece) : piece.length;
  }
  const { state, head, keepsAlive, keepAliveSeconds, kept, isKeptWhole } = reader;
  return {
    state,
    status: head?.status,
    fields: head?.fields,
    keepsAlive,
    keepAliveSeconds,
    isKeptWhole,
    body: Buffer.concat(kept).toString('latin1'),
    // Of what is refused nobody asks where it ended.
    surplus: state === 'complete' ? surplus : 0,
  };
}
