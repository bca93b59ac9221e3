import * as z from 'zod/mini';
import { type DeliveryRecord, ownRecord } from '../domain/deliveries/delivery-ledger.ts';
import { isReplayOf, replayedEnvelope, replayName } from '../domain/deliveries/replay.ts';
import { isForSubscription, mayBeForSubscription, probablyWaits } from '../domain/history/explanation.ts';
import type { RecordedEvent } from '../domain/history/recorded-event.ts';
import { isTimeKey, recordedAtOf } from '../domain/history/time-order.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { decodeCursor, encodeCursor } from '../http/page-cursor.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import { archiveGaps, beyondArchive } from './archive-reach.ts';
import { judge, noHistory } from './event-history.ts';
import type { DeliveryHistory, EventHistory, QueuedReplays, SubscriberQueues } from './ports.ts';
import { depthOf } from './queue-depth.ts';
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
  readonly queuedReplays: QueuedReplays;
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
  readonly events: readonly {
    readonly event: RecordedEvent;
    readonly record: DeliveryRecord | undefined;
    /** Nobody has tried it yet, and it probably comes by itself. */
    readonly isUntried: boolean;
  }[];
  readonly looked: number;
  /** All that is newer was looked at. Absent: all of it. */
  readonly next?: string;
}

/**
 * Replays by the event history. The archive's replay cannot send what was delivered, since EventBridge adds no more than
 * the replay's name to an envelope; here each envelope says that it was asked for.
 */
export function historyReplays(deps: HistoryReplayDeps) {
  const { subscriptions, rules, deliveries, events, routePrefix, clock, queues, queuedReplays } = deps;

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
    const inQueue = await countQueued(stored);
    if (place === undefined) await queuedReplays.add(name, 0, clock());
    let queued = 0;
    let untried = 0;
    let looked = 0;
    do {
      const chunk: Chunk = await read(events, stored, { from, to, before });
      const envelopes = chunk.events
        .filter(({ record }) => record?.state !== 'retrying')
        // Only what was delivered says that it is asked for once more: of two copies, one that comes after the other is dropped.
        .flatMap(({ event, record }) => {
          const replaysDelivered = record?.state === 'delivered';
          return replayedEnvelope(event.event, name, { replaysDelivered }) ?? [];
        });
      if (envelopes.length > 0) {
        await queuedReplays.add(name, envelopes.length, clock());
        if ((await queues.put(subscriptionId, envelopes)) === undefined) return noQueue(subscriptionId);
      }
      queued += envelopes.length;
      untried += chunk.events.filter(({ isUntried }) => isUntried).length;
      looked += chunk.looked;
      before = chunk.next;
    } while (before !== undefined && queued < maxQueuedPerAnswer && looked < maxLookedAt && clock() < endsAt);
    return jsonAnswer(202, {
      replayName: name,
      queued,
      ...(Math.min(untried, inQueue) === 0 ? {} : { untried: Math.min(untried, inQueue) }),
      ...(place === undefined ? archiveGaps(range, startedAt, false) : {}),
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
    const isOfArchive = includeDelivered === 'false';
    const beyond = beyondArchive(range.value, clock());
    if (beyond !== undefined) return invalidField(request.query.to === undefined ? 'from' : 'to', beyond);
    const { searchedBackTo, ...counts } = await count(events, stored, range.value, !isOfArchive);
    return jsonAnswer(200, {
      ...counts,
      ...archiveGaps(range.value, clock(), isOfArchive),
      isAtLeast: searchedBackTo !== undefined,
      ...(searchedBackTo === undefined ? {} : { searchedBackTo }),
    });
  }

  /** Of a time, the events that probably come by themselves; none where the queue is empty, or no history is kept. */
  async function countUntried(stored: StoredSubscription, range: TimeRange): Promise<number> {
    if (events === undefined || (await countQueued(stored)) === 0) return 0;
    return (await count(events, stored, range, false)).untried;
  }

  /** Messages in its queue, as many as SQS believes there are; where it does not say, there may be any number. */
  async function countQueued({ subscriptionId }: StoredSubscription): Promise<number> {
    const depth = await depthOf(queues, subscriptionId);
    return depth === undefined ? Number.POSITIVE_INFINITY : depth.waiting + depth.inFlight;
  }

  async function count(history: EventHistory, stored: StoredSubscription, range: TimeRange, includeDelivered: boolean) {
    const counts = { events: 0, delivered: 0, retrying: 0, untried: 0 };
    const inQueue = await countQueued(stored);
    const endsAt = clock() + maxAnswerMs;
    let before: string | undefined;
    let looked = 0;
    do {
      const chunk: Chunk = await read(history, stored, { ...range, before });
      for (const { record, isUntried } of chunk.events) {
        if (record?.state === 'delivered') counts.delivered++;
        if (record?.state === 'retrying') counts.retrying++;
        else if (isUntried && counts.untried < inQueue) counts.untried++;
        else if (record?.state !== 'delivered' || includeDelivered) counts.events++;
      }
      looked += chunk.looked;
      before = chunk.next;
    } while (before !== undefined && looked < maxPlanned && clock() < endsAt);
    return { ...counts, searchedBackTo: before === undefined ? undefined : isoTime(recordedAtOf(before)) };
  }

  async function read(
    history: EventHistory,
    stored: StoredSubscription,
    query: TimeRange & { readonly before: string | undefined },
  ): Promise<Chunk> {
    const { subscriptionId } = stored;
    const now = clock();
    const subscription = judge(stored, { ...rules, now });
    if (subscription.kind === 'rejected') return { events: [], looked: 0 };
    const { config } = subscription;
    const page = await history.list({ ...query, limit: eventsPerChunk });
    const ids = page.events
      .filter((event) => mayBeForSubscription(event, subscription))
      .map(({ webhookId }) => webhookId);
    const [whole, records] = await Promise.all([
      history.readMany(ids),
      deliveries.readMany(ids.map((webhookId) => ({ subscriptionId, webhookId }))),
    ]);
    const recordOf = new Map(records.map((record) => [record.webhookId, record]));
    const found = ids.flatMap((id) => whole.get(id) ?? []).filter((event) => isForSubscription(event, config));
    return {
      events: found.map((event) => {
        const record = ownRecord(recordOf.get(event.webhookId), stored.state);
        return { event, record, isUntried: record === undefined && probablyWaits(event, subscription, now) };
      }),
      looked: page.events.length,
      ...(page.next === undefined ? {} : { next: page.next }),
    };
  }

  const operations: Pick<Operations, 'planReplay'> = { planReplay };
  return { operations, replayAll, countUntried };
}
