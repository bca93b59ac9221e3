import * as z from 'zod/mini';
import { type DeliveryRecord, ownRecord } from '../domain/deliveries/delivery-ledger.ts';
import { deliveryBody, parseMessage } from '../domain/deliveries/delivery-message.ts';
import { idText } from '../domain/events/drift-event.ts';
import { type Explanation, explainOutcome, type JudgedSubscription, outcomes } from '../domain/history/explanation.ts';
import type { EventSummary, RecordedEvent } from '../domain/history/recorded-event.ts';
import { isTimeKey, recordedAtOf } from '../domain/history/time-order.ts';
import { conversationKeyOf } from '../domain/inactivity/conversation-key.ts';
import { type Conversation, timerStatus } from '../domain/inactivity/inactivity-timer.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { readSelection } from '../domain/subscriptions/subscription-item.ts';
import { encodeCursor } from '../http/page-cursor.ts';
import { errorSentence } from '../http/problem.ts';
import { problemResponse } from '../http/problem-responses.ts';
import { integerValue } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { ConversationReader, DeliveryHistory, EventHistory, EventQuery } from './ports.ts';
import {
  type ApiAnswer,
  invalidField,
  jsonAnswer,
  noId,
  type ReadRequest,
  type RoutedRequest,
  readCursor,
  readLimit,
  readTimeRange,
} from './request.ts';
import type { Operations } from './router.ts';
import type { SettingsDeps } from './settings.ts';
import { isoTime, readStored, type ViewRules } from './subscription-view.ts';

export interface EventHistoryDeps extends SettingsDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ViewRules, 'now'>;
  /** Undefined: this deployment keeps no history. */
  readonly events: EventHistory | undefined;
  readonly deliveries: DeliveryHistory;
  readonly conversations: ConversationReader;
  readonly clock: Clock;
}

/** A place in the history's order (domain/history/time-order.ts). */
const place = z.strictObject({ before: z.string().check(z.refine(isTimeKey)) });
/** Subscriptions that are read in one go. */
const subscriptionsPerRead = 100;
/** What a conversation's page shows at most, since each event is explained for every subscription. */
const explainedPerPage = 20;
const maxDerived = 10;

export function eventHistoryOperations(
  deps: EventHistoryDeps,
): Pick<Operations, 'listEvents' | 'showEvent' | 'showConversation'> {
  const { subscriptions, rules, events, deliveries, conversations, settings, defaultQuietPeriodSeconds, clock } = deps;

  async function listEvents(request: RoutedRequest): Promise<ApiAnswer> {
    if (events === undefined) return noHistory();
    const read = readQuery(request, clock());
    if (read.kind === 'refused') return read.answer;
    const { query, listName } = read.value;
    const page = await events.list(query);
    return jsonAnswer(200, {
      events: page.events.map(summaryView),
      ...(page.next === undefined ? {} : pageEnd(listName, page.next)),
    });
  }

  async function showEvent({ params }: RoutedRequest): Promise<ApiAnswer> {
    if (events === undefined) return noHistory();
    const { webhookId = '' } = params;
    const event = isWebhookId(webhookId) ? await events.read(webhookId) : undefined;
    if (event === undefined) return unknownEvent(webhookId);
    const [cause, derived, subscribers] = await Promise.all([
      event.causedBy === undefined ? undefined : events.read(event.causedBy),
      derivedFrom(events, event),
      allSubscriptions(subscriptions).then((all) => explainForAll([event], all)),
    ]);
    return jsonAnswer(200, {
      ...summaryView(event),
      body: bodyOf(event),
      ...(cause === undefined ? {} : { cause: summaryView(cause) }),
      derived: derived.map(summaryView),
      subscribers: (subscribers.get(event.webhookId) ?? []).map(({ subscription, explanation, record }) => ({
        subscriptionId: subscription.subscriptionId,
        ...textOf(subscription, 'description'),
        ...textOf(subscription, 'url'),
        ...explanationView(explanation),
        ...(record === undefined ? {} : { attempts: record.attempts }),
      })),
    });
  }

  async function showConversation(request: RoutedRequest): Promise<ApiAnswer> {
    if (events === undefined) return noHistory();
    const orgId = idText(request.params.orgId);
    const conversationId = idText(request.params.conversationId);
    if (orgId === undefined) return invalidField('orgId', noId);
    if (conversationId === undefined) return invalidField('conversationId', noId);
    const listName = `conversation ${orgId} ${conversationId}`;
    const cursor = readCursor(request.query.cursor, listName, place);
    if (cursor.kind === 'refused') return cursor.answer;
    const [stored, page, all, quietSeconds] = await Promise.all([
      conversations.read(conversationKeyOf(orgId, conversationId)),
      events.list({ from: 0, to: clock(), orgId, conversationId, limit: explainedPerPage, ...cursor.value }),
      allSubscriptions(subscriptions),
      settings.quietPeriodSeconds(orgId),
    ]);
    if (stored === undefined && page.events.length === 0 && cursor.value === undefined) {
      return problemResponse(404, 'Not Found', {
        detail: `nothing is known of conversation ${conversationId} of organisation ${orgId}; what was accepted just now shows after some seconds`,
      });
    }
    const whole = await events.readMany(page.events.map(({ webhookId }) => webhookId));
    const explained = await explainForAll([...whole.values()], all);
    return jsonAnswer(200, {
      orgId: integerValue(orgId),
      conversationId: integerValue(conversationId),
      ...(stored === undefined
        ? {}
        : {
            timer: timerView(stored, quietSeconds ?? defaultQuietPeriodSeconds, clock()),
          }),
      events: page.events.map((event) => ({
        ...summaryView(event),
        outcomes: countOutcomes((explained.get(event.webhookId) ?? []).map(({ explanation }) => explanation)),
      })),
      ...(page.next === undefined ? {} : pageEnd(listName, page.next)),
    });
  }

  /** Each event's outcome at every subscription, by webhook id; one read of the ledger for all pairs. */
  async function explainForAll(recorded: readonly RecordedEvent[], all: readonly StoredSubscription[]) {
    const now = clock();
    const judged = all.map((stored) => ({ stored, subscription: judge(stored, { ...rules, now }) }));
    const records = await deliveries.readMany(
      recorded.flatMap(({ webhookId }) => all.map(({ subscriptionId }) => ({ subscriptionId, webhookId }))),
    );
    const byPair = new Map(records.map((record) => [pairKey(record), record]));
    return new Map(
      recorded.map((event) => [
        event.webhookId,
        judged.map(({ stored, subscription }): Explained => {
          const pair = pairKey({ subscriptionId: stored.subscriptionId, webhookId: event.webhookId });
          const record = ownRecord(byPair.get(pair), stored.state);
          return { subscription: stored, record, explanation: explainOutcome(event, subscription, record, now) };
        }),
      ]),
    );
  }

  return { listEvents, showEvent, showConversation };
}

/** Every subscription that has a config, whatever its state. */
export async function allSubscriptions(subscriptions: SubscriptionStore): Promise<StoredSubscription[]> {
  const all: StoredSubscription[] = [];
  for (let after: string | undefined; ; ) {
    const page = await subscriptions.list(subscriptionsPerRead, after);
    all.push(...page.subscriptions);
    if (page.next === undefined) return all.filter(({ config }) => config !== undefined);
    after = page.next;
  }
}

interface Explained {
  readonly subscription: StoredSubscription;
  readonly record: DeliveryRecord | undefined;
  readonly explanation: Explanation;
}

/** A field as it is stored, where it is what it should be. */
function textOf({ config }: StoredSubscription, name: 'description' | 'url'): Record<string, string> {
  const value = config?.[name];
  return typeof value === 'string' ? { [name]: value } : {};
}

const pairKey = ({ subscriptionId, webhookId }: Pick<DeliveryRecord, 'subscriptionId' | 'webhookId'>): string =>
  `${subscriptionId} ${webhookId}`;

/** What was derived from an event has its conversation, and follows within the same post. */
async function derivedFrom(events: EventHistory, event: RecordedEvent): Promise<readonly EventSummary[]> {
  const { orgId, conversationId, recordedAt, webhookId } = event;
  if (orgId === undefined || conversationId === undefined) return [];
  const aroundMs = 60 * 60 * 1000;
  const query = { from: recordedAt - aroundMs, to: recordedAt + aroundMs, orgId, conversationId, limit: 100 };
  const page = await events.list(query);
  return page.events.filter(({ causedBy }) => causedBy === webhookId).slice(0, maxDerived);
}

export function judge(stored: StoredSubscription, rules: ViewRules): JudgedSubscription {
  const read = readStored(stored, rules);
  return read.kind === 'valid'
    ? { kind: 'valid', config: read.config, state: stored.state }
    : {
        kind: 'rejected',
        subscriptionId: stored.subscriptionId,
        reason: errorSentence(read.errors),
        selection: readSelection(stored.config ?? {}),
        state: stored.state,
      };
}

function readQuery(
  request: RoutedRequest,
  now: number,
): ReadRequest<{ readonly query: EventQuery; readonly listName: string }> {
  const { from: fromText, to: toText, type, orgId: orgText, conversationId: conversationText } = request.query;
  const orgId = idText(orgText);
  const conversationId = idText(conversationText);
  const refuse = (field: string, detail: string) => ({ kind: 'refused', answer: invalidField(field, detail) }) as const;
  const range = readTimeRange(request, now);
  if (range.kind === 'refused') return range;
  if (orgText !== undefined && orgId === undefined) return refuse('orgId', noId);
  if (conversationText !== undefined && conversationId === undefined) return refuse('conversationId', noId);
  const limit = readLimit(request);
  if (limit.kind === 'refused') return limit;
  const listName = `events ${[fromText, toText, type, orgId, conversationId].join(' ')}`;
  const cursor = readCursor(request.query.cursor, listName, place);
  if (cursor.kind === 'refused') return cursor;
  return {
    kind: 'valid',
    value: { query: { ...range.value, type, orgId, conversationId, limit: limit.value, ...cursor.value }, listName },
  };
}

export function isWebhookId(text: string): boolean {
  return /^[\x21-\x7e]{1,200}$/.test(text);
}

/** How a page of the history's order ends that is not the last. */
export function pageEnd(listName: string, next: string): Record<string, unknown> {
  return { nextCursor: encodeCursor(listName, { before: next }), searchedBackTo: isoTime(recordedAtOf(next)) };
}

function summaryView(event: EventSummary): Record<string, unknown> {
  const { webhookId, type, orgId, conversationId, occurredAt, recordedAt, causedBy } = event;
  return {
    webhookId,
    type,
    ...(orgId === undefined ? {} : { orgId: integerValue(orgId) }),
    ...(conversationId === undefined ? {} : { conversationId: integerValue(conversationId) }),
    occurredAt: isoTime(occurredAt),
    recordedAt: isoTime(recordedAt),
    ...(causedBy === undefined ? {} : { causedBy }),
  };
}

function timerView(stored: Conversation, quietPeriodSeconds: number, now: number): Record<string, unknown> {
  const status = timerStatus(stored, quietPeriodSeconds, now);
  return {
    state: status.state,
    lastActivityAt: isoTime(stored.lastActivityAt),
    ...(status.state === 'armed' ? { dueAt: isoTime(status.inactiveAt) } : {}),
  };
}

function explanationView({ outcome, reason, clause, until }: Explanation): Record<string, unknown> {
  return {
    outcome,
    reason,
    ...(clause === undefined ? {} : { clause }),
    ...(until === undefined ? {} : { until: isoTime(until) }),
  };
}

/** In the order in which outcomes are documented; those that nobody has are left out. */
function countOutcomes(explanations: readonly Explanation[]): Record<string, number> {
  const counts = outcomes.map(
    (outcome) => [outcome, explanations.filter((explanation) => explanation.outcome === outcome).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** The exact text that subscribers get. */
function bodyOf({ event, recordedAt }: RecordedEvent): string {
  const parsed = parseMessage({ messageId: '', receiptHandle: '', body: event, sentAt: recordedAt });
  return parsed.kind === 'message' ? deliveryBody(parsed.message) : '';
}

export function unknownEvent(webhookId: string): ApiAnswer {
  const shown = isWebhookId(webhookId) ? ` ${webhookId}` : ' of this id';
  return problemResponse(404, 'Not Found', {
    detail: `the history has no event${shown}: one shows some seconds after it was accepted, and is kept for the days of eventHistoryDays`,
  });
}

export function noHistory(): ApiAnswer {
  return problemResponse(409, 'Conflict', {
    detail: 'this deployment keeps no event history: set eventHistoryDays in cdk.json (1 to 30) and deploy',
  });
}
