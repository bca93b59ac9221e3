import { type Case, defaultCase } from '../case.ts';
import { usageOfDelivery } from '../model/delivery-usage.ts';
import { usageOfFailures } from '../model/failure-usage.ts';
import { usageOfRecord } from '../model/history-usage.ts';
import { usageOfPost } from '../model/post-usage.ts';
import { usageOfTimer } from '../model/timer-usage.ts';
import { accessLogBytes, answerHeadBytes, bytesPerLogLine, transportBytes } from '../stated.ts';
import type { Units } from '../units.ts';
import { addUsage, type Part, type Quantities, sumOf, usageTimes } from '../usage.ts';
import { type Counted, queueRequests } from './counts.ts';
import { type Audience, deliverBatch, deliverOne, warmUp } from './deliver.ts';
import { pause, type Stage, startStage, subscribersQueue } from './stage.ts';

/** A load at the edge of what the model is for, played on the local run and computed. */
export interface Corner {
  readonly what: string;
  readonly rows: readonly CornerRow[];
}

export interface CornerRow {
  readonly what: string;
  readonly counted: number;
  readonly computed: number;
}

interface Play {
  readonly what: string;
  readonly audience: Audience;
  readonly eventBytes: number;
  readonly answerBytes: number;
  readonly pace: 'one by one' | 'full batch';
  /** Each first attempt, of a full batch. */
  readonly fails?: boolean;
  readonly posts: number;
}

const one: Audience = { orgId: 1, fanOut: 1 };
const ten: Audience = { orgId: 2, fanOut: 10 };
/** Nobody gets its events, and its timers fire. */
const quietOrgId = 3;
const quietPeriodSeconds = 3;

const plays: readonly Play[] = [
  {
    what: 'fan-out 1, 400 B, one by one, empty answers',
    audience: one,
    eventBytes: 400,
    answerBytes: 0,
    pace: 'one by one',
    posts: 4,
  },
  {
    what: 'fan-out 10, 10 KB, full batches, empty answers',
    audience: ten,
    eventBytes: 10_000,
    answerBytes: 0,
    pace: 'full batch',
    posts: 10,
  },
  {
    what: 'fan-out 10, 400 B, one by one, answers of 1.5 KB',
    audience: ten,
    eventBytes: 400,
    answerBytes: 1500,
    pace: 'one by one',
    posts: 3,
  },
  {
    what: 'fan-out 1, 10 KB, by two, each first attempt fails, answers of 1.5 KB',
    audience: one,
    eventBytes: 10_000,
    answerBytes: 1500,
    pace: 'full batch',
    fails: true,
    posts: 2,
  },
];

/** Plays the corners, and a timer; about half a minute. */
export async function playCorners(units: Units): Promise<Corner[]> {
  const stage = await startStage(quietPeriodSeconds);
  try {
    for (const { orgId, fanOut } of [one, ten]) await stage.subscribe(orgId, fanOut);
    await stage.count(async () => {
      for (const audience of [one, ten]) await warmUp(stage, audience);
    });
    const corners: Corner[] = [];
    for (const play of plays) corners.push(await playCorner(stage, play, units));
    return [...corners, await playTimer(stage, units)];
  } finally {
    await stage.stop();
  }
}

async function playCorner(stage: Stage, play: Play, units: Units): Promise<Corner> {
  const { what, audience, eventBytes, answerBytes, pace, fails, posts } = play;
  stage.receiver.answer({ bytes: answerBytes, ...(fails && { failFirst: true }) });
  const sentBefore = stage.receiver.sentBytes;
  const counted = await stage.count(async () => {
    if (pace === 'full batch') await deliverBatch(stage, posts, eventBytes, audience, { fails });
    else for (let post = 0; post < posts; post++) await deliverOne(stage, eventBytes, audience);
  });
  const sentBytes = stage.receiver.sentBytes - sentBefore;
  const answered = posts * (units.post.answerBytes + answerHeadBytes);

  const invoked = (name: RegExp): number => counted.sum('AWS/Lambda Invocations', name);
  const deliveries = posts * audience.fanOut;
  const attempts = fails ? 2 * deliveries : deliveries;
  const filling = {
    deliveries: attempts / invoked(subscribersQueue),
    concurrency: 1,
    isRaised: false,
    activity: posts / invoked(/TrackActivity/),
    history: posts / invoked(/RecordEvents/),
    timers: 1,
    perReceive: {
      deliveries: attempts / counted.sum('AWS/SQS receives', subscribersQueue),
      activity: posts / counted.sum('AWS/SQS receives', /Activity/),
      history: posts / counted.sum('AWS/SQS receives', /History/),
    },
  };
  const load: Case = {
    ...defaultCase(units),
    fanOut: audience.fanOut,
    subscribers: audience.fanOut,
    eventBytes: counted.calls(/^bus bytes/) / posts,
    answerBytes,
  };
  const failures = fails ? { events: 1, attempts: 1 } : { events: 0, attempts: 0 };
  const usage = addUsage(
    usageTimes(usageOfPost(load, filling, units), posts),
    usageTimes(usageOfRecord(load.eventBytes, load, filling, units), posts),
    usageTimes(usageOfDelivery(load, filling, units), deliveries),
    usageTimes(new Map([['failed attempts', usageOfFailures(load, failures, filling, units)]] as const), deliveries),
  );
  const computed = (...of: Part[]): Quantities => sumOf(...of.map((part) => usage.get(part) ?? {}));
  return {
    what,
    rows: [
      row('API: requests', counted.sum('AWS/ApiGateway Count', /./), computed('API').apiRequest),
      row('ingest: invocations', invoked(/Ingest/), computed('ingest').lambdaRequest),
      row('bus: events', counted.calls(/^bus chunks/), computed('bus').busEvent),
      ...rowsOf(
        'activity',
        counted,
        { queue: /Activity/, table: /Conversations|Settings/, fn: /TrackActivity/ },
        computed('activity'),
      ),
      ...rowsOf(
        'event history',
        counted,
        { queue: /History/, table: /TablesEvents/, fn: /RecordEvents/ },
        computed('event history'),
      ),
      ...rowsOf(
        'deliveries',
        counted,
        { queue: subscribersQueue, table: /Deliveries|Subscriptions/, fn: subscribersQueue },
        computed('subscribers’ queues', 'delivery functions', 'ledger: reads and writes', 'failed attempts'),
      ),
      row(
        'logs: bytes',
        loggedBytes(counted, posts),
        sumOf(computed('logs'), { logGigabyte: computed('failed attempts').logGigabyte ?? 0 }).logGigabyte,
      ),
      row(
        'sent to the internet: bytes',
        sentBytes + attempts * transportBytes + answered,
        sumOf(computed('sent to the internet'), { internetGigabyte: computed('failed attempts').internetGigabyte ?? 0 })
          .internetGigabyte,
      ),
    ],
  };
}

async function playTimer(stage: Stage, units: Units): Promise<Corner> {
  const counted = await stage.count(async () => {
    await stage.post({ orgId: quietOrgId, conversationId: 1, eventBytes: 400 });
    await pause((quietPeriodSeconds + 1) * 1000);
  });
  const load: Case = { ...defaultCase(units), messagesPerConversation: 1 };
  const once = { deliveries: 1, activity: 1, history: 1 };
  const filling = { ...once, timers: 1, concurrency: 1, isRaised: false, perReceive: once };
  const usage = addUsage(usageOfPost(load, filling, units), usageOfTimer(load, filling, units));
  const of = (part: Part): Quantities => usage.get(part) ?? {};
  return {
    what: 'a conversation of one message goes quiet',
    rows: [
      row('bus: events', counted.calls(/^bus chunks/), (of('bus').busEvent ?? 0) + (of('timers').busEvent ?? 0)),
      ...rowsOf(
        'activity and timers',
        counted,
        { queue: /Activity|Timers/, table: /Conversations|Settings/, fn: /TrackActivity|Emit/ },
        sumOf(of('activity'), of('timers')),
      ),
      row('logs: bytes', loggedBytes(counted, 1, /Ingest|Emit|TrackActivity/), of('logs').logGigabyte),
    ],
  };
}

interface Names {
  readonly queue: RegExp;
  readonly table: RegExp;
  readonly fn: RegExp;
}

function rowsOf(what: string, counted: Counted, { queue, table, fn }: Names, computed: Quantities): CornerRow[] {
  return [
    row(`${what}: invocations`, counted.sum('AWS/Lambda Invocations', fn), computed.lambdaRequest),
    row(`${what}: queue requests`, queueRequests(counted, queue, fn), computed.queueRequest),
    row(`${what}: write units`, counted.sum('AWS/DynamoDB ConsumedWriteCapacityUnits', table), computed.tableWriteUnit),
    row(`${what}: read units`, counted.sum('AWS/DynamoDB ConsumedReadCapacityUnits', table), computed.tableReadUnit),
  ];
}

function loggedBytes({ sum }: Counted, posts: number, group = /./): number {
  const lines = sum('AWS/Logs IncomingLogEvents', group);
  return sum('AWS/Logs IncomingBytes', group) + lines * bytesPerLogLine + posts * accessLogBytes;
}

function row(what: string, counted: number, computed = 0): CornerRow {
  return { what, counted, computed };
}
