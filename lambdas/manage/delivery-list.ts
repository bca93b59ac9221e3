import * as z from 'zod/mini';
import { type DeliveryRecord, isOfPredecessor } from '../domain/deliveries/delivery-ledger.ts';
import { isReplayOf } from '../domain/deliveries/replay.ts';
import { explainOutcome, isUntried, mayBeForSubscription, retryHold } from '../domain/history/explanation.ts';
import type { EventSummary } from '../domain/history/recorded-event.ts';
import { isTimeKey, timeKeyOf } from '../domain/history/time-order.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { encodeCursor } from '../http/page-cursor.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import { deliveryPlace, deliveryView, placeJson, waitingView } from './deliveries.ts';
import { judge, noHistory, pageEnd } from './event-history.ts';
import type { DeliveryHistory, DeliveryQuery, EventHistory, StatusRange } from './ports.ts';
import {
  type ApiAnswer,
  invalidField,
  jsonAnswer,
  noReplay,
  type ReadRequest,
  type RoutedRequest,
  readCursor,
  readLimit,
  readTimeRange,
} from './request.ts';
import { notFound, type Operations } from './router.ts';
import type { ViewRules } from './subscription-view.ts';

export interface DeliveryListDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ViewRules, 'now'>;
  readonly deliveries: DeliveryHistory;
  /** Undefined: this deployment keeps no history. */
  readonly events: EventHistory | undefined;
  readonly routePrefix: string;
  readonly clock: Clock;
}

export const deliveryStates = [
  'delivered',
  'retrying',
  'exhausted',
  'discarded',
  'undelivered',
  'waiting',
  'held',
] as const;
type AskedState = (typeof deliveryStates)[number];

/** A place in the history's order (domain/history/time-order.ts). */
const historyPlace = z.strictObject({ before: z.string().check(z.refine(isTimeKey)) });
/** Events of the history that one answer looks at: two small reads of 100 keys for each chunk. */
const maxEventsPerAnswer = 1000;
const eventsPerChunk = 100;
/** Half of the time that an HTTP API gives: the chunk that is begun last needs some, too. */
const maxAnswerMs = 15_000;

interface Asked {
  readonly listName: string;
  readonly state: AskedState | undefined;
  readonly eventType: string | undefined;
  readonly status: StatusRange | undefined;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/**
 * The deliveries of a subscription: newest first by the history, which also knows what waits untried; what is
 * undelivered, and what belongs to a replay, by the ledger alone.
 */
export function deliveryListOperation(deps: DeliveryListDeps): Pick<Operations, 'listDeliveries'> {
  const { subscriptions, rules, deliveries, events, routePrefix, clock } = deps;

  async function listDeliveries(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    const { cursor, replayName, from, to } = request.query;
    const read = readAsked(request, id, clock());
    if (read.kind === 'refused') return read.answer;
    const asked = read.value;
    const isTimed = from !== undefined || to !== undefined;
    const { state } = asked;
    if (isUndelivered(state) || replayName !== undefined || (events === undefined && !isUntried(state) && !isTimed)) {
      if (isUntried(state)) return invalidField('replayName', `cannot be combined with state ${state}`);
      if (isTimed && !isUndelivered(state)) return invalidField('replayName', 'cannot be combined with from and to');
      const place = readCursor(cursor, asked.listName, deliveryPlace);
      if (place.kind === 'refused') return place.answer;
      const { undeliveredAt = asked.from } = place.value ?? {};
      // DynamoDB refuses a start outside of the time that is asked for.
      if (isTimed && (undeliveredAt < asked.from || undeliveredAt > asked.to)) {
        return invalidField('cursor', 'is not a cursor of this list');
      }
      const stored = await subscriptions.read(id);
      if (stored.config === undefined) return notFound(id);
      if (replayName !== undefined && !isReplayOf(routePrefix, id, replayName)) return noReplay(id, replayName);
      return byLedger(stored, asked, {
        ...(isTimed ? { from: asked.from, to: asked.to } : {}),
        ...(replayName === undefined ? {} : { replayName }),
        ...(place.value === undefined ? {} : { after: place.value }),
      });
    }
    if (events === undefined) return noHistory();
    const place = readCursor(cursor, asked.listName, historyPlace);
    if (place.kind === 'refused') return place.answer;
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    return byHistory(events, stored, asked, place.value?.before);
  }

  async function byLedger(
    stored: StoredSubscription,
    { state, eventType, status, limit, listName }: Asked,
    place: Pick<DeliveryQuery, 'from' | 'to' | 'replayName' | 'after'>,
  ): Promise<ApiAnswer> {
    const page = await deliveries.list(stored.subscriptionId, {
      limit,
      ...(state === undefined || isUntried(state) ? {} : { state }),
      ...(eventType === undefined ? {} : { eventType }),
      ...(status === undefined ? {} : { lastStatus: status }),
      ...place,
    });
    const now = clock();
    const subscription = judge(stored, { ...rules, now });
    return jsonAnswer(200, {
      deliveries: page.deliveries
        .filter((record) => !isOfPredecessor(record, stored.state))
        .map((record) => deliveryView(record, retryHold(record, subscription, now))),
      ...(page.next === undefined ? {} : { nextCursor: encodeCursor(listName, placeJson(page.next)) }),
    });
  }

  async function byHistory(
    history: EventHistory,
    stored: StoredSubscription,
    asked: Asked,
    start: string | undefined,
  ): Promise<ApiAnswer> {
    const { from, to, eventType: type, limit, listName } = asked;
    const views: Record<string, unknown>[] = [];
    const answer = (next?: string): ApiAnswer =>
      jsonAnswer(200, { deliveries: views, ...(next === undefined ? {} : pageEnd(listName, next)) });
    const endsAt = clock() + maxAnswerMs;
    let before = start;
    for (let looked = 0; ; ) {
      const page = await history.list({ from, to, type, limit: eventsPerChunk, before });
      const found = await shownOf(history, stored, asked, page.events);
      const fitting = found.slice(0, limit - views.length);
      views.push(...fitting.map(({ view }) => view));
      const last = fitting.at(-1);
      if (fitting.length < found.length && last !== undefined) {
        return answer(timeKeyOf(last.event.recordedAt, last.event.webhookId));
      }
      before = page.next;
      if (before === undefined) return answer();
      looked += page.events.length;
      const isEnough = views.length >= limit || looked >= maxEventsPerAnswer || clock() >= endsAt;
      // A chunk that is not full has reached the history's own bound.
      if (isEnough || page.events.length < eventsPerChunk) return answer(before);
    }
  }

  /** Of these events, those that are for the subscription and that were asked for. */
  async function shownOf(
    history: EventHistory,
    stored: StoredSubscription,
    { state, status }: Asked,
    summaries: readonly EventSummary[],
  ): Promise<readonly { readonly event: EventSummary; readonly view: Record<string, unknown> }[]> {
    const { subscriptionId } = stored;
    const now = clock();
    const records = await deliveries.readMany(summaries.map(({ webhookId }) => ({ subscriptionId, webhookId })));
    const own = records.filter((record) => !isOfPredecessor(record, stored.state));
    const byId = new Map(own.map((record) => [record.webhookId, record]));
    const subscription = judge(stored, { ...rules, now });
    // What the rule says of an event stands in its whole text, which is read only where it may say yes.
    const untried =
      status !== undefined || (state !== undefined && !isUntried(state))
        ? []
        : summaries
            .filter(({ webhookId }) => !byId.has(webhookId))
            .filter((event) => mayBeForSubscription(event, subscription))
            .map(({ webhookId }) => webhookId);
    const whole = await history.readMany(untried);
    return summaries.flatMap((event) => {
      const record = byId.get(event.webhookId);
      if (record !== undefined) {
        const view = deliveryView(record, retryHold(record, subscription, now));
        return isAskedFor(record, state, status) ? [{ event, view }] : [];
      }
      const recorded = whole.get(event.webhookId);
      if (recorded === undefined) return [];
      const explanation = explainOutcome(recorded, subscription, undefined, now);
      if (!isUntried(explanation.outcome) || (state ?? explanation.outcome) !== explanation.outcome) return [];
      return [{ event, view: waitingView(event, explanation) }];
    });
  }

  return { listDeliveries };
}

function isAskedFor(record: DeliveryRecord, state: AskedState | undefined, status: StatusRange | undefined): boolean {
  const { lastStatus = 0 } = record;
  return (
    (state ?? record.state) === record.state &&
    (status === undefined || (lastStatus >= status.from && lastStatus <= status.to))
  );
}

/** Those that the ledger's index holds. */
function isUndelivered(state: AskedState | undefined): state is 'undelivered' | 'retrying' | 'exhausted' | 'discarded' {
  return state !== undefined && state !== 'delivered' && !isUntried(state);
}

function readAsked(request: RoutedRequest, id: string, now: number): ReadRequest<Asked> {
  const { state: stateText, eventType, status: statusText, replayName, from, to } = request.query;
  const refuse = (field: string, detail: string) => ({ kind: 'refused', answer: invalidField(field, detail) }) as const;
  const state = deliveryStates.find((known) => known === stateText);
  if (stateText !== undefined && state === undefined) {
    return refuse('state', `must be one of ${deliveryStates.join(', ')}`);
  }
  const status = statusText === undefined ? undefined : statusRange(statusText);
  if (statusText !== undefined && status === undefined) return refuse('status', 'must be like 503, or like 5xx');
  const limit = readLimit(request);
  if (limit.kind === 'refused') return limit;
  const range = readTimeRange(request, now);
  if (range.kind === 'refused') return range;
  const listName = `deliveries ${[id, state, replayName, eventType, statusText, from, to].join(' ')}`;
  return { kind: 'valid', value: { listName, state, eventType, status, ...range.value, limit: limit.value } };
}

/** Of the last answer: `503`, or `5xx` for a class of them. */
function statusRange(text: string): StatusRange | undefined {
  if (!/^[1-5](\d\d|xx)$/.test(text)) return undefined;
  return { from: Number(text.replace('xx', '00')), to: Number(text.replace('xx', '99')) };
}
