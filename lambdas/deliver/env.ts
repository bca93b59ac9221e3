import * as z from 'zod/mini';

/**
 * What a subscriber's delivery function needs to know. `provision` sets it when it makes the function; url, headers
 * and secrets are not in it: they are read from the subscriptions table with each batch, so a change is in force at once.
 */
export const deliverEnv = z.object({
  SUBSCRIPTION_ID: z.string().check(z.minLength(1)),
  /** The subscriber's own queue. */
  QUEUE_URL: z.string().check(z.minLength(1)),
  SUBSCRIPTIONS_TABLE: z.string().check(z.minLength(1)),
  DELIVERIES_TABLE: z.string().check(z.minLength(1)),
  EVENT_BUS_NAME: z.string().check(z.minLength(1)),
  /** Where a circuit that opens or closes is reported; `provision` reads it. */
  CONTROL_QUEUE_URL: z.string().check(z.minLength(1)),
  /** `local` lets http and private addresses through; deployed it is `public`. */
  OUTBOUND_POLICY: z.enum(['public', 'local']),
  /** `on`: attempts join the trace of their event in X-Ray. */
  TRACES: z.enum(['on', 'off']),
  /** A subscription to which no delivery succeeded for so long is disabled. Whole seconds. */
  DISABLE_AFTER_SECONDS: z.string().check(z.regex(/^[1-9]\d*$/)),
  /** The route prefix: the dimension `service` of the metrics, see contracts/metrics.ts. */
  POWERTOOLS_SERVICE_NAME: z.string().check(z.minLength(1)),
});

export type DeliverEnv = z.infer<typeof deliverEnv>;
