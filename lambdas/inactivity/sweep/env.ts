import * as z from 'zod/mini';

/** What sweep-inactivity needs to know; the stack sets it and takes the type from here. */
export const sweepInactivityEnv = z.object({
  CONVERSATIONS_TABLE: z.string().check(z.minLength(1)),
  TIMERS_QUEUE_URL: z.string().check(z.minLength(1)),
});

export type SweepInactivityEnv = z.infer<typeof sweepInactivityEnv>;
