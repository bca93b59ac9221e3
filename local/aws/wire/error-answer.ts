import type { EngineError } from '../engine/engine-error.ts';

// Lambda's REST interface gives each exception its own status; the JSON protocols answer 400 to all that the caller did.
const lambdaStatuses: Readonly<Record<string, number>> = {
  ResourceNotFoundException: 404,
  ResourceConflictException: 409,
  RequestTooLargeException: 413,
  TooManyRequestsException: 429,
};

export function lambdaStatusOf({ code, status }: EngineError): number {
  return lambdaStatuses[code] ?? status;
}

// SQS once spoke the query protocol; its clients still read those names from a header of their own.
const prefixedQueryCodes = new Set([
  'BatchEntryIdsNotDistinct',
  'BatchRequestTooLong',
  'EmptyBatchRequest',
  'InvalidBatchEntryId',
  'MessageNotInflight',
  'PurgeQueueInProgress',
  'QueueDeletedRecently',
  'TooManyEntriesInBatchRequest',
  'UnsupportedOperation',
]);
const queryCodes: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
};

/** The value of `x-amzn-query-error`. */
export function queryErrorOf({ code, status }: EngineError): string {
  const queryCode = queryCodes[code] ?? (prefixedQueryCodes.has(code) ? `AWS.SimpleQueueService.${code}` : code);
  return `${queryCode};${status >= 500 ? 'Receiver' : 'Sender'}`;
}
