import type { IRawProperty } from 'fast-check';

/** One part of the system that takes what strangers write, and what must hold of it for every input. */
export interface FuzzTarget {
  /** For people: what is put in, what must come of it. */
  readonly claim: string;
  /** May take a while: some read a template first. */
  property(): IRawProperty<unknown> | Promise<IRawProperty<unknown>>;
}

/** Something that does not hold; the message says what. */
export class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Violation';
  }
}

export function must(holds: boolean, claim: string | (() => string)): asserts holds {
  if (!holds) throw new Violation(typeof claim === 'string' ? claim : claim());
}
