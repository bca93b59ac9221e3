import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Receiver {
  /** Requests that were answered as they were to be; and those that were failed at first. */
  readonly received: number;
  readonly failed: number;
  /** Heads and bodies of the requests. */
  readonly sentBytes: number;
  /** What it answers from now on. */
  answer(next: { readonly bytes: number; readonly status?: number; readonly failFirst?: boolean }): void;
  /** Asked again with each request. */
  until(isSo: () => boolean): Promise<void>;
}

/** One server for all subscribers, which counts what it gets. */
export async function startReceiver() {
  let received = 0;
  let failed = 0;
  let sentBytes = 0;
  let answer: { bytes: number; status?: number; failFirst?: boolean } = { bytes: 0 };
  const seen = new Set<string>();
  const requests = new EventEmitter();
  const server = createServer((request, response) => {
    sentBytes += headBytes(request.rawHeaders);
    request.on('data', (chunk: Buffer) => {
      sentBytes += chunk.length;
    });
    request.on('end', () => {
      // The path tells the subscriber.
      const delivery = `${request.url} ${request.headers['webhook-id']}`;
      const fails = answer.failFirst === true && !seen.has(delivery);
      seen.add(delivery);
      if (fails) failed++;
      else received++;
      response.writeHead(fails ? 500 : (answer.status ?? 200), { 'content-type': 'text/html' });
      response.end('x'.repeat(answer.bytes));
      requests.emit('answered');
    });
  });
  // A connection that closes just as a request comes would be an attempt more.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get received() {
      return received;
    },
    get failed() {
      return failed;
    },
    get sentBytes() {
      return sentBytes;
    },
    answer(next: typeof answer): void {
      answer = next;
    },
    async until(isSo: () => boolean): Promise<void> {
      while (!isSo()) await once(requests, 'answered');
    },
    stop(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

function headBytes(rawHeaders: readonly string[]): number {
  // Each header has a colon, a blank and a line's end; then the request's first line and the empty one.
  return rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0) + 40;
}
