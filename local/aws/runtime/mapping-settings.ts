import { EngineError } from '../engine/engine-error.ts';
import type { MappingSettings } from '../engine/event-source-mapping.ts';
import { notServed } from '../not-served.ts';

type Change = { -readonly [Name in keyof MappingSettings]?: MappingSettings[Name] };

export const changeMembers = [
  ...['Enabled', 'BatchSize', 'MaximumBatchingWindowInSeconds', 'ScalingConfig'],
  ...['FunctionResponseTypes', 'FilterCriteria'],
];
export const createMembers = [
  ...['FunctionName', 'EventSourceArn', 'DestinationConfig', 'Tags', ...changeMembers],
  // Of streams.
  ...['StartingPosition', 'BisectBatchOnFunctionError', 'MaximumRetryAttempts'],
];

/** What CreateEventSourceMapping and UpdateEventSourceMapping set: only what the input names. */
export function readMappingSettings(input: Readonly<Record<string, unknown>>): Change {
  const settings: Change = {};
  if (input.Enabled !== undefined) settings.enabled = input.Enabled === true;
  if (input.BatchSize !== undefined) settings.batchSize = Number(input.BatchSize);
  if (input.MaximumBatchingWindowInSeconds !== undefined) {
    settings.maximumBatchingWindowSeconds = Number(input.MaximumBatchingWindowInSeconds);
  }
  if (input.ScalingConfig !== undefined) {
    const { MaximumConcurrency: most } = input.ScalingConfig as { MaximumConcurrency?: number };
    if (most !== undefined && !(Number.isInteger(most) && most >= 2 && most <= 1000)) {
      throw invalid(`ScalingConfig.MaximumConcurrency is ${most}; it can be 2 to 1000`);
    }
    settings.maximumConcurrency = most;
  }
  if (input.FunctionResponseTypes !== undefined) {
    const types = input.FunctionResponseTypes as string[];
    const other = types.find((type) => type !== 'ReportBatchItemFailures');
    if (other !== undefined) throw invalid(notServed(`FunctionResponseTypes ${other}`));
    settings.reportBatchItemFailures = types.length > 0;
  }
  if (input.FilterCriteria !== undefined) {
    const { Filters: filters = [] } = input.FilterCriteria as { Filters?: { Pattern?: string }[] };
    settings.filterPatterns = filters.map(({ Pattern: pattern }) => pattern ?? '{}');
  }
  if (input.StartingPosition !== undefined) {
    if (input.StartingPosition !== 'TRIM_HORIZON') {
      throw invalid(notServed(`StartingPosition ${String(input.StartingPosition)}`));
    }
    settings.startingPosition = input.StartingPosition;
  }
  if (input.BisectBatchOnFunctionError !== undefined) {
    settings.bisectBatchOnFunctionError = input.BisectBatchOnFunctionError === true;
  }
  if (input.MaximumRetryAttempts !== undefined) settings.maximumRetryAttempts = Number(input.MaximumRetryAttempts);
  return settings;
}

/** The queue that is told of records that were given up. */
export function readOnFailure(config: unknown): string | undefined {
  const { OnFailure: onFailure, ...rest } = (config ?? {}) as { OnFailure?: { Destination?: string } };
  const [other] = Object.keys(rest);
  if (other !== undefined) throw invalid(notServed(`DestinationConfig.${other}`));
  return onFailure?.Destination;
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValueException', message);
}
