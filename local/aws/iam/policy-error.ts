/** A policy that cannot be read, or that says what the local run does not know. Never ignored: it would allow too much. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PolicyError';
  }
}
