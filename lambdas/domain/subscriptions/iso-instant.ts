import * as z from 'zod/mini';

const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z$/;

/** Epoch milliseconds of an instant in ISO 8601, UTC; undefined for what is none, as a 31 February. */
export function parseInstant(text: string): number | undefined {
  if (!form.test(text)) return undefined;
  const instant = Date.parse(text);
  // `Date.parse` takes 2026-02-31 for 3 March.
  return Number.isNaN(instant) || new Date(instant).toISOString().slice(0, 16) !== text.slice(0, 16)
    ? undefined
    : instant;
}

export const instantSchema = z.string().check(
  z.refine((text) => parseInstant(text) !== undefined, 'must be an instant in ISO 8601, UTC, as 2026-11-22T03:00:00Z'),
  z.meta({ format: 'date-time', pattern: 'Z$' }),
);
