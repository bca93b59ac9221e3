import * as z from 'zod/mini';

/** What provision needs to know; the stack sets it and takes the type from here. */
export const provisionEnv = z.object({
  SUBSCRIPTIONS_TABLE: z.string().check(z.minLength(1)),
  DELIVERIES_TABLE: z.string().check(z.minLength(1)),
  EVENT_BUS_NAME: z.string().check(z.minLength(1)),
  /** Begins the name of every rule, queue and function that is made at run time: `<prefix>-<subscriptionId>`. */
  ROUTE_PREFIX: z.string().check(z.regex(/^[A-Za-z0-9-]{1,20}$/)),
  /** Where the code of the delivery functions lies. Its key changes with the code. */
  DELIVER_CODE_BUCKET: z.string().check(z.minLength(1)),
  DELIVER_CODE_KEY: z.string().check(z.minLength(1)),
  /** The role that every delivery function takes. */
  DELIVER_ROLE_ARN: z.string().check(z.minLength(1)),
  DELIVER_LOG_GROUP: z.string().check(z.minLength(1)),
  /** JSON: the tags of the stack, for what is made at run time. */
  TAGS: z.string().check(z.minLength(2)),
  /** Messages from delivery functions, and from provision to itself: `{subscriptionId, action}`. */
  CONTROL_QUEUE_URL: z.string().check(z.minLength(1)),
  OUTBOUND_POLICY: z.enum(['public', 'local']),
  /** `on`: the delivery functions tell X-Ray of each attempt. */
  TRACES: z.enum(['on', 'off']),
  /** How long EventBridge may take until a new or changed rule matches; until then no subscription is `ready`. */
  RULE_SETTLE_SECONDS: z.string().check(z.regex(/^\d{1,2}$/)),
  /** JSON of its dates, see domain/events/legacy-timeline.ts. */
  LEGACY_TIMELINE: z.string().check(z.minLength(2)),
  /** A subscription to which no delivery succeeded for so long is disabled. Whole seconds. */
  DISABLE_AFTER_SECONDS: z.string().check(z.regex(/^[1-9]\d*$/)),
});

export type ProvisionEnv = z.infer<typeof provisionEnv>;
export type Traces = ProvisionEnv['TRACES'];
