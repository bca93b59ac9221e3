import { deliverMs, type Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { awsCallMs, readUnitBytes, transportBytes, writeUnitBytes } from '../stated.ts';
import type { Units } from '../units.ts';
import { type Quantities, sumOf, times } from '../usage.ts';
import { deliveredItemBytes } from './delivery-usage.ts';
import { invocations } from './lambda.ts';
import { receivesPerMessage, unitsOf } from './queue.ts';

/** What an event's first failed attempt writes, what each further one does, and what its delivery then writes more. */
interface LedgerWrites {
  readonly first: number;
  readonly further: number;
  readonly deliveryMore: number;
}

/** The ledger's item of what failed: the event's message and what is kept of the answer are in it. */
function failedItemBytes({ eventBytes, answerBytes }: Case, { failure, delivery, envelopeBytes }: Units): number {
  return failure.itemBytes + eventBytes + envelopeBytes + Math.min(answerBytes, delivery.keptAnswerBytes.failed);
}

/** In write units: the item with the event in it, and its entries in the indexes `undelivered` and `due`. */
export function ledgerWrites(load: Case, units: Units): LedgerWrites {
  const { failure } = units;
  const itemBytes = failedItemBytes(load, units);
  const item = unitsOf(itemBytes, writeUnitBytes);
  const more = failure.undeliveredHoldsAll ? itemBytes - failure.itemBytes : 0;
  const entry = unitsOf(failure.undeliveredBytes + more, writeUnitBytes);
  const delivered = unitsOf(deliveredItemBytes(load, units), writeUnitBytes);
  return {
    first: item + entry + 1,
    // The key of `due` changes with the next attempt: an entry goes and another comes.
    further: item + (failure.undeliveredHoldsAll ? entry : 0) + 2,
    deliveryMore: Math.max(item, delivered) - delivered + entry + 1,
  };
}

/** One attempt that fails and comes again from the queue, without what the ledger writes. */
export function usageOfFailedAttempt(load: Case, { deliveries: batch, perReceive }: Filling, units: Units): Quantities {
  const { failure, delivery, envelopeBytes, template } = units;
  const milliseconds = deliverMs(load, units, batch) + failure.calls * awsCallMs;
  return sumOf(invocations(1 / batch, milliseconds, template.memoryMegabytes.deliver), {
    queueRequest: receivesPerMessage(load.eventBytes + envelopeBytes, perReceive.deliveries) + failure.hides / batch,
    tableReadUnit: unitsOf(failedItemBytes(load, units), readUnitBytes) + delivery.readUnitsPerBatch / batch,
    tableWriteUnit: failure.healthWriteUnits / batch,
    logGigabyte: failure.lineBytes + failure.logBytesPerBatch / batch,
    internetGigabyte: load.eventBytes + delivery.requestBytes + transportBytes,
  });
}

/** How many events fail at first, and with how many failed attempts in all, before they are delivered. */
export interface Failures {
  readonly events: number;
  readonly attempts: number;
}

/** Of one delivery, where so many percent of all attempts fail. */
export function failuresOf({ failingPercent }: Case): Failures {
  const share = failingPercent / 100;
  return { events: share, attempts: share / (1 - share) };
}

export function usageOfFailures(
  load: Case,
  { events, attempts }: Failures,
  filling: Filling,
  units: Units,
): Quantities {
  const { first, further, deliveryMore } = ledgerWrites(load, units);
  return sumOf(times(usageOfFailedAttempt(load, filling, units), attempts), {
    tableWriteUnit: events * (first + deliveryMore) + (attempts - events) * further,
  });
}
