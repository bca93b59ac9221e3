import * as z from 'zod/mini';
import { maxQuietPeriodSeconds, minQuietPeriodSeconds } from '../domain/inactivity/inactivity-timer.ts';
import { instantSchema } from '../domain/subscriptions/iso-instant.ts';
import { defaultOverlapSeconds, maxOverlapSeconds } from '../domain/subscriptions/signing-secret.ts';
import { subscriptionFields } from '../domain/subscriptions/subscription-fields.ts';
import { cursorPattern } from '../http/page-cursor.ts';
import { isJsonObject, type JsonObject } from '../json/json.ts';

/** What the routes take, beside what subscriptions themselves take (domain/subscription-item.ts). */
export const rotationSchema = z.strictObject({
  overlapSeconds: z
    ._default(z.int().check(z.gte(0), z.lte(maxOverlapSeconds)), defaultOverlapSeconds)
    .check(z.describe('How long the earlier secrets keep signing.')),
  scheme: z
    ._default(z.enum(['v1', 'v1a']), 'v1')
    .check(z.describe('v1: a shared secret (HMAC-SHA256). v1a: an ed25519 key pair, beside the shared secret.')),
  endOtherScheme: z
    ._default(z.boolean(), false)
    .check(z.describe('The secrets of the other scheme end with the overlap, too.')),
});

export const settingsSchema = z.strictObject({
  quietPeriodSeconds: z
    .nullable(z.int().check(z.gte(minQuietPeriodSeconds), z.lte(maxQuietPeriodSeconds)))
    .check(
      z.describe(
        "Seconds without activity after which a conversation is inactive; null: the default. A longer one holds at once, a shorter one from a conversation's next activity on.",
      ),
    ),
});

export const testSchema = z.strictObject({
  eventType: z
    .optional(z.string())
    .check(z.describe('Send the example of this type (GET /v1/event-types). Left out: a webhook_test event.')),
  waitSeconds: z
    ._default(z.int().check(z.gte(0), z.lte(20)), 10)
    .check(z.describe('How long to wait for what the subscriber answers.')),
});

const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be an object').check(z.meta({ type: 'object' }));

export const filterTestSchema = z.strictObject({
  filter: subscriptionFields.filter.schema,
  event: z.object({ data: jsonObject }).check(z.describe('An event as subscribers get it; its data is looked at.')),
});

export const emptySchema = z.strictObject({});

export const resendSchema = z.strictObject({
  subscriptionIds: z
    .optional(z.array(z.string()).check(z.minLength(1), z.maxLength(100)))
    .check(z.describe('To whom. Left out: every subscription whose rule matches the event now.')),
});

const timeRange = z.strictObject({
  from: instantSchema,
  to: z.optional(instantSchema).check(z.describe('Left out: now.')),
});

export const replaySchema = z
  .strictObject({
    webhookId: z
      .optional(z.string().check(z.minLength(1), z.maxLength(200)))
      .check(z.describe('One event of the ledger, as long as its data is kept.')),
    failed: z
      .optional(timeRange)
      .check(z.describe('What is exhausted or discarded, by the time of its first failure.')),
    missed: z
      .optional(
        z.extend(timeRange, {
          includeDelivered: z
            .optional(z.boolean())
            .check(z.describe('What was delivered too, from the event history; it goes on with `cursor`.')),
        }),
      )
      .check(z.describe('What the archive holds of that time; what was delivered is not delivered again.')),
    cancel: z.optional(z.string().check(z.minLength(1), z.maxLength(64))).check(z.describe('The name of a replay.')),
    cursor: z
      .optional(z.string().check(z.minLength(1), z.regex(cursorPattern, 'is not a cursor of this replay')))
      .check(z.describe('With `failed` or `missed.includeDelivered`: carries on where the answer before ended.')),
  })
  .check(
    z.meta({
      oneOf: [
        { required: ['webhookId'] },
        { required: ['failed'] },
        { required: ['missed'] },
        { required: ['cancel'] },
      ],
      dependentSchemas: { cursor: { anyOf: [{ required: ['failed'] }, { required: ['missed'] }] } },
    }),
  );
