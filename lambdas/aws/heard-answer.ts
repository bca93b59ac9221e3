/** Of an answer so much is kept as it came. A longer one is read on by Node alone, and ends its connection. */
export const maxHeardBytes = 64 * 1024;
/** For everything before the status that counts: interim answers, blank lines. */
const maxBytesBeforeStatus = 16 * 1024;

const statusLine = /^(?:\r?\n)*HTTP\/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t\r\n]|$)/;
const endOfHead = /\r?\n\r?\n/;
const regularHead =
  /^HTTP\/1\.1 [2-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/;
const framingField = /^(content-length|transfer-encoding):(.*)$/gim;

/**
 * What a receiver answered, as it came. Node's parser reads the same bytes, but gives nothing of an answer in which it
 * meets a fault; and where it overlooks a fault, it does not say so. Here a status counts whatever follows it, and an answer
 * without any fault can be told from others: only after such a one may a connection be used again.
 */
export class HeardAnswer {
  /** Latin-1: one character for each byte. Begins with the answer that counts, or with an interim one. */
  #text = '';
  #bytesBeforeStatus = 0;
  #status: number | undefined;

  hear(bytes: Buffer): void {
    if (this.#text.length < maxHeardBytes) this.#text += bytes.toString('latin1');
    while (this.#status === undefined) {
      const status = Number(statusLine.exec(this.#text)?.[1] ?? 0);
      if (status === 0) return;
      // 101 is no interim answer: nothing of HTTP follows it.
      if (status === 101 || status < 100 || status >= 200) {
        this.#status = status;
        return;
      }
      const end = endOfHead.exec(this.#text);
      if (end === null) return;
      const length = end.index + end[0].length;
      this.#bytesBeforeStatus += length;
      this.#text = this.#text.slice(length);
    }
  }

  get hasBegun(): boolean {
    return this.#text !== '' || this.#bytesBeforeStatus > 0;
  }

  /** Of the status line after all interim answers. */
  get status(): number | undefined {
    return this.#status;
  }

  get isTooLongWithoutStatus(): boolean {
    return this.#status === undefined && this.#bytesBeforeStatus + this.#text.length > maxBytesBeforeStatus;
  }

  /** Names and values in turn, as far as they can be read. */
  get fields(): string[] {
    const [head = '', ...rest] = this.#text.trimStart().split(endOfHead);
    const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
    // The last line of a head that does not end may be half a line.
    const whole = rest.length > 0 ? lines : lines.slice(0, -1);
    return whole.slice(1).flatMap((line) => /^([^\s:]+)[ \t]*:(.*)$/.exec(line)?.slice(1) ?? []);
  }

  /** What follows the head. */
  get body(): Buffer {
    const end = endOfHead.exec(this.#text.trimStart());
    return Buffer.from(end === null ? '' : this.#text.trimStart().slice(end.index + end[0].length), 'latin1');
  }

  /** Whether it is one answer to the letter of HTTP/1.1, and nothing more. */
  get isRegular(): boolean {
    const head = regularHead.exec(this.#text);
    if (head === null) return false;
    const [, fields = ''] = head;
    const body = this.#text.slice(head[0].length);
    if (this.#status === 204 || this.#status === 304) return body === '';
    const [framing, ...others] = fields.matchAll(framingField);
    if (framing === undefined || others.length > 0) return false;
    const [, name = '', value = ''] = framing;
    if (name.toLowerCase() === 'content-length') return value.trim() === String(body.length);
    return value.trim().toLowerCase() === 'chunked' && isChunked(body);
  }
}

/** Whether it is chunks, the last one included, without extensions and trailers. */
function isChunked(body: string): boolean {
  const chunkHead = /([0-9a-f]{1,6})\r\n/iy;
  for (;;) {
    const head = chunkHead.exec(body);
    if (head === null) return false;
    const length = Number.parseInt(head[1] ?? '', 16);
    const end = chunkHead.lastIndex + length;
    if (body.slice(end, end + 2) !== '\r\n') return false;
    if (length === 0) return body.length === end + 2;
    chunkHead.lastIndex = end + 2;
  }
}
