import { quantile } from '../distribution.ts';
import { thousands } from '../figures.ts';
import { type LocalRun, startLocalRun } from '../local-run.ts';
import { openLoop, postEvent, type Subscribers, sleep, startSubscribers } from '../open-loop.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

/** Which of the subscribers ask for a type is the fan-out of its events. */
const fanOuts = [
  { fanOut: 1, type: 'new_message' },
  { fanOut: 10, type: 'button_clicked' },
] as const;
const subscriberCount = 10;
const limitMs = 100;
/** Longer than the first retry's delay and the HTTP API's timeout: nothing has come for so long, so what is missing is lost. */
const silenceMs = 60_000;

interface Load {
  readonly perSecond: number;
  readonly fanOut: number;
  readonly type: string;
  readonly seconds: number;
}

interface Outcome extends Load {
  readonly posted: number;
  /** Answered 202: these must reach every subscriber. */
  readonly accepted: number;
  /** Answered 503, as the HTTP API does where too many wait already: Drift knows, and may post again. */
  readonly turnedAway: number;
  /** The connection ended without an answer: more connections came than could be accepted. Drift would post again. */
  readonly unanswered: number;
  readonly latenciesMs: readonly number[];
  /** Accepted and not received, over all subscribers. */
  readonly lost: number;
  readonly doubled: number;
  /** From the first post to the last receipt. */
  readonly tookMs: number;
  /** Of the local run, per event. */
  readonly cpuMs: number;
}

/** From the post to the receipt, through all of the local run, at rates that do not wait for it. */
export async function measureEndToEnd({ quick }: SectionOptions): Promise<SectionReport> {
  const fanout = await startLocalRun();
  const subscribers = await startSubscribers();
  const outcomes: Outcome[] = [];
  try {
    for (let subscriber = 0; subscriber < (quick ? 1 : subscriberCount); subscriber++) {
      const eventTypes = fanOuts.filter(({ fanOut }) => subscriber < fanOut).map(({ type }) => type);
      await fanout.subscribe(subscribers.url(subscriber), eventTypes);
    }
    for (const load of loadsOf(quick)) {
      // Workers start, code gets hot: as in a system that has been running for a while.
      await run({ ...load, perSecond: Math.min(load.perSecond, 200), seconds: 5 }, fanout, subscribers);
      outcomes.push(await run(load, fanout, subscribers));
    }
  } finally {
    subscribers.stop();
    await fanout.stop();
  }

  const checked = outcomes.find(({ perSecond, fanOut }) => perSecond === 200 && fanOut === 1);
  const lost = outcomes.reduce((sum, outcome) => sum + outcome.lost, 0);
  const doubled = outcomes.reduce((sum, outcome) => sum + outcome.doubled, 0);
  const at = (outcome: Outcome, share: number): string => quantile(outcome.latenciesMs, share).toFixed(0);
  return {
    title: 'End to end on the local run',
    method:
      'Events posted to `npm start` by another process, so many a second whatever it does (open loop), and received by subscribers in that process. Latency counts from the instant at which a post was due to its receipt: through the HTTP API, `ingest`, the bus, the queue, `deliver` with its ledger in dynalite. Every id is reconciled at every subscriber. The whole system, the sender and the subscribers share the cores of this machine, so the highest rates show how it behaves beyond what it can carry: the HTTP API turns away what would wait for too long, the queues grow, and all that was accepted arrives, once.',
    tables: [
      {
        head: [
          'events a second',
          'fan-out',
          'posted',
          'accepted',
          'turned away',
          'no answer',
          'deliveries',
          'p50 ms',
          'p95 ms',
          'p99 ms',
          'longest ms',
          'deliveries a second',
          'CPU ms an event',
          'lost',
          'doubled',
        ],
        rows: outcomes.map((outcome) => [
          String(outcome.perSecond),
          String(outcome.fanOut),
          thousands(outcome.posted),
          thousands(outcome.accepted),
          thousands(outcome.turnedAway),
          thousands(outcome.unanswered),
          thousands(outcome.latenciesMs.length),
          at(outcome, 0.5),
          at(outcome, 0.95),
          at(outcome, 0.99),
          at(outcome, 1),
          thousands((outcome.latenciesMs.length * 1000) / outcome.tookMs),
          outcome.cpuMs.toFixed(1),
          String(outcome.lost),
          String(outcome.doubled),
        ]),
      },
    ],
    targets: [
      ...(checked === undefined
        ? []
        : [
            atMost(
              'end to end: p95 at 200 a second, fan-out 1',
              limitMs,
              quantile(checked.latenciesMs, 0.95),
              (ms) => `${ms.toFixed(0)} ms`,
            ),
          ]),
      atMost('end to end: ids lost, over all rates', 0, lost, String),
      atMost('end to end: ids doubled, over all rates', 0, doubled, String),
    ],
  };
}

function loadsOf(quick: boolean): Load[] {
  if (quick) return [{ perSecond: 200, ...fanOuts[0], seconds: 5 }];
  // At a fan-out of ten the higher rates are several times what two cores carry: what came then takes minutes to drain.
  const secondsOf = (fanOut: number): number => (fanOut === 1 ? 20 : 8);
  return fanOuts.flatMap((fanOut) =>
    [50, 200, 500].map((perSecond) => ({ perSecond, ...fanOut, seconds: secondsOf(fanOut.fanOut) })),
  );
}

const accepted = 202;
const turnedAway = 503;
let lastId = 0;

async function run(load: Load, fanout: LocalRun, subscribers: Subscribers): Promise<Outcome> {
  const { perSecond, fanOut, type, seconds } = load;
  const posted = perSecond * seconds;
  const firstId = lastId + 1;
  lastId += posted;
  const dueAt = new Float64Array(posted);
  const received = Array.from({ length: fanOut }, () => new Uint8Array(posted));
  const latenciesMs: number[] = [];
  let lastReceiptAt = performance.now();
  subscribers.onDelivery = (subscriber, { data }) => {
    const index = (data as { id: number }).id - firstId;
    const counts = received[subscriber];
    // A straggler of the load before.
    if (counts === undefined || index < 0) return;
    lastReceiptAt = performance.now();
    counts[index] = (counts[index] ?? 0) + 1;
    if (counts[index] === 1) latenciesMs.push(lastReceiptAt - (dueAt[index] ?? Number.NaN));
  };

  const statuses = new Uint16Array(posted);
  let answered = 0;
  const cpuBefore = fanout.cpuMs() ?? Number.NaN;
  const startedAt = performance.now();
  await openLoop({ perSecond, count: posted }, (index, due) => {
    dueAt[index] = due;
    const id = firstId + index;
    postEvent(fanout, { id, type, conversationId: 1 + (id % 1000) })
      .then(
        (status) => {
          statuses[index] = status;
        },
        () => {},
      )
      .finally(() => {
        answered++;
      });
  });
  const missing = (): number => {
    let count = 0;
    statuses.forEach((status, index) => {
      if (status === accepted) for (const counts of received) count += counts[index] === 0 ? 1 : 0;
    });
    return count;
  };
  while ((answered < posted || missing() > 0) && performance.now() - lastReceiptAt < silenceMs) await sleep(100);
  // What would come a second time comes now.
  await sleep(1000);
  const doubled = received.reduce((sum, counts) => sum + counts.filter((count) => count > 1).length, 0);
  return {
    ...load,
    posted,
    accepted: statuses.filter((status) => status === accepted).length,
    turnedAway: statuses.filter((status) => status === turnedAway).length,
    unanswered: statuses.filter((status) => status === 0).length,
    latenciesMs,
    lost: missing(),
    doubled,
    tookMs: lastReceiptAt - startedAt,
    cpuMs: ((fanout.cpuMs() ?? Number.NaN) - cpuBefore) / posted,
  };
}
