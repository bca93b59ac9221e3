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
        const traceIds = new Set(records.map(({ attributes }) => traceIdOf(attributes.AWSTraceHeader)));
        for (const traceId of traceIds) {
          const trace = traceId === undefined ? {} : { traceId };
          log.error('record failed, it will come again', { ...trace, error: describeError(error) });
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

function describeError(error: unknown): { name: string; message: string } {
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'unknown', message: String(error) };
}
