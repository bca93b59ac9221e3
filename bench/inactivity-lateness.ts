import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { startLocalStack } from '../local/local-stack.ts';
import { distributionTable } from './distribution.ts';

/**
 * How late is `conversation_inactive`? Real time, the real schedule, the whole local run: conversations end staggered
 * over half a minute, and the time from each due second to its event on the bus, and at the subscriber, is taken.
 *
 *   node bench/inactivity-lateness.ts [--conversations 1000] [--quiet-period 5]
 */
const { values } = parseArgs({
  options: { conversations: { type: 'string', default: '1000' }, 'quiet-period': { type: 'string', default: '5' } },
});
const conversations = Number(values.conversations);
const quietPeriodSeconds = Number(values['quiet-period']);
const staggerMs = 30_000;

const dueAt = new Map<number, number>();
const publishedLatenessMs: number[] = [];
const receivedLatenessMs: number[] = [];
const received = new Map<number, number>();

const stack = await startLocalStack({
  quietPeriodSeconds,
  driftToken: 'bench',
  onLog: ({ text }) => {
    if (!text.includes('"conversation inactive"')) return;
    publishedLatenessMs.push((JSON.parse(text) as { latenessMs: number }).latenessMs);
  },
});
const subscriber = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.writeHead(204).end();
  const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { conversationId: number } };
  received.set(data.conversationId, (received.get(data.conversationId) ?? 0) + 1);
  receivedLatenessMs.push(Date.now() - (dueAt.get(data.conversationId) ?? Number.NaN));
});
subscriber.listen(0, '127.0.0.1');
await once(subscriber, 'listening');

try {
  await subscribe(`http://127.0.0.1:${(subscriber.address() as AddressInfo).port}/`);
  const startedAt = Date.now();
  for (let id = 1; id <= conversations; id++) {
    await sleepUntil(startedAt + (staggerMs * id) / conversations);
    const createdAt = Date.now();
    dueAt.set(id, createdAt + quietPeriodSeconds * 1000);
    void post({ id, conversationId: id, createdAt });
  }
  const deadline = Date.now() + quietPeriodSeconds * 1000 + 90_000;
  while (received.size < conversations && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 100));

  const twice = [...received.values()].filter((count) => count > 1).length;
  console.log(
    `${conversations} conversations, quiet period ${quietPeriodSeconds} s, ends staggered over ${staggerMs / 1000} s`,
  );
  console.log(`inactive: ${received.size}, missing: ${conversations - received.size}, twice: ${twice}\n`);
  console.log(
    distributionTable({ 'due to published': publishedLatenessMs, 'due to received': receivedLatenessMs }, 'ms'),
  );
  process.exitCode = received.size === conversations && twice === 0 ? 0 : 1;
} finally {
  subscriber.closeAllConnections();
  subscriber.close();
  await stack.stop();
}

async function post(data: Record<string, number>): Promise<void> {
  const response = await fetch(`${stack.api}/drift/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orgId: 1, type: 'new_message', token: 'bench', data }),
  });
  if (response.status !== 202) console.error(`a post was answered ${response.status}`);
}

async function subscribe(url: string): Promise<void> {
  const created = await fetch(`${stack.api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, eventTypes: ['conversation_inactive'] }),
  });
  const { subscriptionId } = (await created.json()) as { subscriptionId: string };
  for (;;) {
    const { provisioning } = (await (await fetch(`${stack.api}/v1/subscriptions/${subscriptionId}`)).json()) as {
      provisioning: string;
    };
    if (provisioning === 'ready') return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function sleepUntil(instant: number): Promise<void> {
  const ms = instant - Date.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
