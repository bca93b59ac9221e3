import { maxHeardBytes } from '../../../lambdas/aws/heard-answer.ts';
import { deliveriesPerSecond, deliverMs, type Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import {
  coldStartMs,
  connectionIdleSeconds,
  daysPerMonth,
  environmentIdleSeconds,
  handshake,
  ledgerDays,
  storedItemOverheadBytes,
  transportBytes,
  writeUnitBytes,
} from '../stated.ts';
import type { Units } from '../units.ts';
import type { Part, Quantities, Usage } from '../usage.ts';
import { invocations } from './lambda.ts';
import { requestsPerMessage, unitsOf } from './queue.ts';

/** The ledger's item of what was delivered. */
export function deliveredItemBytes({ answerBytes }: Case, { delivery }: Units): number {
  return delivery.itemBytes + Math.min(answerBytes, delivery.keptAnswerBytes.delivered);
}

/** One delivery that succeeds at its first attempt. */
export function usageOfDelivery(load: Case, { deliveries: batch, perReceive }: Filling, units: Units): Usage {
  const { delivery, envelopeBytes, template } = units;
  const itemBytes = deliveredItemBytes(load, units);
  const storedGigabytes = ((itemBytes + storedItemOverheadBytes) * ledgerDays.delivered) / daysPerMonth;
  return new Map<Part, Quantities>([
    [
      'subscribers’ queues',
      { queueRequest: requestsPerMessage(load.eventBytes + envelopeBytes, perReceive.deliveries, batch) },
    ],
    ['delivery functions', invocations(1 / batch, deliverMs(load, units, batch), template.memoryMegabytes.deliver)],
    [
      'ledger: reads and writes',
      {
        tableWriteUnit: unitsOf(itemBytes, writeUnitBytes),
        tableReadUnit: delivery.readUnitsPerMessage + delivery.readUnitsPerBatch / batch,
      },
    ],
    ['ledger: storage', { tableGigabyteMonth: storedGigabytes, backupGigabyteMonth: storedGigabytes }],
    ['logs', { logGigabyte: delivery.lineBytes + delivery.logBytesPerBatch / batch }],
    ['sent to the internet', { internetGigabyte: load.eventBytes + delivery.requestBytes + transportBytes }],
    ['new connections', newConnections(load, units)],
    ['cold starts', coldStarts(deliveriesPerSecond(load), template.memoryMegabytes.deliver)],
  ]);
}

/**
 * Of a subscriber whose events come so seldom that its receiver has closed the connection: by chance, as events come. One
 * that answers so much gets a new one for each delivery.
 */
function newConnections(load: Case, { template }: Units): Quantities {
  const isKept = load.answerBytes < maxHeardBytes;
  const share = isKept ? Math.exp(-deliveriesPerSecond(load) * connectionIdleSeconds) : 1;
  return {
    lambdaGigabyteSecond: (share * handshake.milliseconds * template.memoryMegabytes.deliver) / 1000 / 1024,
    internetGigabyte: share * handshake.bytes,
  };
}

/** For each invocation, where they are so seldom that Lambda has let the environment go. */
export function coldStarts(perSecond: number, memoryMegabytes: number): Quantities {
  const share = Math.exp(-perSecond * environmentIdleSeconds);
  return { lambdaGigabyteSecond: (share * coldStartMs * memoryMegabytes) / 1000 / 1024 };
}
