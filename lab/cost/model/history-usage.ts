import type { Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { awsCallMs, computingMs, daysPerMonth, storedItemOverheadBytes, writeUnitBytes } from '../stated.ts';
import type { Units } from '../units.ts';
import type { Part, Quantities, Usage } from '../usage.ts';
import { invocations } from './lambda.ts';
import { requestsPerMessage, unitsOf } from './queue.ts';

/** One published event in the event history, of a post or of a timer. */
export function usageOfRecord(eventBytes: number, { historyDays }: Case, filling: Filling, units: Units): Usage {
  if (historyDays === 0) return new Map();
  const { history, envelopeBytes, template } = units;
  const itemBytes = eventBytes + history.itemBytes;
  const storedBytes = itemBytes + history.indexBytes + (1 + history.indexes) * storedItemOverheadBytes;
  const { perBatch, perMessage } = computingMs['record-events'];
  const milliseconds = awsCallMs + perBatch + perMessage * filling.history;
  return new Map<Part, Quantities>([
    [
      'event history',
      {
        ...invocations(1 / filling.history, milliseconds, template.memoryMegabytes['record-events']),
        queueRequest: requestsPerMessage(eventBytes + envelopeBytes, filling.perReceive.history, filling.history),
        tableWriteUnit: unitsOf(itemBytes, writeUnitBytes) + history.indexes,
        tableGigabyteMonth: (storedBytes * historyDays) / daysPerMonth,
        backupGigabyteMonth: (storedBytes * historyDays) / daysPerMonth,
      },
    ],
    ['logs', { logGigabyte: history.logBytesPerBatch / filling.history }],
  ]);
}
