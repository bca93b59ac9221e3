import * as z from 'zod/mini';

/** What record-events needs to know; the stack sets it and takes the type from here. */
export const recordEventsEnv = z.object({
  EVENTS_TABLE: z.string().check(z.minLength(1)),
  /** How long an event is kept. Whole days. */
  EVENT_HISTORY_DAYS: z.string().check(z.regex(/^\d+$/)),
});

export type RecordEventsEnv = z.infer<typeof recordEventsEnv>;
