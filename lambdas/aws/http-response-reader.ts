/** The status and the headers of an answer. */
export interface ResponseHead {
  readonly status: number;
  /** In their order, as `name, value, name, value …`; the names in lower case. */
  readonly fields: readonly string[];
}

/**
 * Where a reader stands. `invalid`: what came is not HTTP/1.1, or can be read in more than one way. If that happened
 * behind the head, the head holds nevertheless.
 */
export type ReadingState = 'head' | 'body' | 'complete' | 'invalid';

/** All lines of a head together. Bounds memory. */
const maxHeadBytes = 16 * 1024;
/** `100 Continue`, `103 Early Hints`: a receiver may send a few before its answer, not a stream of them. */
const maxInterimAnswers = 16;
/** A chunk's size and extensions, or a trailer. */
const maxLineBytes = 4 * 1024;

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
const field = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)\r\n/y;
/** A chunk's size, and extensions that mean nothing to us: `;name`, `;name=value`, `;name="value"`. */
const chunkSize =
  /^([\da-fA-F]{1,13})(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;
const trailer = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/;
const notHttp = 'the answer is not HTTP/1.1';
const lineFeed = 0x0a;
const bareLineEnd = /(?<!\r)\n|\r(?!\n|$)/g;

/**
 * Reads the answer to one POST from the bytes of its connection, in whatever pieces they come (RFC 9112). Strict: a line
 * ends with CRLF, nothing is folded, and an answer whose end could be found in two ways is invalid. Interim answers are
 * passed over. It keeps the head and the first `keptBytes` of the body.
 */
export class HttpResponseReader {
  state: ReadingState = 'head';
  head: ResponseHead | undefined;
  /** Why it is invalid. */
  fault = '';
  /** The receiver said nothing against another exchange over this connection. Known with the head. */
  keepsAlive = false;
  /** For how long it wants to keep the connection while that idles, if it says so. */
  keepAliveSeconds: number | undefined;
  /** The body's first bytes; a copy. */
  readonly kept: Buffer[] = [];
  /** Of the body, its chunks' framing included. */
  bodyBytes = 0;
  /** All of the body is in `kept`. */
  isKeptWhole = true;

  #room: number;
  #interimAnswers = 0;
  /** What came of a head, or of a line of the body, that has not ended. */
  #pending = '';
  #framing: 'length' | 'until-close' | 'chunked' = 'until-close';
  /** Of a body of known length, or of a chunk. */
  #remaining = 0;
  #expects: 'size' | 'data' | 'data-end' | 'trailer' = 'size';

  constructor(keptBytes: number) {
    this.#room = keptBytes;
  }

  /** Takes what came, and says how many bytes at its end do not belong to the answer. */
  read(bytes: Buffer): number {
    let at = 0;
    while (this.state === 'head' && at < bytes.length) at = this.#readHead(bytes, at);
    if (this.state === 'body' && at < bytes.length) {
      const from = at;
      at = this.#readBody(bytes, at);
      this.bodyBytes += at - from;
    }
    return bytes.length - at;
  }

  /** The connection has ended. Some answers end with it. */
  end(): void {
    if (this.state === 'body' && this.#framing === 'until-close') this.state = 'complete';
    else if (this.state !== 'complete') this.#refuse('the connection ended before the answer did');
  }

  #refuse(fault: string): void {
    this.state = 'invalid';
    this.fault = fault;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#pending.length;
    const text = this.#pending + bytes.toString('latin1', at);
    // The end may lie across two pieces.
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if ((end === -1 ? text.length : end + 4) > maxHeadBytes) {
      this.#refuse(`the head is longer than ${maxHeadBytes / 1024} KB`);
      return bytes.length;
    }
    if (end === -1) {
      if (isNoHead(text, before)) this.#refuse(notHttp);
      this.#pending = text;
      return bytes.length;
    }
    this.#pending = '';
    this.#takeHead(text.slice(0, end + 4));
    return at + end + 4 - before;
  }

  #takeHead(text: string): void {
    const parsed = parseHead(text);
    if (typeof parsed === 'string') {
      this.#refuse(parsed);
      return;
    }
    const { head, length, coding } = parsed;
    const { status } = head;
    if (status < 200) {
      if (status === 101) this.#refuse('the answer switches to another protocol');
      // Such an answer has no body, whatever it says. Not all readers know that.
      else if (length !== undefined || coding !== undefined) this.#refuse('an interim answer has a body');
      // Is what follows the answer, or is there none? Node's parser says the latter.
      else if (!parsed.keepsAlive) this.#refuse('an interim answer ends the connection');
      else if (++this.#interimAnswers > maxInterimAnswers) this.#refuse('too many interim answers');
      return;
    }
    this.head = head;
    this.keepsAlive = parsed.keepsAlive;
    this.keepAliveSeconds = parsed.keepAliveSeconds;
    this.state = 'body';
    if (status === 204 || status === 304 || length === 0) this.state = 'complete';
    else if (coding === 'chunked') this.#framing = 'chunked';
    // Where such a body ends cannot be said without undoing the coding. The status is all that is needed.
    else if (coding !== undefined) this.#refuse('the answer has an unknown transfer coding');
    else if (length !== undefined) {
      this.#framing = 'length';
      this.#remaining = length;
    } else this.keepsAlive = false;
  }

  #readBody(bytes: Buffer, from: number): number {
    if (this.#framing === 'until-close') {
      this.#keep(bytes, from, bytes.length);
      return bytes.length;
    }
    if (this.#framing === 'length') {
      const to = this.#readData(bytes, from);
      if (this.#remaining === 0) this.state = 'complete';
      return to;
    }
    let at = from;
    while (at < bytes.length && this.state === 'body') {
      at = this.#expects === 'data' ? this.#readData(bytes, at) : this.#readLine(bytes, at);
      if (this.#expects === 'data' && this.#remaining === 0) this.#expects = 'data-end';
    }
    return at;
  }

  #readData(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#remaining);
    this.#remaining -= to - from;
    this.#keep(bytes, from, to);
    return to;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const size = Math.min(this.#room, to - from);
    if (size < to - from) this.isKeptWhole = false;
    if (size === 0) return;
    // A copy: the connection reads into the same memory again.
    this.kept.push(Buffer.from(bytes.subarray(from, from + size)));
    this.#room -= size;
  }

  #readLine(bytes: Buffer, from: number): number {
    const feed = bytes.indexOf(lineFeed, from);
    const to = feed === -1 ? bytes.length : feed + 1;
    this.#pending += bytes.toString('latin1', from, to);
    if (this.#pending.length > maxLineBytes) this.#refuse('the answer has an overlong line');
    else if (feed !== -1) {
      const line = this.#pending;
      this.#pending = '';
      const fault = line.endsWith('\r\n') ? this.#takeLine(line.slice(0, -2)) : 'the answer has a line without its CR';
      if (fault !== undefined) this.#refuse(fault);
    }
    return to;
  }

  /** Takes a line of a chunked body, without its end. Says what is wrong with it. */
  #takeLine(line: string): string | undefined {
    switch (this.#expects) {
      case 'size': {
        const digits = chunkSize.exec(line)?.[1];
        if (digits === undefined) return 'the answer has a malformed chunk';
        this.#remaining = Number.parseInt(digits, 16);
        this.#expects = this.#remaining === 0 ? 'trailer' : 'data';
        return undefined;
      }
      case 'data-end':
        this.#expects = 'size';
        return line === '' ? undefined : 'the answer has a malformed chunk';
      default:
        if (line === '') this.state = 'complete';
        return line === '' || trailer.test(line) ? undefined : 'the answer has a malformed trailer';
    }
  }
}

interface ParsedHead {
  readonly head: ResponseHead;
  readonly keepsAlive: boolean;
  readonly keepAliveSeconds: number | undefined;
  readonly length: number | undefined;
  /** `Transfer-Encoding`, in lower case. */
  readonly coding: string | undefined;
}

/** Reads a head as far as its empty line, or says what is wrong with it. */
function parseHead(text: string): ParsedHead | string {
  const [line, minorVersion, status] = statusLine.exec(text) ?? [];
  if (line === undefined) return notHttp;
  const fields: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let keepAliveSeconds: number | undefined;
  let keepsAlive = minorVersion === '1';
  field.lastIndex = line.length;
  while (field.lastIndex < text.length - 2) {
    const match = field.exec(text);
    if (match === null) return 'the answer has a malformed header';
    const name = (match[1] as string).toLowerCase();
    const value = (match[2] as string).trimEnd();
    fields.push(name, value);
    switch (name) {
      case 'content-length':
        if (length !== undefined) return 'the answer has several lengths';
        if (!/^\d{1,15}$/.test(value)) return 'the length of the answer is no number';
        length = value;
        break;
      case 'transfer-encoding':
        if (value === '') return 'the answer has an empty transfer coding';
        // Not every reader takes a tab there for the end of the coding.
        if ((match[2] as string).includes('\t')) return 'the answer has a tab in its transfer coding';
        coding = coding === undefined ? value.toLowerCase() : `${coding}, ${value.toLowerCase()}`;
        break;
      case 'connection':
        if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) keepsAlive = false;
        break;
      case 'keep-alive': {
        const seconds = /(?:^|,)[\t ]*timeout=(\d{1,9})/i.exec(value)?.[1];
        if (seconds !== undefined) keepAliveSeconds = Number(seconds);
        break;
      }
    }
  }
  if (length !== undefined && coding !== undefined) return 'the answer has a length and a transfer coding';
  return {
    head: { status: Number(status), fields },
    keepsAlive,
    keepAliveSeconds,
    length: length === undefined ? undefined : Number(length),
    coding,
  };
}

/** Of the beginning of a head: another protocol's greeting, or lines that end otherwise, need not be waited for. */
function isNoHead(text: string, checked: number): boolean {
  bareLineEnd.lastIndex = Math.max(0, checked - 1);
  if (bareLineEnd.test(text) || !'HTTP/1.'.startsWith(text.slice(0, 7))) return true;
  return text.includes('\r\n') && !statusLine.test(text);
}
