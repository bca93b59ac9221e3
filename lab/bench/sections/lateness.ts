import { startLocalStack } from '../../../local/local-stack.ts';
import { quantile } from '../distribution.ts';
import { subscribe } from '../local-run.ts';
import { postEvent, sleep, startSubscribers } from '../open-loop.ts';
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
    await subscribe(stack.api, subscribers.url(0), ['conversation_inactive']);
    const startedAt = Date.now();
    for (let id = 1; id <= conversations; id++) {
      await sleep(startedAt + (staggerMs * id) / conversations - Date.now());
      dueAt.set(id, Date.now() + quietPeriodSeconds * 1000);
      void postEvent({ api: stack.api, driftToken }, { id, type: 'new_message', conversationId: id });
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
      atMost('lateness: conversations published twice', 0, doubled, String),
    ],
  };
}
