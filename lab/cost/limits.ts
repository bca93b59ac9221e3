import { deliverMs, filling, fullBatch } from './batches.ts';
import { usdOf } from './bill.ts';
import { type Case, defaultCase } from './case.ts';
import { usageOfDelivery } from './model/delivery-usage.ts';
import { usageOfRecord } from './model/history-usage.ts';
import { invocations } from './model/lambda.ts';
import { usageOfPost } from './model/post-usage.ts';
import { unitsOf } from './model/queue.ts';
import { recordedShare } from './model/trace-usage.ts';
import {
  accessLogBytes,
  accountConcurrency,
  apiUnitBytes,
  awsCallMs,
  computingMs,
  queueUnitBytes,
  secondsPerMonth,
} from './stated.ts';
import type { Units } from './units.ts';
import { addUsage, sumOf, times, type Usage, usageTimes } from './usage.ts';

/** What a stranger, a loop or a mistake costs at most. */
export interface Limit {
  readonly what: string;
  /** What stops it from costing more. */
  readonly holds: string;
  readonly usdPerDay: number;
}

const secondsPerDay = 86_400;
/** A bus has 300 rules, three of them the stack's own. */
export const subscribersOfABus = 297;
/** EventBridge's default for invocations of targets in us-east-1, a second. */
const busInvocationsPerSecond = 18_750;

export function limits(units: Units): Limit[] {
  const usual = defaultCase(units);
  const { requestsPerSecond } = units.template;
  const refused = (bytes: number): number => usdPerDay(requestsPerSecond, refusedPost(units, bytes));
  const atDefaultConcurrency = deliveriesPerSecondAtMost(usual, units);
  const loop = (fanOut: number, eventBytes: number, deliveriesPerSecond: number): number =>
    floodUsd(units, { ...usual, fanOut, subscribers: fanOut, eventBytes }, requestsPerSecond, deliveriesPerSecond);
  const throttle = `the API’s ${requestsPerSecond.toLocaleString('en-US')} requests a second`;
  return [
    { what: 'posts without Drift’s token, small', holds: throttle, usdPerDay: refused(400) },
    {
      what: 'posts without Drift’s token, of 5.9 MB',
      holds: 'the same, and Lambda’s 6 MB; it takes 47 Gbit/s',
      usdPerDay: refused(5_900_000),
    },
    {
      what: 'posts with the token: it leaked, or a receiver posts what it gets; 400 B, 10 subscribers',
      holds: `the same, and ${Math.round(atDefaultConcurrency)} deliveries a second to each at its maxConcurrency of ${usual.maxConcurrency}`,
      usdPerDay: loop(10, 400, Math.min(requestsPerSecond, atDefaultConcurrency) * 10),
    },
    {
      what: 'the same where maxConcurrency is high enough',
      holds: throttle,
      usdPerDay: loop(10, 400, requestsPerSecond * 10),
    },
    {
      what: `the same with ${subscribersOfABus} subscribers`,
      holds: `EventBridge’s ${busInvocationsPerSecond.toLocaleString('en-US')} invocations a second`,
      usdPerDay: loop(subscribersOfABus, 400, busInvocationsPerSecond),
    },
    {
      what: 'with 10 subscribers and events of 256 KB',
      holds: throttle,
      usdPerDay: loop(10, 255_000, requestsPerSecond * 10),
    },
    {
      what: `${subscribersOfABus} subscribers that answer after 15 s`,
      holds: `Lambda’s ${accountConcurrency.toLocaleString('en-US')} at once, for an account`,
      usdPerDay: usdOf(
        invocations(1, accountConcurrency * secondsPerDay * 1000, units.template.memoryMegabytes.deliver),
      ),
    },
  ];
}

/** To one subscriber, in full batches. */
function deliveriesPerSecondAtMost(load: Case, units: Units): number {
  return (load.maxConcurrency * fullBatch) / (deliverMs(load, units, fullBatch) / 1000);
}

function refusedPost(units: Units, bytes: number): Usage {
  const { template, refused } = units;
  const isTraced = template.tracesByDefault && template.traced.ingest;
  const share = isTraced ? recordedShare(template.requestsPerSecond) : 0;
  return new Map([
    ['API', { apiRequest: unitsOf(bytes, apiUnitBytes) }],
    ['ingest', invocations(1, computingMs.ingest.perMessage + awsCallMs, template.memoryMegabytes.ingest)],
    ['logs', { logGigabyte: refused.logBytes + accessLogBytes }],
    ['traces', { trace: share }],
  ] as const);
}

/** Batches are full: more comes than is delivered. */
function floodUsd(units: Units, load: Case, postsPerSecond: number, deliveriesPerSecond: number): number {
  const flooded = { ...load, rate: postsPerSecond };
  const full = { ...filling(flooded, units), deliveries: fullBatch, activity: 100, history: 100 };
  const found = { ...full, perReceive: { deliveries: fullBatch, activity: fullBatch, history: fullBatch } };
  const post = addUsage(usageOfPost(flooded, found, units), usageOfRecord(load.eventBytes, flooded, found, units));
  const delivery = usageOfDelivery({ ...flooded, rate: deliveriesPerSecond / load.fanOut }, found, units);
  const waiting = Math.max(0, postsPerSecond * load.fanOut - deliveriesPerSecond);
  const isBusBound = deliveriesPerSecond === busInvocationsPerSecond;
  // What waits was sent to its queue.
  const sends = isBusBound ? 0 : waiting * unitsOf(load.eventBytes + units.envelopeBytes, queueUnitBytes);
  return usdPerDay(
    1,
    addUsage(
      usageTimes(post, postsPerSecond),
      usageTimes(delivery, deliveriesPerSecond),
      new Map([['subscribers’ queues', { queueRequest: sends }]] as const),
    ),
  );
}

/** At the prices' steps of a month that goes on like this. */
function usdPerDay(perSecond: number, usage: Usage): number {
  return usdOf(times(sumOf(...usage.values()), perSecond * secondsPerMonth)) / (secondsPerMonth / secondsPerDay);
}
