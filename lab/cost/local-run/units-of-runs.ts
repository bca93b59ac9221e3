import { itemSizeBytes } from '../../../local/aws/wire/write-units.ts';
import { bytesPerLogLine } from '../stated.ts';
import type { Scheduled, TimerUnits, Units } from '../units.ts';
import { type Counted, queueRequests } from './counts.ts';
import type { Runs, ScheduledRun } from './runs.ts';

/** What one post, one delivery, one conversation and one look take, from what was counted of several. */
export function unitsOf(runs: Runs): Units {
  const { subscriptionId, oneByOne, fullBatch, items, metrics } = runs;
  const { counted, posts } = oneByOne;
  const single = (quantity: number): number => quantity / posts;
  const busBytes = single(counted.calls(/^bus bytes/));
  const messageBytes = single(counted.sum('AWS/SQS SentMessageSize', new RegExp(subscriptionId)));
  const logsPerDelivery = single(logBytes(counted, /DeliveryLogs/));
  const logsInFullBatch = logBytes(fullBatch.counted, /DeliveryLogs/) / fullBatch.messages;
  const logBytesPerBatch = (logsPerDelivery - logsInFullBatch) / (1 - 1 / fullBatch.messages);
  const activity = activityUnits(runs);
  const [firing, rearming] = [timerUnits(runs, runs.firing.counted, 1), timerUnits(runs, runs.rearming.counted, 2)];
  const failed = runs.failedOnce.counted;
  const holdsEvent = items.undeliveredEntry.event !== undefined;

  return rounded({
    post: {
      answerBytes: oneByOne.answerBytes,
      logBytes: single(logBytes(counted, /IngestLogs/)),
      noteWriteUnits: noteWriteUnits(runs),
      calls: single(counted.calls(/^by \S*Ingest/)),
    },
    refused: { logBytes: logBytes(runs.refused.counted, /IngestLogs/) / runs.refused.posts },
    envelopeBytes: messageBytes - busBytes,
    activity,
    timers: { firing, rearming: minus(rearming, firing) },
    history: {
      itemBytes: items.eventBytes - busBytes,
      indexBytes: items.eventIndexBytes,
      indexes: items.eventIndexes,
      logBytesPerBatch: logBytes(counted, /RecordEvents/) / invocations(counted, /RecordEvents/),
    },
    delivery: {
      requestBytes: single(oneByOne.sentBytes) - busBytes,
      itemBytes: items.deliveredBytes,
      keptAnswerBytes: items.keptAnswerBytes,
      lineBytes: logsPerDelivery - logBytesPerBatch,
      logBytesPerBatch,
      readUnitsPerMessage: single(readUnits(counted, /Deliveries/)),
      readUnitsPerBatch: single(readUnits(counted, /Subscriptions/)),
      callsPerBatch: single(counted.calls(new RegExp(`^by \\S*${subscriptionId}`))),
    },
    failure: {
      itemBytes: items.failedBytes - messageBytes,
      undeliveredBytes: itemSizeBytes(items.undeliveredEntry) - (holdsEvent ? messageBytes : 0),
      undeliveredHoldsAll: holdsEvent,
      // Its metrics are those of a batch that is delivered.
      lineBytes: logBytes(failed, /DeliveryLogs/) - logsPerDelivery - logBytesPerBatch,
      logBytesPerBatch,
      healthWriteUnits: writeUnits(failed, /Subscriptions/),
      hides: failed.calls(/^sqs ChangeMessageVisibility/),
      calls:
        failed.calls(new RegExp(`^by \\S*${subscriptionId}`)) -
        single(counted.calls(new RegExp(`^by \\S*${subscriptionId}`))),
    },
    scheduled: runs.scheduled.map(scheduledUnits),
    metrics: {
      atRest: metrics.atRest,
      withSubscribers: metrics.all.filter((name) => /Reconciled/.test(name) && !metrics.atRest.includes(name)),
      underLoad: metrics.all.filter(
        (name) => !(metrics.atRest.includes(name) || name.includes('sub_') || /Reconciled|Refused/.test(name)),
      ),
      perSubscriber: metrics.underLoad
        .filter((name) => name.includes(subscriptionId))
        .map((name) => name.replace(` ${subscriptionId}`, '')),
    },
    template: runs.template,
  });
}

function noteWriteUnits({ oneByOne: { counted, posts } }: Runs): number {
  return counted.calls(/^by \S*Ingest\S* dynamodb UpdateItem/) / posts;
}

function activityUnits(runs: Runs): Units['activity'] {
  const { counted, posts } = runs.oneByOne;
  const batches = invocations(counted, /TrackActivity/);
  return {
    writeUnitsPerMessage: writeUnits(counted, /Conversations/) / posts - noteWriteUnits(runs),
    readUnitsPerMessage: readUnits(counted, /Conversations/) / posts,
    readUnitsPerBatch: readUnits(counted, /Settings/) / batches,
    logBytesPerBatch: logBytes(counted, /TrackActivityLogs/) / batches,
    callsPerBatch: counted.calls(/^by \S*TrackActivity\S* dynamodb BatchGetItem/) / batches,
  };
}

/** Beside what its messages take as activity. */
function timerUnits(runs: Runs, counted: Counted, messages: number): TimerUnits {
  const { counted: single, posts } = runs.oneByOne;
  const activity = activityUnits(runs);
  const batches = invocations(counted, /TrackActivity/);
  const perMessage = activity.writeUnitsPerMessage + noteWriteUnits(runs);
  return {
    writeUnits: writeUnits(counted, /Conversations/) - messages * perMessage,
    readUnits:
      readUnits(counted, /Conversations|Settings/) -
      batches * activity.readUnitsPerBatch -
      messages * activity.readUnitsPerMessage,
    logBytes: logBytes(counted, /EmitLogs/),
    runs: invocations(counted, /Emit/),
    busEvents: counted.calls(/^bus entries/) - messages,
    busBytes: counted.calls(/^bus bytes/) - (messages * single.calls(/^bus bytes/)) / posts,
    calls: counted.calls(/^by \S*Emit/),
  };
}

function scheduledUnits({ rule, functionName, none, some, subscribers }: ScheduledRun): Scheduled {
  const of = (counted: Counted) => ({
    tableReadUnit: readUnits(counted, /./),
    tableWriteUnit: writeUnits(counted, /./),
    queueRequest: queueRequests(counted, /./),
    logGigabyte: logBytes(counted, /./),
    busEvent: counted.calls(/^bus entries/),
  });
  const calls = (counted: Counted): number => counted.calls(new RegExp(`^by \\S*${functionName}`));
  const [least, most] = [of(none), of(some)];
  const { what, runsPerHour, memoryMegabytes, isTraced } = rule;
  return {
    what,
    runsPerHour,
    memoryMegabytes,
    isTraced,
    none: least,
    noneCalls: calls(none),
    perSubscriber: Object.fromEntries(
      (Object.keys(least) as (keyof typeof least)[]).map((name) => [name, (most[name] - least[name]) / subscribers]),
    ),
    perSubscriberCalls: (calls(some) - calls(none)) / subscribers,
  };
}

const logBytes = ({ sum }: Counted, group: RegExp): number =>
  sum('AWS/Logs IncomingBytes', group) + bytesPerLogLine * sum('AWS/Logs IncomingLogEvents', group);
const readUnits = ({ sum }: Counted, table: RegExp): number => sum('AWS/DynamoDB ConsumedReadCapacityUnits', table);
const writeUnits = ({ sum }: Counted, table: RegExp): number => sum('AWS/DynamoDB ConsumedWriteCapacityUnits', table);
const invocations = ({ sum }: Counted, name: RegExp): number => sum('AWS/Lambda Invocations', name);

function minus(all: TimerUnits, less: TimerUnits): TimerUnits {
  const entries = Object.entries(all) as [keyof TimerUnits, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Math.max(0, value - less[name])]),
  ) as unknown as TimerUnits;
}

/** Bytes to a whole one; units to a hundredth. */
function rounded<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (name, held: unknown) => {
      if (typeof held !== 'number') return held;
      return /bytes|Gigabyte/i.test(name) ? Math.round(held) : Math.round(held * 100) / 100;
    }),
  ) as Value;
}
