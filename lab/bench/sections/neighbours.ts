import { quantile } from '../distribution.ts';
import { times } from '../figures.ts';
import { type LocalRun, startLocalRun } from '../local-run.ts';
import { openLoop, postEvent, type Subscribers, sleep, startSubscribers } from '../open-loop.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const healthy = 9;
const noisy = healthy;
const limit = 1.2;
/** The noisy one asks for one of the two types only; the nine ask for both. */
const types = { without: 'new_message', with: 'button_clicked' } as const;
type Half = keyof typeof types;

/**
 * Does a subscriber that hangs on every request slow its neighbours? Nine healthy subscribers get every event; a tenth
 * gets those of every second block only, and hangs on each. The blocks alternate, so that whatever else the machine does
 * hits both alike.
 */
export async function measureNeighbours({ quick }: SectionOptions): Promise<SectionReport> {
  const load = { perSecond: 10, events: quick ? 30 : 60, blocks: quick ? 4 : 12 };
  const run = await startLocalRun();
  const subscribers = await startSubscribers();
  const p95sMs: Record<Half, number[]> = { without: [], with: [] };
  const allMs: Record<Half, number[]> = { without: [], with: [] };
  let missing = 0;
  try {
    for (let subscriber = 0; subscriber < healthy; subscriber++) {
      await run.subscribe(subscribers.url(subscriber), Object.values(types));
    }
    await run.subscribe(subscribers.url(noisy), [types.with]);
    // Hanging, too: each of its workers has started before anything is measured.
    await block('without', 200, 20, run, subscribers);
    await block('with', 100, 10, run, subscribers);
    for (let index = 0; index < load.blocks; index++) {
      const half: Half = index % 2 === 0 ? 'without' : 'with';
      const latenciesMs = await block(half, load.events, load.perSecond, run, subscribers);
      missing += healthy * load.events - latenciesMs.length;
      p95sMs[half].push(quantile(latenciesMs, 0.95));
      allMs[half].push(...latenciesMs);
    }
  } finally {
    subscribers.stop();
    await run.stop();
  }

  const row = (name: string, half: Half): string[] => [
    name,
    String(allMs[half].length),
    ...[0.5, 0.95, 0.99, 1].map((share) => quantile(allMs[half], share).toFixed(0)),
    p95sMs[half].map((ms) => ms.toFixed(0)).join(', '),
  ];
  // The median of the blocks, so that one in which the machine had other work to do does not decide.
  const change = quantile(p95sMs.with, 0.5) / quantile(p95sMs.without, 0.5);
  return {
    title: 'Neighbours of a subscriber that hangs',
    method: `${healthy} healthy subscribers on the local run, ${load.blocks} blocks of ${load.events} events, ${load.perSecond} a second. In every second block a tenth subscriber gets the events as well and answers none of them. The time from the post to each of the ${healthy}.`,
    tables: [
      {
        head: ['', 'deliveries', 'p50 ms', 'p95 ms', 'p99 ms', 'longest ms', 'p95 of each block'],
        textColumns: [6],
        rows: [row('without it', 'without'), row('beside it', 'with')],
      },
    ],
    targets: [
      atMost('neighbours: p95 beside one that hangs, against without', limit, change, times),
      atMost('neighbours: deliveries missing', 0, missing, String),
    ],
  };
}

let lastId = 0;

async function block(
  half: Half,
  events: number,
  perSecond: number,
  run: LocalRun,
  subscribers: Subscribers,
): Promise<number[]> {
  const firstId = lastId + 1;
  lastId += events;
  const postedAt = new Float64Array(events);
  const latenciesMs: number[] = [];
  subscribers.hangs = (subscriber) => subscriber === noisy && half === 'with';
  subscribers.onDelivery = (subscriber, { data }) => {
    const index = (data as { id: number }).id - firstId;
    if (subscriber === noisy || index < 0) return;
    latenciesMs.push(performance.now() - (postedAt[index] ?? Number.NaN));
  };
  await openLoop({ perSecond, count: events }, (index, dueAt) => {
    postedAt[index] = dueAt;
    const id = firstId + index;
    postEvent(run, { id, type: types[half], conversationId: id }).catch(() => {});
  });
  const deadline = performance.now() + 30_000;
  while (latenciesMs.length < healthy * events && performance.now() < deadline) await sleep(50);
  // Ends what the tenth keeps waiting, so that a block without it is without it.
  subscribers.hangs = () => false;
  subscribers.answerAll();
  await sleep(2000);
  return latenciesMs;
}
