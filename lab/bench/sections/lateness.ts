import { startLocalStack } from '../../../local/local-stack.ts';
import { quantile } from '../distribution.ts';
import { postJson, startSubscribers } from '../open-loop.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const quietPeriodSeconds = 5;
const staggerMs = 30_000;
const limitMs = 1_500;
const driftToken = 'bench';

/**
 * How late is `conversation_inactive`? Real time, the real schedule, the whole local run: conversations end staggered
 * over half a minute, and the time from each due second to its event on the bus, and at the subscriber, is taken.
 */
export async function measureLateness({ quick }: SectionOptions): Promise<SectionReport> {
  const conversations = quick ? 100 : 1000;
  const dueAt = new Map<number, number>();
  const publishedMs: number[] = [];
  const receivedMs: number[] = [];
  const received = new Map<number, number>();

  const subscribers = await startSubscribers();
  const stack = await startLocalStack({
    quietPeriodSeconds,
    driftToken,
    onLog({ text }) {
      if (!text.includes('"conversation inactive"')) return;
      publishedMs.push((JSON.parse(text) as { latenessMs: number }).latenessMs);
    },
  });
  subscribers.onDelivery = (_subscriber, { data }) => {
    const { conversationId } = data as { conversationId: number };
    received.set(conversationId, (received.get(conversationId) ?? 0) + 1);
    receivedMs.push(Date.now() - (dueAt.get(conversationId) ?? Number.NaN));
  };
  try {
    await subscribe(stack.api, subscribers.url(0));
    const startedAt = Date.now();
    for (let id = 1; id <= conversations; id++) {
      await sleep(startedAt + (staggerMs * id) / conversations - Date.now());
      const createdAt = Date.now();
      dueAt.set(id, createdAt + quietPeriodSeconds * 1000);
      const data = { id, conversationId: id, createdAt };
      void postJson(
        `${stack.api}/drift/events`,
        JSON.stringify({ orgId: 1, type: 'new_message', token: driftToken, data }),
      );
    }
    const deadline = Date.now() + quietPeriodSeconds * 1000 + 90_000;
    while (received.size < conversations && Date.now() < deadline) await sleep(100);
  } finally {
    subscribers.stop();
    await stack.stop();
  }

  const doubled = [...received.values()].filter((count) => count > 1).length;
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    String(values.length),
    ...[0.5, 0.95, 0.99, 1].map((share) => quantile(values, share).toFixed(0)),
  ];
  return {
    title: 'Lateness of `conversation_inactive`',
    method: `${conversations} conversations on the local run whose quiet period of ${quietPeriodSeconds} s ends staggered over ${staggerMs / 1000} s, in real time, with the real schedule and queue delays. SQS delays by whole seconds, rounded up so that no timer fires early: half a second on average is that rounding.`,
    tables: [
      {
        head: ['', 'n', 'p50 ms', 'p95 ms', 'p99 ms', 'longest ms'],
        rows: [row('due to published', publishedMs), row('due to received', receivedMs)],
      },
    ],
    targets: [
      atMost(
        'lateness: p99 from due to published',
        limitMs,
        quantile(publishedMs, 0.99),
        (ms) => `${ms.toFixed(0)} ms`,
      ),
      atMost('lateness: conversations missed', 0, conversations - received.size, String),
      atMost('lateness: conversations told twice', 0, doubled, String),
    ],
  };
}

async function subscribe(api: string, url: string): Promise<void> {
  const created = await fetch(`${api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, eventTypes: ['conversation_inactive'] }),
  });
  const { subscriptionId } = (await created.json()) as { subscriptionId: string };
  for (;;) {
    const shown = await fetch(`${api}/v1/subscriptions/${subscriptionId}`);
    const { provisioning } = (await shown.json()) as { provisioning: string };
    if (provisioning === 'ready') return;
    await sleep(100);
  }
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
