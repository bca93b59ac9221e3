import type { JsonValue } from './json.ts';

/** An event pattern that was checked; opaque. */
export interface CompiledPattern {
  readonly pattern: JsonValue;
}

export type ParsedPattern =
  | { readonly kind: 'pattern'; readonly pattern: CompiledPattern }
  /** `path`: where the fault is, `detail.data.x[0].numeric`; empty for the pattern as a whole. */
  | { readonly kind: 'invalid'; readonly path: string; readonly reason: string };

/** Text, or a value that `parseJson` made (so that its numbers are as they were written). */
export function parseEventPattern(_pattern: JsonValue): ParsedPattern {
  throw new Error('not written yet');
}

/** `event` as `parseJson` made it. */
export function matches(_pattern: CompiledPattern, _event: JsonValue): boolean {
  throw new Error('not written yet');
}

export interface Mismatch {
  /** The field: `detail.data.x`. */
  readonly path: string;
  readonly reason: string;
}

/** Why an event does not match; empty where it does. */
export function explain(_pattern: CompiledPattern, _event: JsonValue): Mismatch[] {
  throw new Error('not written yet');
}
