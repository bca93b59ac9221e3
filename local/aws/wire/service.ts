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
}

export type Input = Readonly<Record<string, unknown>>;

export interface Operation {
  /** Members of the input that mean something here. The endpoint refuses a call with any other. */
  readonly takes: readonly string[];
  readonly answer: (input: Input, call: Call) => unknown;
}

export type Operations = Readonly<Record<string, Operation>>;

export interface AwsService {
  /** As IAM spells it: `events`, `sqs`, `lambda`, `dynamodb`, `secretsmanager`. */
  readonly name: string;
  readonly operations: Operations;
}
