/**
 * A request that AWS would refuse. `code` is the exception's name as the service's API reference spells it
 * (`ResourceNotFoundException`, `QueueDoesNotExist`); the wire turns it into an error answer.
 */
export class EngineError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}
