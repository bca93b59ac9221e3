import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivery {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes as they came. */
  readonly body: string;
  readonly receivedAt: number;
}

export type Answer = (delivery: Delivery, response: ServerResponse) => void;

/** A subscriber: a real HTTP server on a free port of loopback that keeps what it gets. */
export class Subscriber {
  readonly deliveries: Delivery[] = [];
  /** How it answers; 200 unless told. */
  answer: Answer = (_delivery, response) => response.writeHead(200).end();
  private readonly server: Server;
  private readonly waiting: (() => void)[] = [];

  private constructor() {
    this.server = createServer((request, response) => void this.take(request, response));
  }

  static async start(): Promise<Subscriber> {
    const subscriber = new Subscriber();
    subscriber.server.listen(0, '127.0.0.1');
    await once(subscriber.server, 'listening');
    return subscriber;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/webhooks`;
  }

  bodies(): string[] {
    return this.deliveries.map(({ body }) => body);
  }

  typesReceived(): string[] {
    return this.bodies().map((body) => (JSON.parse(body) as { type: string }).type);
  }

  /** Resolves as soon as `found` is true of what has come in; rejects with what came in when it takes too long. */
  async until(found: (deliveries: readonly Delivery[]) => boolean, what: string, timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!found(this.deliveries)) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0)
        throw new Error(
          `waited ${timeoutMs} ms for ${what}; received: ${this.typesReceived().join(', ') || 'nothing'}`,
        );
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const delivery: Delivery = {
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      receivedAt: Date.now(),
    };
    this.deliveries.push(delivery);
    this.answer(delivery, response);
    for (const wake of this.waiting.splice(0)) wake();
  }
}
