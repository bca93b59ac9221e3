import { type DeliveryRecord, ownRecord } from '../domain/deliveries/delivery-ledger.ts';
import { type DeliveryMessage, deliveryBody, parseMessage } from '../domain/deliveries/delivery-message.ts';
import { resentCopyDelaySeconds } from '../domain/deliveries/endpoint-health.ts';
import { replayedEnvelope, replayName } from '../domain/deliveries/replay.ts';
import { headersToSend } from '../domain/deliveries/webhook-request.ts';
import {
  explainOutcome,
  isForSubscription,
  isUntried,
  mismatchReason,
  retryHold,
} from '../domain/history/explanation.ts';
import type { RecordedEvent } from '../domain/history/recorded-event.ts';
import { maskedHeaders } from '../domain/subscriptions/header-rules.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { problemResponse } from '../http/problem-responses.ts';
import type { JsonObject } from '../json/json.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import { deliveryView, waitingView } from './deliveries.ts';
import { allSubscriptions, isWebhookId, judge, noHistory, unknownEvent } from './event-history.ts';
import { type OnceDeps, oncePerKey } from './idempotency.ts';
import type { DeliveryFunctions, DeliveryHistory, EventHistory, QueuedReplays, SubscriberQueues } from './ports.ts';
import { type ApiAnswer, invalidField, jsonAnswer, noQueue, type RoutedRequest, readJsonBody } from './request.ts';
import { emptySchema, resendSchema } from './request-schemas.ts';
import { notFound, type Operations } from './router.ts';
import { readStored, type ViewRules } from './subscription-view.ts';

export interface ResendDeps extends OnceDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ViewRules, 'now'>;
  /** Undefined: this deployment keeps no history. */
  readonly events: EventHistory | undefined;
  readonly deliveries: DeliveryHistory;
  readonly queues: SubscriberQueues;
  readonly queuedReplays: QueuedReplays;
  readonly functions: DeliveryFunctions;
  readonly routePrefix: string;
}

/**
 * A resend is a message in the subscriber's own queue like any other, with the same webhook id and the same bytes; its
 * envelope says that a person asked for it now, whatever became of the event before (delivery-ledger.ts). Where the circuit is
 * open, the delivery function is handed the message besides.
 */
export function resendOperations(
  deps: ResendDeps,
): Pick<Operations, 'showDelivery' | 'resendDelivery' | 'resendEvent'> {
  const { subscriptions, rules, events, deliveries, functions, routePrefix, clock } = deps;
  const { queues, queuedReplays } = deps;

  async function showDelivery({ params }: RoutedRequest): Promise<ApiAnswer> {
    const { id = '', webhookId = '' } = params;
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    const [record, event] = isWebhookId(webhookId)
      ? await Promise.all([recordOf(stored, webhookId), events?.read(webhookId)])
      : [];
    const envelope = event?.event ?? record?.event;
    const request = envelope === undefined ? undefined : requestView(stored, envelope);
    const sent = request === undefined ? {} : { request };
    const now = clock();
    const subscription = judge(stored, { ...rules, now });
    if (record !== undefined) {
      return jsonAnswer(200, { ...deliveryView(record, retryHold(record, subscription, now)), ...sent });
    }
    if (event === undefined) return unknownDelivery(id, webhookId);
    const explanation = explainOutcome(event, subscription, undefined, now);
    if (isUntried(explanation.outcome)) return jsonAnswer(200, { ...waitingView(event, explanation), ...sent });
    return problemResponse(404, 'Not Found', {
      detail: `${webhookId} was not sent to ${id}: ${explanation.reason}`,
    });
  }

  async function resendDelivery(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '', webhookId = '' } = request.params;
    const body = readJsonBody(request, emptySchema, {});
    if (body.kind === 'refused') return body.answer;
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    const record = isWebhookId(webhookId) ? await recordOf(stored, webhookId) : undefined;
    const envelope = await envelopeOf(webhookId, record);
    if (envelope === undefined) return unknownDelivery(id, webhookId);
    const refusal = refusalOf(stored, envelope);
    if (refusal !== undefined) return problemResponse(409, 'Conflict', { detail: refusal });
    return oncePerKey(request, body.value as JsonObject, deps, async ({ now }) => {
      const name = replayName(routePrefix, id, now);
      if (!(await send(stored, envelope, name))) return noQueue(id);
      return jsonAnswer(202, { webhookId, subscriptionId: id, replayName: name });
    });
  }

  async function resendEvent(request: RoutedRequest): Promise<ApiAnswer> {
    if (events === undefined) return noHistory();
    const { webhookId = '' } = request.params;
    const body = readJsonBody(request, resendSchema, {});
    if (body.kind === 'refused') return body.answer;
    const event = isWebhookId(webhookId) ? await events.read(webhookId) : undefined;
    if (event === undefined) return unknownEvent(webhookId);
    const { subscriptionIds } = body.value;
    const all = await allSubscriptions(subscriptions);
    const byId = new Map(all.map((stored) => [stored.subscriptionId, stored]));
    const unknown = subscriptionIds?.find((id) => !byId.has(id));
    if (unknown !== undefined) {
      const place = subscriptionIds?.indexOf(unknown);
      return invalidField(`subscriptionIds[${place}]`, `is not a subscription: there is no ${unknown}`);
    }
    const chosen =
      subscriptionIds === undefined
        ? all.filter((stored) => isFor(event, stored))
        : [...new Set(subscriptionIds)].flatMap((id) => byId.get(id) ?? []);
    return oncePerKey(request, body.value as JsonObject, deps, async ({ now }) => {
      const resends = await Promise.all(
        chosen.map(async (stored) => {
          const { subscriptionId } = stored;
          const refused = refusalOf(stored, event.event);
          if (refused !== undefined) return { subscriptionId, refused };
          const name = replayName(routePrefix, subscriptionId, now);
          return (await send(stored, event.event, name))
            ? { subscriptionId, replayName: name }
            : { subscriptionId, refused: 'it has no queue yet' };
        }),
      );
      return jsonAnswer(202, { webhookId, resends });
    });
  }

  async function recordOf({ subscriptionId, state }: StoredSubscription, webhookId: string) {
    return ownRecord(await deliveries.read(subscriptionId, webhookId), state);
  }

  /** The envelope as it was published: from the history, or from the ledger while it is not delivered. */
  async function envelopeOf(webhookId: string, record: DeliveryRecord | undefined): Promise<string | undefined> {
    if (!isWebhookId(webhookId)) return undefined;
    return (await events?.read(webhookId))?.event ?? record?.event;
  }

  /** False: the subscriber has no queue (yet). */
  async function send({ subscriptionId, state }: StoredSubscription, event: string, name: string): Promise<boolean> {
    const body = replayedEnvelope(event, name, { isResend: true });
    if (body === undefined) return false;
    // Nobody reads the queue while the circuit is open, and a probe would take any of its messages.
    const isUnread = state?.circuit?.state === 'open';
    const sentAt = clock();
    await queuedReplays.add(name, 1, sentAt);
    const ids = await queues.put(subscriptionId, [body], isUnread ? resentCopyDelaySeconds : 0);
    const messageId = ids?.[0];
    if (messageId === undefined) return false;
    if (isUnread) await functions.resend(subscriptionId, { messageId, body, sentAt });
    return true;
  }

  function isFor(event: RecordedEvent, stored: StoredSubscription): boolean {
    const read = readStored(stored, { ...rules, now: clock() });
    return read.kind === 'valid' && isForSubscription(event, read.config);
  }

  /** Why an event may not be sent to a subscription, in words; undefined: it may. What it does not ask for is not its to have. */
  function refusalOf(stored: StoredSubscription, envelope: string): string | undefined {
    const { subscriptionId, state } = stored;
    const read = readStored(stored, { ...rules, now: clock() });
    if (read.kind === 'invalid') return `${subscriptionId} is rejected; correct it first`;
    const mismatch = mismatchReason(envelope, read.config);
    if (mismatch !== undefined) return `${subscriptionId} is not to have it: ${mismatch}`;
    const resume = `PATCH /v1/subscriptions/${subscriptionId} {"status": "active"}`;
    if (state?.disabled !== undefined) {
      return `${subscriptionId} is disabled (${state.disabled.reason}); enable it first: ${resume}`;
    }
    if (read.config.status === 'paused') return `${subscriptionId} is paused; resume it first: ${resume}`;
    return undefined;
  }

  return { showDelivery, resendDelivery, resendEvent };
}

/** What was or would be sent, without the signature, which each attempt makes anew. */
function requestView({ config = {} }: StoredSubscription, envelope: string): Record<string, unknown> | undefined {
  const message = messageOf(envelope);
  if (message === undefined) return undefined;
  return {
    ...(typeof config.url === 'string' ? { url: config.url } : {}),
    headers: {
      ...maskedHeaders(headersToSend(config.headers)),
      'content-type': 'application/json',
      'webhook-id': message.webhookId,
      ...(message.isTest ? { 'webhook-test': 'true' } : {}),
    },
    body: deliveryBody(message),
  };
}

function messageOf(envelope: string): DeliveryMessage | undefined {
  const parsed = parseMessage({ messageId: '', receiptHandle: '', body: envelope, sentAt: 0 });
  return parsed.kind === 'message' ? parsed.message : undefined;
}

function unknownDelivery(subscriptionId: string, webhookId: string): ApiAnswer {
  const shown = isWebhookId(webhookId) ? ` ${webhookId}` : ' of this id';
  return problemResponse(404, 'Not Found', {
    detail: `no delivery${shown} to ${subscriptionId} is known, and the history has no such event (one shows some seconds after it was accepted)`,
  });
}
