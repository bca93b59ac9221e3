import type { SQSBatchItemFailure, SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { traceIdOf } from '../contracts/trace.ts';
import type { Log } from '../ports/telemetry.ts';

/** Runs each group of records by itself, so that a record that fails takes none of its batch along. */
export async function eachGroup<Group>(
  groups: Iterable<Group>,
  recordsOf: (group: Group) => readonly Pick<SQSRecord, 'messageId' | 'attributes'>[],
  work: (group: Group) => Promise<void>,
  log: Log,
): Promise<SQSBatchResponse> {
  const failures = await Promise.all(
    [...groups].map(async (group) => {
      try {
        await work(group);
        return [];
      } catch (error) {
        const records = recordsOf(group);
        const byTrace = Map.groupBy(records, ({ attributes }) => traceIdOf(attributes.AWSTraceHeader));
        for (const [traceId, itsRecords] of byTrace) {
          const messageIds = itsRecords.map(({ messageId }) => messageId);
          log.error('record failed, it will come again', { traceId, messageIds, error });
        }
        return records.map(itemFailure);
      }
    }),
  );
  return { batchItemFailures: failures.flat() };
}

/** What tells SQS to keep a message. */
export function itemFailure({ messageId }: Pick<SQSRecord, 'messageId'>): SQSBatchItemFailure {
  return { itemIdentifier: messageId };
}

/** A record comes again after a failure or a crash of its first run. */
export function isRedelivered(record: SQSRecord): boolean {
  return Number(record.attributes.ApproximateReceiveCount) > 1;
}
