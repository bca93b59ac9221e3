import type { ChangeStream } from './change-stream.ts';
import type { EngineClock } from './engine-clock.ts';
import type { Queue } from './queue.ts';

/** `functionError` is set where the function threw (`Unhandled`); a rejected promise counts as throttled: tried again. */
export type Invoke = (
  functionName: string,
  payload: string,
) => Promise<{ readonly payload?: string; readonly functionError?: string }>;

/** One event source of one function, as Lambda's CreateEventSourceMapping describes it. */
export interface EventSourceMapping {
  readonly uuid: string;
  /** The settings in force. */
  settings(): MappingSettings;
  state(): MappingState;
  /** As UpdateEventSourceMapping. Throws `InvalidParameterValueException`. */
  update(change: Partial<MappingSettings>): void;
  /** Epoch milliseconds of the last change. */
  lastModified(): number;
  /** `No records processed`, `OK`, or why the last batch failed. */
  lastProcessingResult(): string;
  /** Batches in the function's hands right now. */
  invocationsUnderWay(): number;
  /** Polls no more; resolves when the batches under way have ended. */
  delete(): Promise<void>;
}

export type MappingState = 'Enabling' | 'Enabled' | 'Disabling' | 'Disabled' | 'Deleting';

/** Names of CreateEventSourceMapping, units added. What is not listed there is not supported. */
export interface MappingSettings {
  readonly functionName: string;
  readonly enabled: boolean;
  /** SQS: default 10, up to 10,000 with a window (10 without). Streams: default 100. */
  readonly batchSize: number;
  /** 0 to 300. */
  readonly maximumBatchingWindowSeconds: number;
  /** SQS only, 2 to 1000. Absent: the account's concurrency, here 1,000. */
  readonly maximumConcurrency?: number | undefined;
  readonly reportBatchItemFailures: boolean;
  /** Event patterns as JSON text; a record passes where any fits. */
  readonly filterPatterns: readonly string[];
  /** Streams only. */
  readonly startingPosition?: 'LATEST' | 'TRIM_HORIZON' | undefined;
  readonly bisectBatchOnFunctionError: boolean;
  /** Streams only. -1: until the records expire. */
  readonly maximumRetryAttempts: number;
  /** Streams only, seconds. -1: never. */
  readonly maximumRecordAgeSeconds: number;
}

export interface SqsMappingOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly invoke: Invoke;
  readonly queue: Queue;
  readonly settings: Partial<MappingSettings> & { readonly functionName: string };
  readonly uuid?: string;
}

/** Throws `InvalidParameterValueException`, as CreateEventSourceMapping. */
export function createSqsMapping(_options: SqsMappingOptions): EventSourceMapping {
  throw new Error('not written yet');
}

export interface StreamMappingOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly invoke: Invoke;
  readonly stream: ChangeStream;
  readonly settings: Partial<MappingSettings> & { readonly functionName: string };
  /** Where Lambda reports batches that were given up (`DestinationConfig.OnFailure`), as the queue's message. */
  readonly onGivenUp?: (report: string) => void;
  readonly uuid?: string;
}

/** Throws `InvalidParameterValueException`, as CreateEventSourceMapping. */
export function createStreamMapping(_options: StreamMappingOptions): EventSourceMapping {
  throw new Error('not written yet');
}
