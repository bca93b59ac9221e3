import * as z from 'zod/mini';

/** What manage needs to know; the stack sets it and takes the type from here. */
export const manageEnv = z.object({
  SUBSCRIPTIONS_TABLE: z.string().check(z.minLength(1)),
  SETTINGS_TABLE: z.string().check(z.minLength(1)),
  DELIVERIES_TABLE: z.string().check(z.minLength(1)),
  CONVERSATIONS_TABLE: z.string().check(z.minLength(1)),
  /** `none`: this deployment keeps no event history. */
  EVENTS_TABLE: z.string().check(z.minLength(1)),
  /** For how long an event is kept there. Whole days. */
  EVENT_HISTORY_DAYS: z.string().check(z.regex(/^\d+$/)),
  EVENT_BUS_NAME: z.string().check(z.minLength(1)),
  /** The bus's archive, for replays. */
  EVENT_ARCHIVE_ARN: z.string().check(z.minLength(1)),
  ROUTE_PREFIX: z.string().check(z.regex(/^[A-Za-z0-9-]{1,20}$/)),
  OUTBOUND_POLICY: z.enum(['public', 'local']),
  /** For organisations that set none. Whole seconds. */
  DEFAULT_QUIET_PERIOD_SECONDS: z.string().check(z.regex(/^\d+$/)),
  /** JSON of its dates, see domain/events/legacy-timeline.ts. */
  LEGACY_TIMELINE: z.string().check(z.minLength(2)),
});

export type ManageEnv = z.infer<typeof manageEnv>;
