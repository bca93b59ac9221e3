import * as z from 'zod/mini';
import { type DeliveryRecord, ownRecord } from '../domain/deliveries/delivery-ledger.ts';
import { isReplayOf, replayedEnvelope, replayName } from '../domain/deliveries/replay.ts';
import { isForSubscription, mayBeForSubscription } from '../domain/history/explanation.ts';
import type { RecordedEvent } from '../domain/history/recorded-event.ts';
import { isTimeKey, recordedAtOf } from '../domain/history/time-order.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { decodeCursor, encodeCursor } from '../http/page-cursor.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import { judge, noHistory } from './event-history.ts';
import type { DeliveryHistory, EventHistory, SubscriberQueues } from './ports.ts';
import {
  type ApiAnswer,
  invalidField,
  jsonAnswer,
  noQueue,
  type RoutedRequest,
  readTimeRange,
  type TimeRange,
} from './request.ts';
import { notFound, type Operations } from './router.ts';
import { isoTime, type ViewRules } from './subscription-view.ts';

export interface HistoryReplayDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ViewRules, 'now'>;
  readonly deliveries: DeliveryHistory;
  readonly queues: SubscriberQueues;
  /** Undefined: this deployment keeps no history. */
  readonly events: EventHistory | undefined;
  readonly routePrefix: string;
  readonly clock: Clock;
}

const eventsPerChunk = 100;
/** Events of the history that an answer looks at; the plan only counts, and a replay also puts into the queue. */
const maxPlanned = 5000;
const maxLookedAt = 1000;
const maxQueuedPerAnswer = 500;
/** Half of the time that an HTTP API gives: the chunk that is begun last needs some, too. */
const maxAnswerMs = 15_000;

const cursorPlace = z.strictObject({
  name: z.string(),
  to: z.int().check(z.gte(0)),
  before: z.string().check(z.refine(isTimeKey)),
});

interface Chunk {
  /** What the subscription's rule of now matches, newest first. */
  readonly events: readonly { readonly event: RecordedEvent; readonly record: DeliveryRecord | undefined }[];
  readonly looked: number;
  /** All that is newer was looked at. Absent: all of it. */
  readonly next?: string;
}

/**
 * Replays by the event history. The archive's replay cannot send what was delivered, since EventBridge adds no more than
 * the replay's name to an envelope; here each envelope says that it was asked for.
 */
export function historyReplays(deps: HistoryReplayDeps) {
  const { subscriptions, rules, deliveries, queues, events, routePrefix, clock } = deps;

  /** `startedAt`: names the replay; a request that is sent again has the same. Epoch ms. */
  async function replayAll(
    stored: StoredSubscription,
    range: TimeRange,
    cursor: string | undefined,
    startedAt: number,
  ): Promise<ApiAnswer> {
    if (events === undefined) return noHistory();
    const { subscriptionId } = stored;
    const listName = `replay ${subscriptionId} ${range.from}`;
    const place = cursor === undefined ? undefined : decodeCursor(listName, cursor, cursorPlace);
    if (cursor !== undefined && (place === undefined || !isReplayOf(routePrefix, subscriptionId, place.name))) {
      return invalidField('cursor', 'is not a cursor of this replay');
    }
    const name = place?.name ?? replayName(routePrefix, subscriptionId, startedAt);
    const { from } = range;
    const to = place?.to ?? range.to;
    const endsAt = clock() + maxAnswerMs;
    let before = place?.before;
    let queued = 0;
    let looked = 0;
    do {
      const chunk: Chunk = await read(events, stored, { from, to, before });
      const envelopes = chunk.events
        .filter(({ record }) => record?.state !== 'retrying')
        // What waits untried is not sent twice: only what was delivered says that it is asked for once more.
        .flatMap(({ event, record }) => {
          const replaysDelivered = record?.state === 'delivered';
          return replayedEnvelope(event.event, name, { replaysDelivered }) ?? [];
        });
      if (envelopes.length > 0 && (await queues.put(subscriptionId, envelopes)) === undefined)
        return noQueue(subscriptionId);
      queued += envelopes.length;
      looked += chunk.looked;
      before = chunk.next;
    } while (before !== undefined && queued < maxQueuedPerAnswer && looked < maxLookedAt && clock() < endsAt);
    return jsonAnswer(202, {
      replayName: name,
      queued,
      ...(before === undefined ? {} : { nextCursor: encodeCursor(listName, { name, to, before }) }),
    });
  }

  async function planReplay(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    const { from, includeDelivered = 'false' } = request.query;
    if (events === undefined) return noHistory();
    if (from === undefined) return invalidField('from', 'is missing');
    const range = readTimeRange(request, clock());
    if (range.kind === 'refused') return range.answer;
    if (!['true', 'false'].includes(includeDelivered)) {
      return invalidField('includeDelivered', 'must be true or false');
    }
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    const counts = { events: 0, delivered: 0, retrying: 0 };
    const endsAt = clock() + maxAnswerMs;
    let before: string | undefined;
    let looked = 0;
    do {
      const chunk: Chunk = await read(events, stored, { ...range.value, before });
      for (const { record } of chunk.events) {
        if (record?.state === 'delivered') counts.delivered++;
        if (record?.state === 'retrying') counts.retrying++;
        else if (record?.state !== 'delivered' || includeDelivered === 'true') counts.events++;
      }
      looked += chunk.looked;
      before = chunk.next;
    } while (before !== undefined && looked < maxPlanned && clock() < endsAt);
    return jsonAnswer(200, {
      ...counts,
      isAtLeast: before !== undefined,
      ...(before === undefined ? {} : { searchedBackTo: isoTime(recordedAtOf(before)) }),
    });
  }

  async function read(
    history: EventHistory,
    stored: StoredSubscription,
    query: TimeRange & { readonly before: string | undefined },
  ): Promise<Chunk> {
    const { subscriptionId } = stored;
    const subscription = judge(stored, { ...rules, now: clock() });
    if (subscription.kind === 'rejected') return { events: [], looked: 0 };
    const { config } = subscription;
    const page = await history.list({ ...query, limit: eventsPerChunk });
    const ids = page.events.filter((event) => mayBeForSubscription(event, config)).map(({ webhookId }) => webhookId);
    const [whole, records] = await Promise.all([
      history.readMany(ids),
      deliveries.readMany(ids.map((webhookId) => ({ subscriptionId, webhookId }))),
    ]);
    const recordOf = new Map(records.map((record) => [record.webhookId, record]));
    const found = ids.flatMap((id) => whole.get(id) ?? []).filter((event) => isForSubscription(event, config));
    return {
      events: found.map((event) => ({ event, record: ownRecord(recordOf.get(event.webhookId), stored.state) })),
      looked: page.events.length,
      ...(page.next === undefined ? {} : { next: page.next }),
    };
  }

  const operations: Pick<Operations, 'planReplay'> = { planReplay };
  return { operations, replayAll };
}
