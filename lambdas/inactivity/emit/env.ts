import * as z from 'zod/mini';

/** What emit-inactivity needs to know; the stack sets it and takes the type from here. */
export const emitInactivityEnv = z.object({
  CONVERSATIONS_TABLE: z.string().check(z.minLength(1)),
  SETTINGS_TABLE: z.string().check(z.minLength(1)),
  TIMERS_QUEUE_URL: z.string().check(z.minLength(1)),
  EVENT_BUS_NAME: z.string().check(z.minLength(1)),
  /** For organisations that set none. Whole seconds. */
  DEFAULT_QUIET_PERIOD_SECONDS: z.string().check(z.regex(/^\d+$/)),
  /** JSON of its dates, see domain/events/legacy-timeline.ts. */
  LEGACY_TIMELINE: z.string().check(z.minLength(2)),
});

export type EmitInactivityEnv = z.infer<typeof emitInactivityEnv>;
