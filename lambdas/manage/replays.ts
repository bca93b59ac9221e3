import * as z from 'zod/mini';
import { isOfPredecessor } from '../domain/deliveries/delivery-ledger.ts';
import {
  isReplayOf,
  replayedEnvelope,
  replayName,
  replayNamedAt,
  replayNamePrefix,
  replayRetentionSeconds,
} from '../domain/deliveries/replay.ts';
import { isForSubscription } from '../domain/history/explanation.ts';
import { routeNames } from '../domain/routes/desired-route.ts';
import { configEtag } from '../domain/subscriptions/config-etag.ts';
import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../domain/subscriptions/subscription.ts';
import { decodeCursor, encodeCursor } from '../http/page-cursor.ts';
import { problemResponse } from '../http/problem-responses.ts';
import type { JsonObject } from '../json/json.ts';
import { archiveGaps, beyondArchive } from './archive-reach.ts';
import { deliveryPlace, placeJson } from './deliveries.ts';
import { type HistoryReplayDeps, historyReplays } from './history-replays.ts';
import { type OnceDeps, oncePerKey } from './idempotency.ts';
import type { DeliveryPlace, QueueDepth, ReplayProgress, Replays } from './ports.ts';
import { depthOf } from './queue-depth.ts';
import {
  type ApiAnswer,
  invalidField,
  jsonAnswer,
  noQueue,
  noReplay,
  type ReadRequest,
  type RoutedRequest,
  readJsonBody,
  type TimeRange,
} from './request.ts';
import { replaySchema } from './request-schemas.ts';
import { notFound, type Operations } from './router.ts';
import { isoTime, readStored } from './subscription-view.ts';
import { rejected } from './subscriptions.ts';

export interface ReplayDeps extends HistoryReplayDeps, OnceDeps {
  readonly replays: Replays;
}

/** What one answer puts in the queue; an HTTP API gives it 30 s. The rest comes with the cursor. */
const maxQueuedPerAnswer = 500;
/** Half of the time that an HTTP API gives: the page that is begun last needs some, too. */
const maxAnswerMs = 15_000;
const pageSize = 50;
/** Of names with up to 64 characters, in the item that every batch of deliveries reads. */
const maxCancelledKept = 500;
/** What a cancel spends on the ledger while its replay may be under way. */
const maxLookMs = 2_000;
const maxCancelTries = 10;

interface Subscriber {
  readonly config: SubscriptionConfig;
  readonly state: SubscriptionState | undefined;
}

interface AskedRange {
  readonly from: string;
  readonly to?: string | undefined;
}

export function replayOperations(deps: ReplayDeps): Pick<Operations, 'replay' | 'listReplays' | 'planReplay'> {
  const { subscriptions, deliveries, replays, routePrefix, rules, clock } = deps;
  const { queues, queuedReplays } = deps;
  const byHistory = historyReplays(deps);

  async function replay(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    const body = readJsonBody(request, replaySchema);
    if (body.kind === 'refused') return body.answer;
    const { webhookId, failed, missed, cancel, cursor } = body.value;
    const asked = [webhookId, failed, missed, cancel].filter((choice) => choice !== undefined);
    if (asked.length !== 1) {
      return problemResponse(400, 'Bad Request', {
        detail: 'give exactly one of webhookId, failed, missed and cancel',
      });
    }
    if (cursor !== undefined && failed === undefined && missed?.includeDelivered !== true) {
      return invalidField('cursor', 'is taken with failed, and with missed.includeDelivered, only');
    }
    const stored = await subscriptions.read(id);
    if (stored.config === undefined) return notFound(id);
    // What is refused for its time leaves the key free for the request that is put right.
    const asks = failed ?? missed;
    const range = asks === undefined ? undefined : rangeOf(asks, failed === undefined ? 'missed' : 'failed', clock());
    if (range?.kind === 'refused') return range.answer;
    return oncePerKey(request, body.value as JsonObject, deps, async ({ now }) => {
      if (cancel !== undefined) return cancelReplay(stored, cancel);
      if (missed !== undefined) return replayMissed(stored, missed, cursor, now);
      const read = readStored(stored, { ...rules, now });
      if (read.kind === 'invalid') return rejected(id);
      const subscriber = { config: read.config, state: stored.state };
      if (failed !== undefined) return replayFailed(subscriber, failed, cursor, now);
      return replayOne(subscriber, webhookId ?? '', now);
    });
  }

  /** The ledger holds what a subscription got when it asked for other events, or for those of other organisations. */
  async function replayOne({ config, state }: Subscriber, webhookId: string, startedAt: number): Promise<ApiAnswer> {
    const id = config.subscriptionId;
    const delivery = await deliveries.read(id, webhookId);
    if (delivery === undefined || isOfPredecessor(delivery, state)) {
      return problemResponse(404, 'Not Found', { detail: `there is no delivery ${webhookId} to ${id}` });
    }
    if (delivery.state === 'retrying') {
      return problemResponse(409, 'Conflict', { detail: `${webhookId} is being retried already` });
    }
    if (delivery.event === undefined) {
      return problemResponse(409, 'Conflict', {
        detail: `the event of ${webhookId} is not kept with its delivery, because it is ${delivery.state}; send it again with POST /v1/subscriptions/${id}/deliveries/${webhookId}/resend`,
      });
    }
    if (!isForSubscription({ event: delivery.event }, config)) {
      return problemResponse(409, 'Conflict', {
        detail: `${id} does not ask for ${webhookId} any more: its eventTypes, orgIds or filter do not match it`,
      });
    }
    const name = replayName(routePrefix, id, startedAt);
    const envelope = replayedEnvelope(delivery.event, name);
    await queuedReplays.add(name, 1, clock());
    if (envelope === undefined || (await queues.put(id, [envelope])) === undefined) return noQueue(id);
    return jsonAnswer(202, { replayName: name, queued: 1 });
  }

  async function replayFailed(
    { config, state }: Subscriber,
    asked: AskedRange,
    cursor: string | undefined,
    startedAt: number,
  ): Promise<ApiAnswer> {
    const id = config.subscriptionId;
    const read = rangeOf(asked, 'failed', startedAt);
    if (read.kind === 'refused') return read.answer;
    const range = read.value;
    const listName = `failed ${id} ${asked.from} ${asked.to ?? ''}`;
    const place = cursor === undefined ? undefined : decodeCursor(listName, cursor, replayPlace);
    if (cursor !== undefined && (place === undefined || !isOfReplay(place, id, range))) {
      return invalidField('cursor', 'is not a cursor of this replay');
    }
    const name = place?.name ?? replayName(routePrefix, id, startedAt);
    const to = place?.to ?? range.to;
    if (place === undefined) await queuedReplays.add(name, 0, clock());
    let after: DeliveryPlace | undefined = place?.after;
    let queued = 0;
    let withoutEvent = 0;
    let notWanted = 0;
    const endsAt = clock() + maxAnswerMs;
    do {
      const page = await deliveries.list(id, {
        state: 'undelivered',
        from: range.from,
        to,
        limit: pageSize,
        withEvent: true,
        ...(after === undefined ? {} : { after }),
      });
      // What is retrying has its attempts still before it.
      const givenUp = page.deliveries.filter(
        (record) => record.state !== 'retrying' && !isOfPredecessor(record, state),
      );
      const events = givenUp.flatMap(({ event }) => event ?? []);
      const wanted = events.filter((event) => isForSubscription({ event }, config));
      const envelopes = wanted.flatMap((event) => replayedEnvelope(event, name) ?? []);
      if (envelopes.length > 0) {
        await queuedReplays.add(name, envelopes.length, clock());
        if ((await queues.put(id, envelopes)) === undefined) return noQueue(id);
      }
      queued += envelopes.length;
      withoutEvent += givenUp.length - events.length;
      notWanted += events.length - wanted.length;
      after = page.next;
      // What is retrying is read as well, and there may be a great deal of it.
    } while (after !== undefined && queued < maxQueuedPerAnswer && clock() < endsAt);
    const next = after === undefined ? undefined : encodeCursor(listName, { name, to, after: placeJson(after) });
    return jsonAnswer(202, {
      replayName: name,
      queued,
      ...(withoutEvent === 0 ? {} : { withoutEvent }),
      ...(notWanted === 0 ? {} : { notWanted }),
      ...(next === undefined ? {} : { nextCursor: next }),
    });
  }

  /** DynamoDB refuses a start outside of the time that is asked for. */
  function isOfReplay({ name, to, after }: z.output<typeof replayPlace>, id: string, range: TimeRange): boolean {
    const at = after.undeliveredAt ?? -1;
    return isReplayOf(routePrefix, id, name) && to <= clock() && at >= range.from && at <= to;
  }

  async function replayMissed(
    stored: StoredSubscription,
    asked: AskedRange & { readonly includeDelivered?: boolean | undefined },
    cursor: string | undefined,
    startedAt: number,
  ): Promise<ApiAnswer> {
    const { subscriptionId: id } = stored;
    const read = rangeOf(asked, 'missed', startedAt);
    if (read.kind === 'refused') return read.answer;
    const beyond = beyondArchive(read.value, clock());
    if (beyond !== undefined) return invalidField(asked.to === undefined ? 'missed.from' : 'missed.to', beyond);
    if (asked.includeDelivered === true) return byHistory.replayAll(stored, read.value, cursor, startedAt);
    // The archive's events go by the rule that there is when they are replayed.
    if (stored.state?.appliedConfig !== configEtag(stored.config ?? {})) return notInForce(id);
    const name = replayName(routePrefix, id, startedAt);
    const { rule } = routeNames(routePrefix, id);
    const started = await replays.start({ name, ruleName: rule, ...read.value });
    if (started.kind === 'too-many') {
      return problemResponse(429, 'Too Many Requests', {
        detail: 'EventBridge allows no more replays at once; wait until one has ended',
        headers: { 'retry-after': '60' },
      });
    }
    const [progress, depth, untried] = await Promise.all([
      replays.describe(name),
      depthOf(queues, id),
      byHistory.countUntried(stored, read.value),
    ]);
    const end = { cancelled: [], depth };
    return jsonAnswer(202, {
      replayName: name,
      ...(untried === 0 ? {} : { untried }),
      ...archiveGaps(read.value, clock(), true),
      ...(progress === undefined ? {} : { replay: progressView(progress, end) }),
    });
  }

  /** Of an archive or of the ledger: what still waits in the queue is dropped by the delivery function. */
  async function cancelReplay(stored: StoredSubscription, name: string): Promise<ApiAnswer> {
    const { subscriptionId, state } = stored;
    if (!isReplayOf(routePrefix, subscriptionId, name)) return noReplay(subscriptionId, name);
    const wasCancelled = state?.cancelledReplays?.includes(name) === true;
    const end = wasCancelled ? undefined : await endOf(stored, name);
    if (end === 'unknown') return noReplay(subscriptionId, name);
    const refusal =
      end === undefined ? await keepCancelled(stored, name) : `${name} is ${end}, so there is nothing to cancel`;
    if (refusal !== undefined) return problemResponse(409, 'Conflict', { detail: refusal });
    await replays.cancel(name);
    const [progress, depth] = await Promise.all([replays.describe(name), depthOf(queues, subscriptionId)]);
    return jsonAnswer(202, {
      replayName: name,
      ...(depth === undefined || wasCancelled ? {} : { waiting: depth.waiting + depth.inFlight }),
      replay: progress === undefined ? cancelledView(name) : progressView(progress, { cancelled: [name], depth }),
    });
  }

  /** How a replay has ended of which nothing waits any more, in the queue or for a retry; undefined: it has not, or nobody can say. */
  async function endOf(
    { subscriptionId: id, state }: StoredSubscription,
    name: string,
  ): Promise<'completed' | 'failed' | 'unknown' | undefined> {
    const [ofArchive, put, depth] = await Promise.all([
      replays.describe(name),
      queuedReplays.read(name),
      depthOf(queues, id),
    ]);
    // The queue of a subscription that was deleted went with it.
    const isOwn = put !== undefined && put.queuedAt >= (state?.acceptedAt ?? 0);
    const ofQueue = isOwn && ofArchive === undefined ? put : undefined;
    if (ofArchive === undefined && ofQueue === undefined) return 'unknown';
    const end = ofArchive?.state ?? 'completed';
    if (end !== 'completed' && end !== 'failed') return undefined;
    const { queued, queuedAt } = ofQueue ?? {
      queued: Number.POSITIVE_INFINITY,
      queuedAt: ofArchive?.endedAt ?? replayNamedAt(name),
    };
    // What was put into the queue a moment ago is not counted yet.
    const mayWait = !isEmpty(depth) || clock() - queuedAt < queueCountLagMs;
    // Of an archive's, nobody knows how many its events are.
    if (mayWait && ofQueue === undefined) return undefined;
    const endsAt = clock() + (mayWait ? maxLookMs : maxAnswerMs);
    let after: DeliveryPlace | undefined;
    for (let settled = 0; settled < queued; ) {
      const page = await deliveries.list(id, {
        replayName: name,
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      });
      if (page.deliveries.some(({ state }) => state === 'retrying')) return undefined;
      settled += page.deliveries.length;
      after = page.next;
      if (after === undefined) return mayWait && settled < queued ? undefined : end;
      if (clock() >= endsAt) return undefined;
    }
    return end;
  }

  /** Why it could not be kept; undefined: it is. None is forgotten of which something may still come. */
  async function keepCancelled(
    { subscriptionId: id, state }: StoredSubscription,
    name: string,
  ): Promise<string | undefined> {
    let expected = state?.cancelledReplays;
    for (let attempt = 1; attempt <= maxCancelTries; attempt++) {
      if (expected?.includes(name)) return undefined;
      const remembered = (expected ?? []).filter((other) => isRemembered(id, other));
      if (remembered.length >= maxCancelledKept) {
        const next = isoTime(Math.min(...remembered.map(forgottenAt)));
        return `${id} has ${maxCancelledKept} cancelled replays already, as many as are remembered; the oldest is forgotten at ${next}`;
      }
      const cancelledReplays = [...remembered, name];
      const change = { set: { cancelledReplays }, expected: { cancelledReplays: expected } };
      if (await subscriptions.changeState(id, change)) return undefined;
      expected = (await subscriptions.read(id)).state?.cancelledReplays;
    }
    return 'this subscription is being changed by others; try again';
  }

  function isRemembered(id: string, name: string): boolean {
    return isReplayOf(routePrefix, id, name) && forgottenAt(name) > clock();
  }

  async function list({ params }: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = params;
    const { config, state } = await subscriptions.read(id);
    if (config === undefined) return notFound(id);
    const [found, depth] = await Promise.all([replays.list(replayNamePrefix(routePrefix, id)), depthOf(queues, id)]);
    const end = { cancelled: state?.cancelledReplays ?? [], depth };
    const known = new Set(found.map(({ name }) => name));
    // Of the history, or of the ledger: nothing else is kept of such a one.
    const others = end.cancelled.filter((name) => !known.has(name) && isRemembered(id, name)).toReversed();
    return jsonAnswer(200, {
      replays: [
        ...found.filter(({ name }) => isReplayOf(routePrefix, id, name)).map((progress) => progressView(progress, end)),
        ...others.map(cancelledView),
      ],
    });
  }

  return { replay, listReplays: list, ...byHistory.operations };
}

const replayPlace = z.strictObject({ name: z.string(), to: z.int(), after: deliveryPlace });

function rangeOf(asked: AskedRange, field: string, now: number): ReadRequest<TimeRange> {
  const refuse = (name: string, detail: string) =>
    ({ kind: 'refused', answer: invalidField(`${field}.${name}`, detail) }) as const;
  const from = Date.parse(asked.from);
  const to = asked.to === undefined ? now : Date.parse(asked.to);
  if (to > now) return refuse('to', 'lies in the future');
  return from < to ? { kind: 'valid', value: { from, to } } : refuse('to', 'must be later than from');
}

/** SQS counts a message after a minute at the latest. */
const queueCountLagMs = 2 * 60 * 1000;

/** When a cancelled replay is forgotten, by its name: epoch ms. */
function forgottenAt(name: string): number {
  return replayNamedAt(name) + replayRetentionSeconds * 1000;
}

function notInForce(subscriptionId: string): ApiAnswer {
  return problemResponse(409, 'Conflict', {
    detail: `the rule of ${subscriptionId}, by which the archive is replayed, is not as configured yet; wait until its provisioning is ready`,
  });
}

/** Of a replay that the archive knows nothing of. */
function cancelledView(name: string): Record<string, unknown> {
  return { name, state: 'cancelled', startedAt: isoTime(replayNamedAt(name)) };
}

interface ReplayEnd {
  readonly cancelled: readonly string[];
  readonly depth: QueueDepth | undefined;
}

function isEmpty(depth: QueueDepth | undefined): boolean {
  return depth !== undefined && depth.waiting + depth.inFlight === 0;
}

/**
 * The bus has completed a replay when its events are in the subscriber's queue; what a cancelled one had put there is
 * dropped, also where the bus had completed it before.
 */
function stateOf(
  { name, state }: Pick<ReplayProgress, 'name' | 'state'>,
  { cancelled, depth }: ReplayEnd,
): ReplayProgress['state'] | 'queued' {
  if (cancelled.includes(name)) return 'cancelled';
  return state === 'completed' && !isEmpty(depth) ? 'queued' : state;
}

function progressView(progress: ReplayProgress, end: ReplayEnd): Record<string, unknown> {
  const { name, reason, from, to, lastReplayedAt, startedAt, endedAt } = progress;
  const times = { from, to, lastReplayedAt, startedAt, endedAt };
  return {
    name,
    state: stateOf(progress, end),
    ...(reason === undefined ? {} : { reason }),
    ...Object.fromEntries(
      Object.entries(times).flatMap(([key, time]) => (time === undefined ? [] : [[key, isoTime(time)]])),
    ),
  };
}
