import * as z from 'zod/mini';
import { outcomes } from '../domain/history/explanation.ts';
import { createSchema } from '../domain/subscriptions/subscription-fields.ts';

/** What the routes give, for their description: nothing is checked against it at run time. */
const text = z.string();
const time = z.string().check(z.meta({ format: 'date-time' }));
const count = z.int().check(z.gte(0));
/** Any integer of 64 bits; a JSON number also where a double would round it. */
const int64 = z.any().check(z.meta({ type: 'integer', format: 'int64' }));
const fieldError = z.object({ field: text, detail: text });

export const problemSchema = z.object({
  type: text,
  title: text,
  status: z.int(),
  detail: z.optional(text),
  errors: z.optional(z.array(fieldError)),
});

/** The fields as they were written; those that a rejected item shows may hold anything of their kind. */
const shownFields = {
  ...createSchema.shape,
  url: z.optional(text),
  eventTypes: z.optional(z.array(text)),
  orgIds: z.optional(z.array(int64)),
  description: z.optional(text),
};

export const subscriptionSchema = z.object({
  subscriptionId: text,
  ...shownFields,
  status: z
    .enum(['active', 'paused', 'disabled', 'rejected'])
    .check(z.describe('disabled: by the system, see `disabled`. rejected: its item makes no sense, see `reason`.')),
  provisioning: z
    .enum(['pending', 'ready', 'rejected'])
    .check(z.describe('ready: what is configured now is in force.')),
  reason: z.optional(text).check(z.describe('Why it is rejected, or what it waits for.')),
  errors: z.optional(z.array(fieldError)).check(z.describe('What is wrong with a rejected one, field by field.')),
  disabled: z.optional(z.object({ at: time, reason: text })),
  failingSince: z.optional(time).check(z.describe('First failure since the last success.')),
  lastSuccessAt: z.optional(time).check(z.describe('The success that ended the last series of failures.')),
  circuit: z
    .optional(
      z.object({
        state: z.enum(['open', 'probing']),
        since: time,
        nextProbeAt: time,
        reason: z.enum(['failing', 'throttled']),
      }),
    )
    .check(
      z.describe(
        'Only while the endpoint is not tried. open: no attempt until `nextProbeAt`. probing: one event is tried; if it succeeds, the circuit closes.',
      ),
    ),
  throttledUntil: z.optional(time).check(z.describe('No attempt before: its endpoint has asked for it.')),
  delivering: z
    .optional(z.boolean())
    .check(
      z.describe('Whether its events are delivered just now; also while a change waits, by what was in force before.'),
    ),
  queue: z
    .optional(z.object({ waiting: z.int(), inFlight: z.int(), deadLetters: z.int() }))
    .check(
      z.describe(
        'About how many events wait in its queue, are being delivered or hidden until their next attempt, and lie with the dead letters. For one subscription alone, not in lists.',
      ),
    ),
  signingKeys: z.optional(
    z.array(z.object({ scheme: z.enum(['v1', 'v1a']), publicKey: z.optional(text), expiresAt: z.optional(time) })),
  ),
  etag: text.check(z.describe('For if-match; changes with every change of the configuration.')),
  createdAt: z.optional(time),
  updatedAt: z.optional(time),
  warnings: z
    .optional(z.array(fieldError))
    .check(z.describe('After a change: what was accepted and is probably not meant.')),
});

export const createdSubscriptionSchema = z.object({
  ...subscriptionSchema.shape,
  secret: text.check(z.describe('The signing secret. It is shown this once.')),
});

export const rotatedSubscriptionSchema = z.object({
  ...subscriptionSchema.shape,
  secret: z.optional(text).check(z.describe('With scheme v1: the new signing secret. It is shown this once.')),
  publicKey: z.optional(text).check(z.describe('With scheme v1a: what the subscriber verifies with.')),
});

export const subscriptionListSchema = z.object({
  subscriptions: z.array(subscriptionSchema),
  nextCursor: z.optional(text).check(z.describe('There is more: send it as `cursor`.')),
});

export const deliverySchema = z.object({
  webhookId: text,
  eventType: text,
  state: z
    .enum(['delivered', 'retrying', 'exhausted', 'discarded', 'waiting', 'held'])
    .check(z.describe('waiting, held: its rule matches, and no attempt was made yet.')),
  attempts: count,
  reason: z
    .optional(text)
    .check(
      z.describe(
        'Why it is discarded, exhausted, waiting or held; of one that is retried, what keeps it back besides.',
      ),
    ),
  occurredAt: time,
  firstAttemptAt: z.optional(time),
  lastAttemptAt: z.optional(time),
  nextAttemptAt: z.optional(time),
  undeliveredAt: z.optional(time).check(z.describe('When it first failed.')),
  lastStatus: z.optional(z.int()),
  lastError: z.optional(text),
  lastErrorMessage: z.optional(text),
  durationMs: z.optional(z.number()),
  responseHead: z
    .optional(text)
    .check(z.describe('The beginning of what the subscriber answered last: 256 bytes of a 2xx, 4 KB of any other.')),
  replayName: z.optional(text),
  history: z.array(
    z.object({
      at: time,
      durationMs: z.number(),
      status: z.optional(z.int()),
      error: z.optional(text),
      resent: z
        .optional(z.boolean())
        .check(z.describe('It was sent twice: over a kept connection that turned out dead, and over a fresh one.')),
      byHand: z
        .optional(z.boolean())
        .check(z.describe('A resend. Where the event is being retried, one that fails uses up none of its attempts.')),
    }),
  ),
});

export const testResultSchema = z.object({
  webhookId: text,
  outcome: z
    .enum(['delivered', 'retrying', 'exhausted', 'discarded', 'waiting'])
    .check(z.describe('waiting: the subscriber has not answered yet; see its deliveries.')),
  delivery: z.optional(deliverySchema),
});

const clauseSchema = z.object({
  kind: z.enum(['type', 'organisation', 'filter', 'source']),
  path: text.check(z.describe('Of a filter: the path below `data`.')),
  expected: text,
  found: z.optional(text),
});

const eventSummarySchema = z.object({
  webhookId: text,
  type: text,
  orgId: z.optional(int64),
  conversationId: z.optional(int64),
  occurredAt: time,
  recordedAt: time,
  causedBy: z.optional(text).check(z.describe('The webhook id of the event that it was derived from.')),
});

const searchEnd = {
  nextCursor: z.optional(text).check(z.describe('There may be more: send it as `cursor`.')),
  searchedBackTo: z.optional(time).check(z.describe('With `nextCursor`: all that is newer was looked at.')),
};

export const deliveryListSchema = z.object({ deliveries: z.array(deliverySchema), ...searchEnd });

export const eventListSchema = z.object({ events: z.array(eventSummarySchema), ...searchEnd });

export const eventSchema = z.object({
  ...eventSummarySchema.shape,
  body: text.check(z.describe('The exact text that subscribers get.')),
  cause: z.optional(eventSummarySchema),
  derived: z.array(eventSummarySchema),
  subscribers: z
    .array(
      z.object({
        subscriptionId: text,
        description: z.optional(text),
        url: z.optional(text),
        outcome: z.enum(outcomes),
        reason: text,
        clause: z.optional(clauseSchema).check(z.describe('With not-matched: which part of the rule said no.')),
        until: z.optional(time).check(z.describe('Nothing is tried before.')),
        attempts: z.optional(count),
      }),
    )
    .check(z.describe('Every subscription, judged by its configuration of now.')),
});

export const conversationSchema = z.object({
  orgId: int64,
  conversationId: int64,
  timer: z.optional(
    z.object({
      state: z.enum(['armed', 'closed', 'idle']),
      lastActivityAt: time,
      dueAt: z.optional(time).check(z.describe('When it becomes inactive unless something happens.')),
    }),
  ),
  events: z.array(
    z.object({
      ...eventSummarySchema.shape,
      outcomes: z.record(z.string(), count).check(z.describe('How many subscriptions have which outcome.')),
    }),
  ),
  ...searchEnd,
});

export const deliveryDetailSchema = z.object({
  ...deliverySchema.shape,
  request: z
    .optional(z.object({ url: z.optional(text), headers: z.record(z.string(), text), body: text }))
    .check(z.describe('As it is sent, without the signature; values of credentials are masked.')),
});

export const resentDeliverySchema = z.object({ webhookId: text, subscriptionId: text, replayName: text });

export const resentEventSchema = z.object({
  webhookId: text,
  resends: z.array(
    z.object({
      subscriptionId: text,
      replayName: z.optional(text),
      refused: z.optional(text).check(z.describe('Why nothing was sent to it.')),
    }),
  ),
});

const replayGaps = {
  coveredFrom: z.optional(time).check(z.describe('Older events are no longer kept: nothing before is replayed.')),
  mayMissFrom: z
    .optional(time)
    .check(z.describe('Events from here on may not be in the archive yet: ask for them again ten minutes later.')),
};

const replayProgressSchema = z.object({
  name: text,
  state: z
    .enum(['starting', 'running', 'cancelling', 'queued', 'completed', 'cancelled', 'failed'])
    .check(
      z.describe(
        "queued: all its events are in the subscriber's queue, which is not empty. completed: the queue is empty as well. cancelled: what of it still waited is not delivered.",
      ),
    ),
  reason: z.optional(text),
  from: z.optional(time),
  to: z.optional(time),
  lastReplayedAt: z.optional(time).check(z.describe('The time of the archive that it has reached.')),
  startedAt: z.optional(time),
  endedAt: z.optional(time),
});

export const replayListSchema = z.object({ replays: z.array(replayProgressSchema) });

export const replayResultSchema = z.object({
  replayName: text,
  queued: z.optional(count).check(z.describe("Events that were put in the subscriber's queue.")),
  withoutEvent: z.optional(count).check(z.describe('Events that are no longer kept, so they cannot be sent again.')),
  notWanted: z
    .optional(count)
    .check(z.describe('Events that the subscription does not ask for any more: other types, organisations or filter.')),
  nextCursor: z.optional(text).check(z.describe('There is more: send the same again with it as `cursor`.')),
  ...replayGaps,
  untried: z
    .optional(count)
    .check(
      z.describe(
        'Events of that time that wait untried in the queue and probably come by themselves. The replay brings a copy of each, which is dropped where it comes after the delivery; where both are under way at once, the event arrives twice, under one id. Of `missed`: among the newest 5,000 events; with `includeDelivered`: of this answer.',
      ),
    ),
  waiting: z
    .optional(count)
    .check(z.describe('Of a cancel: events that waited in the queue then; those of the replay are not delivered.')),
  replay: z.optional(replayProgressSchema),
});

export const replayPlanSchema = z.object({
  events: count.check(z.describe('Events that the replay would send.')),
  delivered: count.check(z.describe('Of that time, delivered already.')),
  retrying: count.check(z.describe('Of that time, being retried: a replay leaves them to that.')),
  untried: count.check(
    z.describe(
      'Of that time, waiting untried in the queue: they probably come by themselves, and are not among `events`.',
    ),
  ),
  ...replayGaps,
  isAtLeast: z.boolean().check(z.describe('The count stopped early: there may be more.')),
  searchedBackTo: z.optional(time).check(z.describe('With `isAtLeast`: all that is newer was counted.')),
});

export const subscriptionMetricsSchema = z.object({
  from: time,
  to: time,
  periodSeconds: z.int(),
  periods: z.array(
    z.object({
      at: time.check(z.describe('When the period begins.')),
      delivered: count.check(z.describe('Attempts that a 2xx answered.')),
      failed: count.check(z.describe('Attempts that failed.')),
      p50Ms: z.optional(z.number()).check(z.describe("From the event's arrival on the bus to the 2xx.")),
      p95Ms: z.optional(z.number()),
      waiting: z.optional(z.number()).check(z.describe('Messages in its queue, at most.')),
    }),
  ),
});

export const orgSettingsSchema = z.object({
  orgId: int64,
  quietPeriodSeconds: z.int(),
  isDefault: z.boolean().check(z.describe('The organisation has not set its own.')),
});

export const eventTypeListSchema = z.object({
  eventTypes: z.array(
    z.object({
      type: text,
      origin: z.enum(['drift', 'derived', 'operational']),
      description: text,
      schema: z
        .record(z.string(), z.unknown())
        .check(
          z.describe(
            'JSON Schema (2020-12) of the body that a subscriber gets, with the fields that are documented. What Drift sends besides is passed on.',
          ),
        ),
      example: z
        .object({ orgId: z.nullable(int64), type: text, data: z.record(z.string(), z.unknown()) })
        .check(z.describe('What POST /v1/subscriptions/{id}/test sends for this type.')),
      legacy: z.optional(
        z.object({
          phase: z.enum(['announced', 'closed-to-new', 'mirroring', 'removed']),
          openToNewSubscribers: z.boolean(),
          replacements: z.array(text),
          timeline: z.record(z.string(), time),
        }),
      ),
    }),
  ),
});

export const filterResultSchema = z.object({
  matches: z.boolean(),
  mismatches: z
    .array(z.object({ field: text, reason: text, alternative: z.optional(text) }))
    .check(z.describe('Why not, field by field; empty where it matches.')),
});
