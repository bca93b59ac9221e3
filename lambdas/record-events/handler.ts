import middy from '@middy/core';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { readEnvelope } from '../domain/history/recorded-event.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import { eachGroup } from '../sqs/batch-item-failures.ts';
import { flushMetrics } from '../telemetry/flush-metrics.ts';
import type { EventRecorder } from './ports.ts';

export interface RecordEventsDeps {
  readonly recorder: EventRecorder;
  readonly historyDays: number;
  readonly metrics: Metrics;
  readonly log: Log;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Writes each published event into the history: what came, found by id, by time and by conversation. */
export function createRecordEventsHandler({ recorder, historyDays, metrics, log }: RecordEventsDeps) {
  /** False: the event is known already. */
  async function record({ body, attributes, messageId }: SQSRecord): Promise<boolean> {
    const recordedAt = Number(attributes.SentTimestamp);
    const read = readEnvelope(body, recordedAt);
    // Nothing but the rule writes to this queue. It ends in the dead-letter queue.
    if (read.kind === 'malformed') throw new Error(`malformed message ${messageId}: ${read.reason}`);
    return recorder.record(read.event, recordedAt + historyDays * dayMs);
  }

  return middy(async ({ Records }: SQSEvent) => {
    let recorded = 0;
    const response = await eachGroup(
      Records,
      (message) => [message],
      async (message) => {
        if (await record(message)) recorded++;
      },
      log,
    );
    const failed = response.batchItemFailures.length;
    log.info('recorded', { events: recorded, known: Records.length - recorded - failed, failed });
    return response;
  }).use(flushMetrics(metrics));
}
