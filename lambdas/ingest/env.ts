import * as z from 'zod/mini';

/** What ingest needs to know; the stack sets it and takes the type from here. */
export const ingestEnv = z.object({
  EVENT_BUS_NAME: z.string().check(z.minLength(1)),
  CONVERSATIONS_TABLE: z.string().check(z.minLength(1)),
  /** A plain string secret; its AWSCURRENT and AWSPREVIOUS versions are both accepted. */
  DRIFT_TOKEN_SECRET_ARN: z.string().check(z.minLength(1)),
  /** JSON of its dates, see domain/events/legacy-timeline.ts. */
  LEGACY_TIMELINE: z.string().check(z.minLength(2)),
});

export type IngestEnv = z.infer<typeof ingestEnv>;
