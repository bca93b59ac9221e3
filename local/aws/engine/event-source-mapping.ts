import { type CompiledPattern, parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import { notServed } from '../not-served.ts';
import { EngineError } from './engine-error.ts';

/**
 * `functionError` is set where the function threw (`Unhandled`). A promise that is rejected means that the function was
 * not invoked at all (throttled, not there): the mapping tries again a little later. `traceHeader`: what the invocation
 * goes on from.
 */
export type Invoke = (
  functionName: string,
  payload: string,
  traceHeader?: string,
) => Promise<{ readonly payload?: string; readonly functionError?: string }>;

/** One event source of one function, as Lambda's CreateEventSourceMapping describes it. */
export interface EventSourceMapping {
  readonly uuid: string;
  readonly eventSourceArn: string;
  /** The settings in force. */
  settings(): MappingSettings;
  state(): MappingState;
  /** As UpdateEventSourceMapping. Throws `InvalidParameterValueException`. */
  update(change: Partial<MappingSettings>): void;
  /** Epoch milliseconds of the last change. */
  lastModified(): number;
  /** `No records processed`, `OK`, or `PROBLEM: ` and why the last batch failed. */
  lastProcessingResult(): string;
  /** Batches in the function's hands right now. */
  invocationsUnderWay(): number;
  /** Polls no more; resolves when the batches under way have ended. */
  delete(): Promise<void>;
}

/** `Disabling` and `Deleting` while batches are still under way. */
export type MappingState = 'Enabled' | 'Disabling' | 'Disabled' | 'Deleting';

/** Names of CreateEventSourceMapping, units added. What is not listed here is not supported. */
export interface MappingSettings {
  readonly functionName: string;
  readonly enabled: boolean;
  /** SQS: default 10, up to 10,000 with a window (10 without). Streams: default 100, up to 10,000. */
  readonly batchSize: number;
  /** 0 to 300. */
  readonly maximumBatchingWindowSeconds: number;
  /** SQS only, 2 to 1000. Absent: the account's concurrency. */
  readonly maximumConcurrency?: number | undefined;
  readonly reportBatchItemFailures: boolean;
  /** Streams only. Event patterns as JSON text; a record passes where any fits. */
  readonly filterPatterns: readonly string[];
  /** Streams only. */
  readonly startingPosition?: 'TRIM_HORIZON' | undefined;
  /** Streams only. */
  readonly bisectBatchOnFunctionError: boolean;
  /** Streams only, -1 to 10,000. -1: until the records are gone. */
  readonly maximumRetryAttempts: number;
}

/** The settings after a change. Throws `InvalidParameterValueException`. */
export function changeSettings(
  current: MappingSettings,
  change: Partial<MappingSettings>,
  source: 'sqs' | 'stream',
): MappingSettings {
  const next: MappingSettings = { ...current, ...change };
  const { batchSize, maximumBatchingWindowSeconds, maximumConcurrency } = next;
  checkInteger('BatchSize', batchSize, 1, 10_000);
  checkInteger('MaximumBatchingWindowInSeconds', maximumBatchingWindowSeconds, 0, 300);
  if (source === 'sqs') {
    if (batchSize > 10 && maximumBatchingWindowSeconds === 0) {
      throw invalid('Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10');
    }
    if (maximumConcurrency !== undefined) checkInteger('MaximumConcurrency', maximumConcurrency, 2, 1000);
    if (next.startingPosition !== undefined) throw invalid('StartingPosition is not valid for SQS event sources.');
    if (next.filterPatterns.length > 0) throw invalid(notServed('FilterCriteria of a queue'));
  } else {
    if (maximumConcurrency !== undefined) throw invalid('ScalingConfig is for SQS event sources only.');
    if (maximumBatchingWindowSeconds > 0) throw invalid(notServed('MaximumBatchingWindowInSeconds of a stream'));
    if (next.startingPosition === undefined) {
      throw invalid(
        '1 validation error detected: Value null at startingPosition failed to satisfy constraint: Member must not be null.',
      );
    }
    checkInteger('MaximumRetryAttempts', next.maximumRetryAttempts, -1, 10_000);
  }
  compileFilters(next.filterPatterns);
  return next;
}

export const sqsDefaults = {
  enabled: true,
  batchSize: 10,
  maximumBatchingWindowSeconds: 0,
  reportBatchItemFailures: false,
  filterPatterns: [],
  bisectBatchOnFunctionError: false,
  maximumRetryAttempts: -1,
} as const satisfies Omit<MappingSettings, 'functionName'>;

export const streamDefaults = { ...sqsDefaults, batchSize: 100 } as const satisfies Omit<
  MappingSettings,
  'functionName'
>;

/** Throws `InvalidParameterValueException`. */
export function compileFilters(patterns: readonly string[]): CompiledPattern[] {
  return patterns.map((text) => {
    const parsed = parseEventPattern(text);
    if (parsed.kind === 'pattern') return parsed.pattern;
    throw invalid(`Invalid filter pattern definition: ${parsed.path}: ${parsed.reason}`);
  });
}

/**
 * The identifiers that a function reported as failed. `all`: it said nothing that can be understood, or named an item
 * that was not in its batch (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
 */
export function reportedFailures(payload: string | undefined, known: ReadonlySet<string>): ReadonlySet<string> | 'all' {
  if (payload === undefined || payload === '') return new Set();
  let response: unknown;
  try {
    response = JSON.parse(payload);
  } catch {
    return 'all';
  }
  if (response === null || response === undefined) return new Set();
  if (typeof response !== 'object') return 'all';
  const items = (response as { batchItemFailures?: unknown }).batchItemFailures;
  if (items === undefined || items === null) return new Set();
  if (!Array.isArray(items)) return 'all';
  const failures = new Set<string>();
  for (const item of items) {
    const identifier = (item as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    if (typeof identifier !== 'string' || !known.has(identifier)) return 'all';
    failures.add(identifier);
  }
  return failures;
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw invalid(`Invalid ${name}: ${value}. It must be between ${least} and ${most}.`);
  }
}

export function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValueException', message);
}
