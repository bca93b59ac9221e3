import { once } from 'node:events';
import { Agent, createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Subscribers that answer at once unless told otherwise, one for each path, in this process: one clock for sending and receiving. */
export interface Subscribers {
  url(subscriber: number): string;
  /** Told of each delivery as it comes. Set it before anything is sent. */
  onDelivery: (subscriber: number, body: Record<string, unknown>, webhookId: string) => void;
  /** Who leaves its requests without an answer. */
  hangs: (subscriber: number) => boolean;
  /** Answers what was left. */
  answerAll(): void;
  stop(): void;
}

export async function startSubscribers(): Promise<Subscribers> {
  const kept = new Set<ServerResponse>();
  const server: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const subscriber = Number(incoming.url?.slice(1));
      if (subscribers.hangs(subscriber)) kept.add(response);
      else response.writeHead(204).end();
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      subscribers.onDelivery(subscriber, body, String(incoming.headers['webhook-id']));
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const subscribers: Subscribers = {
    url: (subscriber) => `http://127.0.0.1:${port}/${subscriber}`,
    onDelivery: () => {},
    hangs: () => false,
    answerAll() {
      for (const response of kept) response.writeHead(204).end();
      kept.clear();
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return subscribers;
}

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 });

/** Posts an event as Drift does, over kept connections, and resolves to the status. */
export function postEvent(
  { api, driftToken }: { readonly api: string; readonly driftToken: string },
  { id, type, conversationId }: { readonly id: number; readonly type: string; readonly conversationId: number },
): Promise<number> {
  const author = { type: 'contact', id: 1 };
  const data = { id, conversationId, body: 'x', type: 'chat', author, createdAt: Date.now() };
  const text = JSON.stringify({ orgId: 1, type, token: driftToken, data });
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const call = request(`${api}/drift/events`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end(text);
  });
}

/**
 * Calls `send` so many times a second, whether or not what was sent before is done: when a system slows down, its
 * callers do not. Hands in the time that each was due, from which latency is to be counted.
 */
export async function openLoop(
  { perSecond, count }: { readonly perSecond: number; readonly count: number },
  send: (index: number, dueAt: number) => void,
): Promise<void> {
  const startedAt = performance.now();
  for (let index = 0; index < count; ) {
    const now = performance.now();
    for (; index < count; index++) {
      const dueAt = startedAt + (index * 1000) / perSecond;
      if (dueAt > now) break;
      send(index, dueAt);
    }
    await sleep(1);
  }
}

export async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
