import { randomUUID } from 'node:crypto';
import { matches } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonValue } from '../../../lambdas/json/json.ts';
import { type ChangeStream, type StreamRecord, sequenceNumber } from './change-stream.ts';
import type { EngineClock } from './engine-clock.ts';
import { EngineError } from './engine-error.ts';
import {
  changeSettings,
  compileFilters,
  type EventSourceMapping,
  type Invoke,
  type MappingSettings,
  reportedFailures,
  streamDefaults,
} from './event-source-mapping.ts';
import { type Measure, measureNothing } from './measure.ts';
import { pause } from './pause.ts';

export interface StreamMappingOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly invoke: Invoke;
  readonly stream: ChangeStream;
  readonly settings: Partial<MappingSettings> & { readonly functionName: string };
  /** Told of each batch that was given up, in the words in which Lambda tells an on-failure queue (JSON text). */
  readonly onGivenUp?: (report: string) => void;
  readonly uuid?: string;
  readonly measure?: Measure | undefined;
}

const shortestRetryMs = 500;
const maxRetryMs = 60_000;

/**
 * One batch at a time, in the order of the writes. A batch that fails is tried again until it succeeds or is given up;
 * nothing that comes after it goes before it. Throws `InvalidParameterValueException`, as CreateEventSourceMapping.
 */
export function createStreamMapping({
  clock,
  region,
  invoke,
  stream,
  settings: given,
  onGivenUp = () => {},
  uuid = randomUUID(),
  measure = measureNothing,
}: StreamMappingOptions): EventSourceMapping {
  let settings = changeSettings({ ...streamDefaults, functionName: given.functionName }, given, 'stream');
  let filters = compileFilters(settings.filterPatterns);
  /** The last record that is done with. */
  let position = 0;
  let modifiedAt = clock.now();
  let result = 'No records processed';
  let polling = new AbortController();
  let isDeleted = false;
  let underWay = 0;
  let running: Promise<void> = Promise.resolve();

  const poll = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      if (stream.read(position, 1).length === 0) {
        await appended(signal);
        continue;
      }
      // Written together, handed over together.
      await Promise.resolve();
      if (signal.aborted) return;
      const read = stream.read(position, settings.batchSize);
      const records = filters.length === 0 ? read : read.filter(({ record }) => passes(record));
      if (records.length > 0 && !(await handle(records, 0, signal))) return;
      position = Math.max(position, read.at(-1)?.sequence ?? 0);
    }
  };
  const passes = (record: StreamRecord['record']) =>
    filters.some((filter) => matches(filter, record as unknown as JsonValue));
  const appended = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        stopListening();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const stopListening = stream.onAppend(end);
      signal.addEventListener('abort', end);
    });
  /** Whether the records are done with, by success or given up. False: the mapping was stopped before. */
  const handle = async (batch: readonly StreamRecord[], retries: number, signal: AbortSignal): Promise<boolean> => {
    let records = batch;
    let attempts = retries;
    for (let retryMs = shortestRetryMs; records.length > 0; retryMs = Math.min(2 * retryMs, maxRetryMs)) {
      if (signal.aborted) return false;
      const outcome = await attempt(records);
      if (outcome.kind === 'done') return true;
      if (outcome.kind === 'partial') {
        // What was done is done, and what is left begins anew.
        position = Math.max(position, (records[0]?.sequence ?? 0) - 1);
        if (outcome.from > 0) attempts = 0;
        records = records.slice(outcome.from);
      }
      if (outcome.kind !== 'not-invoked') {
        if (settings.bisectBatchOnFunctionError && records.length > 1 && outcome.kind === 'failed') {
          await pause(clock, retryMs, signal);
          const middle = Math.ceil(records.length / 2);
          if (!(await handle(records.slice(0, middle), attempts, signal))) return false;
          position = Math.max(position, records[middle - 1]?.sequence ?? 0);
          return handle(records.slice(middle), attempts, signal);
        }
        attempts++;
        if (settings.maximumRetryAttempts >= 0 && attempts > settings.maximumRetryAttempts) {
          settleExhausted(records, attempts);
          return true;
        }
      }
      await pause(clock, retryMs, signal);
    }
    return true;
  };
  type Outcome =
    | { readonly kind: 'done' | 'failed' | 'not-invoked' }
    | { readonly kind: 'partial'; readonly from: number };
  const attempt = async (records: readonly StreamRecord[]): Promise<Outcome> => {
    underWay++;
    try {
      const payload = JSON.stringify({ Records: records.map(({ record }) => record) });
      const { createdAt = clock.now() } = records.at(-1) ?? {};
      const dimensions = { FunctionName: settings.functionName };
      measure('AWS/Lambda', 'IteratorAge', dimensions, clock.now() - createdAt);
      const answer = await invoke(settings.functionName, payload);
      if (answer.functionError !== undefined) {
        result = 'PROBLEM: Function call failed';
        return { kind: 'failed' };
      }
      result = 'OK';
      if (!settings.reportBatchItemFailures) return { kind: 'done' };
      const identifiers = records.map(({ sequence }) => sequenceNumber(sequence));
      const failures = reportedFailures(answer.payload, new Set(identifiers));
      if (failures !== 'all' && failures.size === 0) return { kind: 'done' };
      result = 'PROBLEM: Function call failed';
      // The first that failed is where it goes on, whatever was done after it.
      return failures === 'all'
        ? { kind: 'failed' }
        : { kind: 'partial', from: identifiers.findIndex((identifier) => failures.has(identifier)) };
    } catch (error) {
      result = `PROBLEM: ${error instanceof Error ? error.message : String(error)}`;
      return { kind: 'not-invoked' };
    } finally {
      underWay--;
    }
  };

  const settleExhausted = (records: readonly StreamRecord[], attempts: number): void => {
    const [first] = records;
    const last = records.at(-1);
    if (first === undefined || last === undefined) return;
    onGivenUp(
      JSON.stringify({
        requestContext: {
          requestId: randomUUID(),
          functionArn: settings.functionName,
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: attempts,
        },
        version: '1.0',
        timestamp: new Date(clock.now()).toISOString(),
        DDBStreamBatchInfo: {
          shardId: 'shardId-00000000000000000000-00000000',
          startSequenceNumber: sequenceNumber(first.sequence),
          endSequenceNumber: sequenceNumber(last.sequence),
          approximateArrivalOfFirstRecord: new Date(first.createdAt).toISOString(),
          approximateArrivalOfLastRecord: new Date(last.createdAt).toISOString(),
          batchSize: records.length,
          streamArn: stream.arn,
        },
        awsRegion: region,
      }),
    );
  };

  const startPolling = () => {
    const controller = new AbortController();
    polling = controller;
    // Never two at once: what the last one began comes to its end first.
    running = running.then(() => poll(controller.signal));
  };
  if (settings.enabled) startPolling();
  else polling.abort();

  return {
    uuid,
    eventSourceArn: stream.arn,
    settings: () => settings,
    state() {
      if (isDeleted) return 'Deleting';
      if (settings.enabled) return 'Enabled';
      return underWay > 0 ? 'Disabling' : 'Disabled';
    },
    update(change) {
      if (isDeleted) throw new EngineError('ResourceNotFoundException', 'The resource you requested does not exist.');
      settings = changeSettings(settings, change, 'stream');
      filters = compileFilters(settings.filterPatterns);
      modifiedAt = clock.now();
      polling.abort();
      if (settings.enabled) startPolling();
    },
    lastModified: () => modifiedAt,
    lastProcessingResult: () => result,
    invocationsUnderWay: () => underWay,
    async delete() {
      isDeleted = true;
      polling.abort();
      await running;
    },
  };
}
