import * as z from 'zod/mini';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { Broadcast } from '../domain/events/derive.ts';
import { type EventExample, exampleOf } from '../domain/events/event-examples.ts';
import { eventSources, testEventType } from '../domain/events/event-types.ts';
import { type Explanation, type Hold, nextAttempt } from '../domain/history/explanation.ts';
import type { EventSummary } from '../domain/history/recorded-event.ts';
import type { RandomBytes } from '../domain/subscriptions/signing-secret.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import type { ItemRules } from '../domain/subscriptions/subscription-item.ts';
import { problemResponse } from '../http/problem-responses.ts';
import type { JsonObject } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventPublisher } from '../ports/event-publisher.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { DeliveryHistory, DeliveryPlace } from './ports.ts';
import { type ApiAnswer, invalidField, jsonAnswer, type RoutedRequest, readJsonBody } from './request.ts';
import { testSchema } from './request-schemas.ts';
import { notFound, type Operations } from './router.ts';
import { isoTime, subscriptionView } from './subscription-view.ts';

export interface DeliveryDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ItemRules, 'now' | 'keepsLegacy'>;
  readonly deliveries: DeliveryHistory;
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly randomBytes: RandomBytes;
}

/** Between looks at the ledger for what became of a test. */
const lookDelayMs = 250;

export function deliveryOperations(deps: DeliveryDeps): Pick<Operations, 'testSubscription'> {
  const { subscriptions, rules, deliveries, publisher, clock, sleep, randomBytes } = deps;

  async function test(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    const body = readJsonBody(request, testSchema, {});
    if (body.kind === 'refused') return body.answer;
    const { eventType } = body.value;
    const example = eventType === undefined ? undefined : exampleOf(eventType);
    if (eventType !== undefined && example === undefined) {
      return invalidField('eventType', 'is not a known type with an example; GET /v1/event-types lists those');
    }
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    const view = subscriptionView(stored, { ...rules, now: clock() });
    if (view.delivering !== true) {
      return problemResponse(409, 'Conflict', {
        detail: `nothing can be delivered to ${id} now: its status is ${view.status}, its provisioning ${view.provisioning}${
          view.reason === undefined ? '' : ` (${view.reason})`
        }${circuitHint(stored)}`,
      });
    }
    const startedAt = clock();
    const event = testEvent(id, startedAt, randomBytes, example);
    const published = await publisher.publish([event]);
    if (published.kind !== 'published') {
      return problemResponse(503, 'Service Unavailable', { detail: 'the event bus did not accept the test event' });
    }
    const { id: webhookId } = event.detail;
    const deadline = startedAt + body.value.waitSeconds * 1000;
    for (;;) {
      const delivery = await deliveries.read(id, webhookId);
      if (delivery !== undefined) {
        const { state: outcome } = delivery;
        return jsonAnswer(200, { webhookId, outcome, delivery: deliveryView(delivery) });
      }
      if (clock() >= deadline) break;
      await sleep(lookDelayMs);
    }
    return jsonAnswer(202, { webhookId, outcome: 'waiting' });
  }

  return { testSubscription: test };
}

/** What else there is to say where nothing can be delivered: nothing, or why the circuit is open. */
function circuitHint({ subscriptionId, state }: StoredSubscription): string {
  const circuit = state?.circuit;
  if (circuit?.state !== 'open') return '';
  const why = circuit.reason === 'throttled' ? 'the endpoint asked for a pause' : 'the endpoint has failed';
  return `, and its circuit is open: ${why}. If it is back, PATCH /v1/subscriptions/${subscriptionId} {"status": "active"} closes it`;
}

/** DynamoDB takes sort keys of up to 1,024 bytes. */
const maxWebhookIdBytes = 1024;
export const deliveryPlace = z.strictObject({
  webhookId: z.string().check(
    z.minLength(1),
    z.refine((id) => Buffer.byteLength(id) <= maxWebhookIdBytes),
  ),
  undeliveredAt: z.optional(z.int().check(z.gte(0))),
});

export function placeJson({ webhookId, undeliveredAt }: DeliveryPlace): JsonObject {
  return { webhookId, ...(undeliveredAt === undefined ? {} : { undeliveredAt }) };
}

/**
 * Through the bus and the subscriber's own rule, queue and function: the path that real events take. The delivery function sends
 * an `example` in its place (delivery-message.ts).
 */
function testEvent(
  subscriptionId: string,
  now: number,
  randomBytes: RandomBytes,
  example: EventExample | undefined,
): Broadcast {
  return {
    source: eventSources.fanout,
    detail: {
      id: `msg_${Buffer.from(randomBytes(20)).toString('base64url')}`,
      orgId: null,
      type: testEventType,
      data: { subscriptionId, requestedAt: now, ...(example === undefined ? {} : { example: { ...example } }) },
      occurredAt: now,
    },
  };
}

/** One line of the ledger as the API shows it. `hold`: what keeps it back besides, see `retryHold`. */
export function deliveryView(record: DeliveryRecord, hold?: Hold): Record<string, unknown> {
  const { firstAttemptAt, lastAttemptAt, undeliveredAt } = record;
  const nextAttemptAt = nextAttempt(record, hold);
  const times = { firstAttemptAt, lastAttemptAt, nextAttemptAt, undeliveredAt };
  return {
    webhookId: record.webhookId,
    eventType: record.eventType,
    state: record.state,
    attempts: record.attempts,
    occurredAt: isoTime(record.occurredAt),
    ...Object.fromEntries(
      Object.entries(times).flatMap(([name, time]) => (time === undefined ? [] : [[name, isoTime(time)]])),
    ),
    ...defined({
      reason: record.reason ?? hold?.reason,
      lastStatus: record.lastStatus,
      lastError: record.lastError,
      lastErrorMessage: record.lastErrorMessage,
      durationMs: record.durationMs,
      responseHead: record.responseHead,
      replayName: record.replayName,
    }),
    history: record.history.map(({ at, ...attempt }) => ({ at: isoTime(at), ...attempt })),
  };
}

/** An event that no attempt was made of yet, in the form of a delivery. */
export function waitingView(
  { webhookId, type, occurredAt }: EventSummary,
  { outcome, reason, until }: Explanation,
): Record<string, unknown> {
  return {
    webhookId,
    eventType: type,
    state: outcome,
    attempts: 0,
    occurredAt: isoTime(occurredAt),
    reason,
    ...(until === undefined ? {} : { nextAttemptAt: isoTime(until) }),
    history: [],
  };
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
