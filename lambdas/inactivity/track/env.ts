import * as z from 'zod/mini';

/** What track-activity needs to know; the stack sets it and takes the type from here. */
export const trackActivityEnv = z.object({
  CONVERSATIONS_TABLE: z.string().check(z.minLength(1)),
  SETTINGS_TABLE: z.string().check(z.minLength(1)),
  TIMERS_QUEUE_URL: z.string().check(z.minLength(1)),
  /** For organisations that set none. Whole seconds. */
  DEFAULT_QUIET_PERIOD_SECONDS: z.string().check(z.regex(/^\d+$/)),
});

export type TrackActivityEnv = z.infer<typeof trackActivityEnv>;
