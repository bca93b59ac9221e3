/**
 * A request that AWS would refuse. `code` is the exception's name as the service's API reference spells it
 * (`ResourceNotFoundException`, `QueueDoesNotExist`); the wire makes an error answer of it.
 */
export class EngineError extends Error {
  readonly code: string;
  /** Of the answer. */
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
    this.status = status;
  }
}

/** Of an invocation that would be one turn too many of a loop. */
export const recursiveInvocation = 'RecursiveInvocationException';

export function notFound(message: string): EngineError {
  return new EngineError('ResourceNotFoundException', message);
}

export function validation(message: string): EngineError {
  return new EngineError('ValidationException', message);
}

export function limitExceeded(what: string): EngineError {
  return new EngineError(
    'LimitExceededException',
    `The requested resource exceeds the maximum number allowed: ${what}.`,
  );
}
