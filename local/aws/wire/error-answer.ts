import { EngineError } from '../engine/engine-error.ts';
import { AwsError } from './service.ts';

/** How a service says no, before the protocol gives it a form. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

/** Undefined: not an answer of a service but a bug. */
export function errorAnswerOf(error: unknown): ErrorAnswer | undefined {
  if (error instanceof AwsError) return { code: error.code, message: error.message, status: error.status };
  if (error instanceof EngineError) return { code: error.code, message: error.message, status: statusOf(error.code) };
  return undefined;
}

// Lambda's REST interface gives each exception its own status; the JSON protocols answer 400 to all that the caller did.
const lambdaStatuses: Readonly<Record<string, number>> = {
  ResourceNotFoundException: 404,
  ResourceConflictException: 409,
  TooManyRequestsException: 429,
};

function statusOf(code: string): number {
  return code === 'InternalFailure' || code === 'InternalException' ? 500 : 400;
}

export function lambdaStatusOf(answer: ErrorAnswer): number {
  return lambdaStatuses[answer.code] ?? answer.status;
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

/** The value of `x-amzn-query-error`. */
export function queryErrorOf(answer: ErrorAnswer): string {
  const { code } = answer;
  const queryCode =
    code === 'QueueDoesNotExist'
      ? 'AWS.SimpleQueueService.NonExistentQueue'
      : code === 'QueueNameExists'
        ? 'QueueAlreadyExists'
        : prefixedQueryCodes.has(code)
          ? `AWS.SimpleQueueService.${code}`
          : code;
  return `${queryCode};${answer.status >= 500 ? 'Receiver' : 'Sender'}`;
}
