import type { SQSEvent } from 'aws-lambda';
import { createSweepInactivityHandler } from '../../../lambdas/inactivity/sweep/handler.ts';
import { createTrackActivityHandler } from '../../../lambdas/inactivity/track/handler.ts';
import { powertoolsLog } from '../../../lambdas/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../../lambdas/telemetry/powertools-metrics.ts';
import { anSqsEvent, anSqsRecord } from '../../support/sqs-events.ts';
import { thousands, times, withSpread } from '../figures.ts';
import { IndexedConversations } from '../indexed-conversations.ts';
import { type Arm, comparePairs, type PairedComparison, ratioOf, spreadOf } from '../paired-comparison.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const quietSeconds = 24 * 3600;
const firstActivityAt = noon - quietSeconds * 1000;
/** Due in the minute of the sweep, however many are armed: what falls due depends on the traffic, not on them. */
const dueInSweep = 500;
const recordsPerBatch = 10;
const sweepsPerRun = 200;
const batchesPerRun = 300;
const limit = 1.3;

interface Population {
  readonly armed: number;
  readonly store: IndexedConversations;
}

/** What a sweep and a message cost as the number of armed timers grows. */
export async function measureTimers({ quick }: SectionOptions): Promise<SectionReport> {
  process.env.POWERTOOLS_SERVICE_NAME = 'fanout-bench';
  const rounds = quick ? { pairs: 6, warmUps: 2 } : { pairs: 25, warmUps: 6 };
  const sizes = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
  const grown = await measureGrowth(sizes.map(populationOf), rounds);

  const last = grown.at(-1);
  const row = ({ armed, sweep, message, perSweep, perMessage }: Grown): string[] => [
    thousands(armed),
    withSpread(spreadOf(sweep.pairs.map(({ first }) => first.cpuMs)), 2),
    withSpread(ratioOf(sweep)),
    withSpread(spreadOf(message.pairs.map(({ first }) => first.cpuMs * 1000)), 1),
    withSpread(ratioOf(message)),
    perSweep,
    perMessage,
  ];
  return {
    title: 'Timers',
    method: `Conversations armed with a quiet period of a day, ${dueInSweep} of them due in the minute that is swept. A sweep: the \`sweep-inactivity\` handler over all shards. A message: the \`track-activity\` handler with batches of ${recordsPerBatch} messages, each in a conversation picked at random that is armed already. Against the smallest number, in turn. The store is in memory and has the index that DynamoDB keeps. The last two columns count what DynamoDB would charge for.`,
    tables: [
      {
        head: [
          'armed',
          'a sweep, CPU ms',
          'against the first',
          'a message, CPU µs',
          'against the first',
          'a sweep reads',
          'a message reads, writes, writes to the index',
        ],
        rows: grown.map(row),
      },
    ],
    targets:
      last === undefined
        ? []
        : [
            atMost(
              `timers: a sweep with ${thousands(last.armed)} armed, against 10,000`,
              limit,
              ratioOf(last.sweep).median,
              times,
            ),
            atMost(
              `timers: a message with ${thousands(last.armed)} armed, against 10,000`,
              limit,
              ratioOf(last.message).median,
              times,
            ),
          ],
  };
}

interface Grown {
  readonly armed: number;
  readonly sweep: PairedComparison;
  readonly message: PairedComparison;
  readonly perSweep: string;
  readonly perMessage: string;
}

async function measureGrowth(
  populations: readonly Population[],
  rounds: { readonly pairs: number; readonly warmUps: number },
): Promise<Grown[]> {
  const [smallest] = populations;
  if (smallest === undefined) return [];
  const grown: Grown[] = [];
  for (const population of populations) {
    const sweep = await comparePairs(sweepArm(population), sweepArm(smallest), rounds);
    const message = await comparePairs(messageArm(population), messageArm(smallest), rounds);
    const counted = await countOperations(population);
    grown.push({ armed: population.armed, sweep, message, ...counted });
  }
  return grown;
}

async function countOperations(population: Population): Promise<{ perSweep: string; perMessage: string }> {
  const { counts } = population.store;
  const before = { ...counts };
  const sweeps = await sweepArm(population).run();
  const between = { ...counts };
  const messages = await messageArm(population).run();
  const { reads, writes, indexWrites, timersRead } = counts;
  const each = (count: number): string => (count / messages).toFixed(2);
  return {
    perSweep: `${Math.round((timersRead - before.timersRead) / sweeps)} timers`,
    perMessage: `${each(reads - between.reads)}, ${each(writes - between.writes)}, ${each(indexWrites - between.indexWrites)}`,
  };
}

function sweepArm({ store }: Population): Arm {
  let handedOver = 0;
  const handler = createSweepInactivityHandler({
    conversations: store,
    timers: {
      schedule: async (timers) => {
        handedOver += timers.length;
      },
    },
    clock: () => noon,
    metrics: powertoolsMetrics(),
    log: powertoolsLog('sweep-inactivity'),
  }) as unknown as (event: unknown, context: object) => Promise<void>;
  return {
    name: 'sweep',
    async run() {
      for (let sweep = 0; sweep < sweepsPerRun; sweep++) {
        handedOver = 0;
        await handler({}, { getRemainingTimeInMillis: () => 60_000 });
        if (handedOver !== dueInSweep) throw new Error(`the sweep handed ${handedOver} over`);
      }
      return sweepsPerRun;
    },
  };
}

function messageArm({ store, armed }: Population): Arm {
  const handler = createTrackActivityHandler({
    conversations: store,
    quietPeriods: { ofOrgs: async (orgIds) => new Map(orgIds.map((orgId) => [orgId, quietSeconds])) },
    timers: { schedule: async () => {} },
    clock: () => noon,
    metrics: powertoolsMetrics(),
    log: powertoolsLog('track-activity'),
  }) as unknown as (event: SQSEvent, context: object) => Promise<{ batchItemFailures: unknown[] }>;
  return {
    name: 'message',
    async run() {
      for (let batch = 0; batch < batchesPerRun; batch++) {
        const records = Array.from({ length: recordsPerBatch }, () => {
          // Those that are due in the sweep are left alone.
          const id = dueInSweep + Math.floor(Math.random() * (armed - dueInSweep));
          return anSqsRecord(aMessageEvent(id, nextActivityAt()));
        });
        const { batchItemFailures } = await handler(anSqsEvent(...records), {});
        if (batchItemFailures.length > 0) throw new Error('messages were kept back');
      }
      return batchesPerRun * recordsPerBatch;
    },
  };
}

let activityAt = noon - (quietSeconds * 1000) / 2;
/** Each later than any before, or it would be ignored. */
function nextActivityAt(): number {
  activityAt += 1;
  return activityAt;
}

function aMessageEvent(conversationId: number, occurredAt: number): string {
  const data = `{"id":635760549,"orgId":1,"conversationId":${conversationId},"body":"<p>Hi, do you ship to Norway?</p>","author":{"type":"contact","id":903182234,"bot":false},"type":"chat","createdAt":${occurredAt}}`;
  return `{"version":"0","id":"6a7e8feb","detail-type":"new_message","source":"drift","detail":{"id":"msg_1","orgId":1,"type":"new_message","data":${data},"occurredAt":${occurredAt}}}`;
}

/**
 * When the timer of a conversation is due: the first few with the sweep, the others over the ten hours after it. All are
 * due before a quiet period after any of the messages ends, so that these only move the time of the last activity.
 */
function dueAtOf(id: number): number {
  return id < dueInSweep ? noon + (id % 60) * 1000 : noon + 1_800_000 + (id % 37_000) * 1000;
}

function populationOf(armed: number): Population {
  const store = new IndexedConversations();
  for (let id = 0; id < armed; id++) store.put(`1#${id}`, { lastActivityAt: firstActivityAt, dueAt: dueAtOf(id) });
  return { armed, store };
}
