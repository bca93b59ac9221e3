/**
 * How the local endpoint serves AWS: a service is a set of operations from parsed input to output. The wire knows the
 * protocols (AWS JSON 1.0 and 1.1, REST-JSON for Lambda); a service knows none of it.
 */
export interface Call {
  /** The access key of the caller, from the request's signature: each local function has its own. */
  readonly accessKeyId: string;
  readonly region: string;
  /** X-Ray's tracing header, as the SDK sends it along from within a function. */
  readonly traceHeader?: string;
  /** Aborted when the caller hangs up; an operation that waits (a long poll) ends then. */
  readonly signal?: AbortSignal;
}

export type Operation = (input: Record<string, unknown>, call: Call) => unknown;

export interface AwsService {
  /** As IAM spells it: `events`, `sqs`, `lambda`, `dynamodb`, `secretsmanager`. */
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** An error answer as AWS gives it. `code` is the exception's name, `ResourceNotFoundException` for one. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}
