import type { Case } from './case.ts';
import { awsCallMs, computingMs, gatherers, receiveSeconds } from './stated.ts';
import type { Units } from './units.ts';

/** As many as a batch of deliveries takes (domain/routes/desired-route.ts). */
export const fullBatch = 10;
/** As many as the stack's own queues hand over. */
const ownFullBatch = 100;

/** How full batches are, and how many of them are under way at once, at steady load. */
export interface Filling {
  readonly deliveries: number;
  /** Batches of one subscriber at once, at most. */
  readonly concurrency: number;
  /** `maxConcurrency` is too low for the load: the least that keeps up and a quarter is reckoned with. */
  readonly isRaised: boolean;
  readonly activity: number;
  readonly history: number;
  readonly timers: number;
  /** Messages that one receive finds. A window makes batches of several receives. */
  readonly perReceive: { readonly deliveries: number; readonly activity: number; readonly history: number };
}

/** Of the deliveries of one subscriber. */
export function deliveriesPerSecond({ rate, fanOut, subscribers, failingPercent }: Case): number {
  return subscribers === 0 ? 0 : (rate * fanOut) / subscribers / (1 - failingPercent / 100);
}

/** What a batch of deliveries takes, as billed; messages of a batch are posted in parallel. */
export function deliverMs({ answerMs }: Case, { delivery }: Units, messages: number): number {
  const { perBatch, perMessage } = computingMs.deliver;
  return delivery.callsPerBatch * awsCallMs + perBatch + answerMs + perMessage * messages;
}

/**
 * A long poll returns with what is there, so a batch gathers only while all that may run do: it has what came in the time of
 * one run, `rate × duration / concurrency`. A window gathers what comes within it.
 */
export function filling(load: Case, units: Units): Filling {
  const each = deliveriesPerSecond(load);
  const perMessage = computingMs.deliver.perMessage / 1000;
  const fixed = deliverMs(load, units, 0) / 1000;
  const gathered = (concurrency: number): number =>
    each * perMessage >= concurrency ? Number.POSITIVE_INFINITY : (each * fixed) / (concurrency - each * perMessage);
  const isRaised = gathered(load.maxConcurrency) > fullBatch;
  const least = Math.ceil((each * (fixed + fullBatch * perMessage)) / fullBatch);
  const concurrency = isRaised ? Math.ceil(least * 1.25) : load.maxConcurrency;
  const inWindow = load.windowSeconds === 0 ? 1 : 1 + each * load.windowSeconds;
  const own = (perSecond: number, seconds: number): number =>
    Math.min(ownFullBatch, 1 + (perSecond * seconds) / gatherers);
  const timersPerSecond = load.rate / load.messagesPerConversation;
  const { windowSeconds } = units.template;
  const published = load.rate + units.timers.firing.busEvents * timersPerSecond;
  const found = Math.min(fullBatch, Math.max(1, gathered(concurrency)));
  return {
    deliveries: Math.min(fullBatch, Math.max(found, inWindow)),
    concurrency,
    isRaised,
    activity: own(load.rate, windowSeconds.activity),
    history: own(published, windowSeconds.history),
    // They come by whole seconds.
    timers: Math.min(fullBatch, 1 + timersPerSecond / gatherers),
    perReceive: {
      deliveries: found,
      activity: Math.min(fullBatch, Math.max(1, (load.rate * receiveSeconds) / gatherers)),
      history: Math.min(fullBatch, Math.max(1, (published * receiveSeconds) / gatherers)),
    },
  };
}
