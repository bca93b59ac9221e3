import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { startLocalStack } from '../local/local-stack.ts';
import { distributionTable, quantile } from './distribution.ts';

/**
 * Does a subscriber that hangs on every request slow its neighbours? Real time, the whole local run. Nine healthy
 * subscribers get every event; a tenth gets those of every second block only, and hangs on each. The blocks alternate,
 * so that whatever else the machine does hits both alike. The time from the post to each of the nine is taken.
 *
 *   node bench/noisy-neighbour.ts [--blocks 12] [--events 60] [--per-second 10]
 */
const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '12' },
    events: { type: 'string', default: '60' },
    'per-second': { type: 'string', default: '10' },
  },
});
const blocks = Number(values.blocks);
const events = Number(values.events);
const everyMs = 1000 / Number(values['per-second']);
const halves = { 'without it': 'new_message', 'with it': 'button_clicked' } as const;
type Half = keyof typeof halves;

const postedAt = new Map<number, number>();
const latenciesMs: Record<Half | 'warming up', number[]> = { 'warming up': [], 'without it': [], 'with it': [] };
let phase: keyof typeof latenciesMs = 'warming up';
let hung = 0;
let hangs = false;
/** Ends what the tenth keeps waiting, so that a block without it is without it. */
const kept = new Set<ServerResponse>();

const stack = await startLocalStack({ driftToken: 'bench' });
const servers: Server[] = [];
try {
  for (let index = 0; index < 9; index++) {
    const url = await listen((id) => {
      latenciesMs[phase].push(Date.now() - (postedAt.get(id) ?? Number.NaN));
      return true;
    });
    await subscribe(url, Object.values(halves));
  }
  const noisy = await listen(() => {
    if (hangs) hung++;
    return !hangs;
  });
  await subscribe(noisy, [halves['with it']]);

  let id = 0;
  await run('warming up', halves['without it'], 200);
  // Hanging, too: each of its workers has started before anything is measured.
  hangs = true;
  await run('warming up', halves['with it'], 100);
  await endBlock();
  const p95sMs: Record<Half, number[]> = { 'without it': [], 'with it': [] };
  for (let block = 0; block < blocks; block++) {
    const half: Half = block % 2 === 0 ? 'without it' : 'with it';
    hangs = half === 'with it';
    const before = latenciesMs[half].length;
    await run(half, halves[half], events);
    p95sMs[half].push(quantile(latenciesMs[half].slice(before), 0.95));
    await endBlock();
  }
  const each = (blocks / 2) * events;

  const { 'without it': without, 'with it': withIt } = latenciesMs;
  console.log(
    `nine healthy subscribers, ${blocks} blocks of ${events} events, ${values['per-second']} a second; the tenth hung on ${hung} requests\n`,
  );
  console.log(distributionTable({ 'without it': without, 'with it': withIt }, 'ms'));
  for (const [half, p95s] of Object.entries(p95sMs)) console.log(`p95 of each block ${half}: ${p95s.join(', ')} ms`);
  // The median of the blocks, so that one in which the machine had other work to do does not decide.
  const change = (quantile(p95sMs['with it'], 0.5) / quantile(p95sMs['without it'], 0.5) - 1) * 100;
  console.log(
    `\np95 of the nine, median of the blocks: ${change >= 0 ? '+' : ''}${change.toFixed(1)} % beside the one that hangs (at most +20 %)`,
  );
  const isComplete = without.length === 9 * each && withIt.length === 9 * each;
  if (!isComplete) console.log(`missing or repeated deliveries: ${without.length} and ${withIt.length} of ${9 * each}`);
  process.exitCode = change <= 20 && isComplete && hung > 0 ? 0 : 1;

  async function endBlock(): Promise<void> {
    hangs = false;
    for (const response of kept) response.writeHead(204).end();
    kept.clear();
    await sleep(2000);
  }

  async function run(into: typeof phase, type: string, count: number): Promise<void> {
    phase = into;
    const expected = latenciesMs[into].length + 9 * count;
    const startedAt = Date.now();
    for (let index = 0; index < count; index++) {
      await sleep(startedAt + index * everyMs - Date.now());
      void post(++id, type);
    }
    const deadline = Date.now() + 30_000;
    while (latenciesMs[into].length < expected && Date.now() < deadline) await sleep(50);
  }
} finally {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await stack.stop();
}

/** A subscriber that answers where `take` says so. Returns its url. */
async function listen(take: (id: number) => boolean): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { id: number } };
    if (take(data.id)) response.writeHead(204).end();
    else kept.add(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function post(id: number, type: string): Promise<void> {
  postedAt.set(id, Date.now());
  const data = {
    id,
    conversationId: id,
    body: 'x',
    type: 'chat',
    author: { type: 'contact', id: 1 },
    createdAt: Date.now(),
  };
  const response = await fetch(`${stack.api}/drift/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orgId: 1, type, token: 'bench', data }),
  });
  if (response.status !== 202) console.error(`a post was answered ${response.status}`);
}

async function subscribe(url: string, eventTypes: readonly string[]): Promise<void> {
  const created = await fetch(`${stack.api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, eventTypes }),
  });
  const { subscriptionId } = (await created.json()) as { subscriptionId: string };
  for (;;) {
    const shown = await fetch(`${stack.api}/v1/subscriptions/${subscriptionId}`);
    const { provisioning } = (await shown.json()) as { provisioning: string };
    if (provisioning === 'ready') return;
    await sleep(100);
  }
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
