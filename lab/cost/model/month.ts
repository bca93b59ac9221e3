import { deliveriesPerSecond, type Filling, filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { secondsPerMonth, tokenCacheSeconds } from '../stated.ts';
import type { Units } from '../units.ts';
import { addUsage, type Part, type Quantities, sumOf, times, type Usage, usageTimes } from '../usage.ts';
import { baseLines } from './base-usage.ts';
import { coldStarts, usageOfDelivery } from './delivery-usage.ts';
import { failuresOf, usageOfFailures } from './failure-usage.ts';
import { usageOfRecord } from './history-usage.ts';
import { usageOfKeys } from './key-usage.ts';
import { usageOfPost } from './post-usage.ts';
import { requestsPerMessage } from './queue.ts';
import { usageOfTimer } from './timer-usage.ts';
import { usageOfTraces } from './trace-usage.ts';

export interface Month {
  readonly usage: Usage;
  readonly filling: Filling;
  readonly posts: number;
  readonly deliveries: number;
}

/** All that a month of the load takes. */
export function monthOf(load: Case, units: Units): Month {
  const full = filling(load, units);
  const posts = load.rate * secondsPerMonth;
  const deliveries = load.subscribers === 0 ? 0 : posts * load.fanOut;
  const conversations = posts / load.messagesPerConversation;
  const { firing } = units.timers;
  const usage = addUsage(
    usageTimes(usageOfPost(load, full, units), posts),
    usageTimes(usageOfRecord(load.eventBytes, load, full, units), posts),
    usageTimes(usageOfTimer(load, full, units), conversations),
    usageTimes(usageOfRecord(firing.busBytes / firing.busEvents, load, full, units), conversations * firing.busEvents),
    usageTimes(usageOfDelivery(load, full, units), deliveries),
    new Map<Part, Quantities>([
      ['failed attempts', times(usageOfFailures(load, failuresOf(load), full, units), deliveries)],
      ['cold starts', ownColdStarts(load, full, units)],
      ['traces', usageOfTraces(load, full, units)],
      ['KMS', usageOfKeys(load, full, units)],
      ['ingest', posts === 0 ? {} : { secretRequest: (2 * secondsPerMonth) / tokenCacheSeconds }],
      ['replays', replays(load, units)],
      ['log queries', logQueries(load, full, units)],
      ['monthly base', sumOf(...baseLines(load, units).map(({ quantities }) => quantities))],
    ]),
  );
  return { usage, filling: full, posts, deliveries };
}

/** Of the stack's own functions, at loads so low that there are any. */
function ownColdStarts(
  { rate, messagesPerConversation, historyDays }: Case,
  { activity, history }: Filling,
  { template }: Units,
): Quantities {
  const { memoryMegabytes } = template;
  const conversations = rate / messagesPerConversation;
  const each = (perSecond: number, memory: number): Quantities =>
    times(coldStarts(perSecond, memory), perSecond * secondsPerMonth);
  return sumOf(
    each(rate, memoryMegabytes.ingest),
    each(rate / activity, memoryMegabytes['track-activity']),
    each(conversations, memoryMegabytes['emit-inactivity']),
    historyDays === 0 ? {} : each(rate / history, memoryMegabytes['record-events']),
  );
}

/** Of days of the archive to one subscriber: the bus takes each event again, and what was delivered is dropped by its id. */
function replays(load: Case, units: Units): Quantities {
  const { rate, fanOut, subscribers, eventBytes, replayedDays, messagesPerConversation } = load;
  if (replayedDays === 0 || subscribers === 0) return {};
  const posts = rate * 86_400 * replayedDays;
  const events = posts * (1 + units.timers.firing.busEvents / messagesPerConversation);
  const toIt = (posts * fanOut) / subscribers;
  return {
    busEvent: events,
    queueRequest: toIt * requestsPerMessage(eventBytes + units.envelopeBytes, 10, 10),
    lambdaRequest: toIt / 10,
    lambdaGigabyteSecond: (toIt / 10) * 0.1 * (units.template.memoryMegabytes.deliver / 1024),
    tableReadUnit: toIt * (units.delivery.readUnitsPerMessage + units.delivery.readUnitsPerBatch / 10),
    // A line says that a duplicate was dropped.
    logGigabyte: toIt * units.delivery.lineBytes * 0.6,
  };
}

/** Each through a day of the delivery functions' log. */
function logQueries(load: Case, full: Filling, units: Units): Quantities {
  const perDay = deliveriesPerSecond(load) * load.subscribers * 86_400;
  const bytes = units.delivery.lineBytes + units.delivery.logBytesPerBatch / full.deliveries;
  return { logScannedGigabyte: load.logQueries * perDay * bytes };
}
