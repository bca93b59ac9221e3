import { archiveDays } from '../../../lambdas/contracts/archive.ts';
import type { Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import {
  accessLogBytes,
  answerHeadBytes,
  apiUnitBytes,
  awsCallMs,
  busUnitBytes,
  computingMs,
  daysPerMonth,
} from '../stated.ts';
import type { Units } from '../units.ts';
import type { Part, Quantities, Usage } from '../usage.ts';
import { invocations } from './lambda.ts';
import { requestsPerMessage, unitsOf } from './queue.ts';

/** One post of Drift, a message in a conversation whose timer is armed, without its deliveries, timers and history. */
export function usageOfPost({ eventBytes }: Case, filling: Filling, units: Units): Usage {
  const { post, activity, template } = units;
  const { memoryMegabytes } = template;
  const ingestMs = post.calls * awsCallMs + computingMs.ingest.perMessage;
  const track = computingMs['track-activity'];
  // Reads of the batch, then each conversation's write side by side.
  const trackMs = 2 * awsCallMs + track.perBatch + track.perMessage * filling.activity;
  return new Map<Part, Quantities>([
    ['API', { apiRequest: unitsOf(eventBytes, apiUnitBytes) }],
    ['ingest', invocations(1, ingestMs, memoryMegabytes.ingest)],
    ['bus', { busEvent: unitsOf(eventBytes, busUnitBytes) }],
    ['archive', { archivedGigabyte: eventBytes, archiveGigabyteMonth: (eventBytes * archiveDays) / daysPerMonth }],
    [
      'activity',
      {
        ...invocations(1 / filling.activity, trackMs, memoryMegabytes['track-activity']),
        queueRequest: requestsPerMessage(
          eventBytes + units.envelopeBytes,
          filling.perReceive.activity,
          filling.activity,
        ),
        tableWriteUnit: post.noteWriteUnits + activity.writeUnitsPerMessage,
        tableReadUnit: activity.readUnitsPerMessage + activity.readUnitsPerBatch / filling.activity,
      },
    ],
    ['logs', { logGigabyte: post.logBytes + accessLogBytes + activity.logBytesPerBatch / filling.activity }],
    ['sent to the internet', { internetGigabyte: post.answerBytes + answerHeadBytes }],
  ]);
}
