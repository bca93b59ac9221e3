import { integerValue, type JsonObject } from '../../json/json.ts';
import { type DriftEvent, type EventDetail, idText, ownTime, timeOf } from './drift-event.ts';
import { eventSources, eventTypes } from './event-types.ts';
import { type LegacyTimeline, legacyPhaseAt } from './legacy-timeline.ts';
import { isSyncCommand } from './sync-command.ts';
import { identifyingFact, webhookId, webhookIdOf } from './webhook-id.ts';

/** One entry for the bus. */
export interface Broadcast {
  readonly source: (typeof eventSources)[keyof typeof eventSources];
  readonly detail: EventDetail;
}

export interface Derivation {
  /** A superseded event is dropped: each cause makes its own `conversation_push`. */
  readonly kind: 'broadcast' | 'superseded';
  /** In the order in which they are published; all of one cause belong into one PutEvents call. */
  readonly broadcasts: readonly Broadcast[];
}

/**
 * All that goes out for one event: itself and what follows from it. Called wherever an event is published, with
 * events that came from outside only, so a derived event is never derived from again.
 * `now` decides the legacy phase and is the arrival to which a time in the future is clamped; epoch milliseconds.
 */
export function deriveBroadcasts(event: DriftEvent, now: number, timeline: LegacyTimeline): Derivation {
  const phase = legacyPhaseAt(now, timeline);
  const itself: Broadcast = { source: eventSources.drift, detail: detailOf(event, webhookIdOf(event, now), now) };
  const mirroring = phase === 'mirroring';

  switch (event.type) {
    case eventTypes.conversationPush:
      return { kind: 'superseded', broadcasts: [] };
    case eventTypes.conversationStatusUpdated: {
      const own: Broadcast = phase === 'removed' ? { ...itself, source: eventSources.retired } : itself;
      return event.data.status === 'closed' ? withPushes(own, manualPush(event, now, false)) : alone(own);
    }
    case eventTypes.newCommandMessage:
      return isSyncCommand(event) ? withPushes(itself, manualPush(event, now, mirroring)) : alone(itself);
    case eventTypes.conversationManualPush:
    case eventTypes.conversationInactive:
      return withPushes(itself, consequences(event, itself.detail.id, identifyingFact(event, now), now, mirroring));
    default:
      return alone(itself);
  }
}

function alone(itself: Broadcast): Derivation {
  return { kind: 'broadcast', broadcasts: [itself] };
}

function withPushes(itself: Broadcast, pushes: readonly Broadcast[]): Derivation {
  return { kind: 'broadcast', broadcasts: [itself, ...pushes] };
}

/** `conversation_manual_push` for a close or a `/sync`, and all that follows from it. */
function manualPush(cause: DriftEvent, now: number, mirrored: boolean): Broadcast[] {
  const conversationId = idText(cause.data.conversationId);
  if (conversationId === undefined) return [];
  const push: DriftEvent = {
    orgId: cause.orgId,
    type: eventTypes.conversationManualPush,
    data: { conversationId: integerValue(conversationId), lastUpdated: timeOf(cause, now) },
  };
  // A repeated post has the same ids: by its own time, however far in the future, and without one by the cause's identity.
  const time = ownTime(cause);
  const fact =
    time === undefined
      ? ['cause', ...identifyingFact(cause, now)]
      : identifyingFact({ ...push, data: { ...push.data, lastUpdated: time } }, now);
  const itself: Broadcast = {
    source: eventSources.drift,
    detail: {
      ...detailOf(push, webhookId(push.orgId, push.type, fact), now),
      cause: cause.type,
      causedBy: webhookIdOf(cause, now),
    },
  };
  return [itself, ...consequences(push, itself.detail.id, fact, now, mirrored)];
}

/** `conversation_push` and, while mirroring, the legacy close, for a manual push or an inactivity. */
function consequences(
  cause: DriftEvent,
  causedBy: string,
  fact: readonly string[],
  now: number,
  mirrored: boolean,
): Broadcast[] {
  const { orgId, type, data } = cause;
  const id = idText(data.conversationId);
  if (id === undefined) return [];
  const conversationId = integerValue(id);
  const lastUpdated = timeOf(cause, now);
  const derived = (derivedType: string, derivedData: JsonObject, derivedId: string): Broadcast => ({
    source: eventSources.drift,
    detail: { ...detailOf({ orgId, type: derivedType, data: derivedData }, derivedId, now), cause: type, causedBy },
  });
  const push = derived(
    eventTypes.conversationPush,
    { conversationId, lastUpdated, type, data },
    webhookId(orgId, eventTypes.conversationPush, [type, ...fact]),
  );
  if (!mirrored) return [push];

  const mirror: JsonObject = { conversationId, status: 'closed', changedAt: lastUpdated };
  const mirrorType = eventTypes.conversationStatusUpdated;
  // A close that is also pushed by hand is one fact, so Drift's own close and our mirror of its manual push share an
  // id. A quiet period is a fact of its own: its mirror must not be held back by that of a `/sync` at the same time.
  // Nor has a time that is only that of the arrival a place in the id: a repeated post has another.
  const [kind, , ownTimeText] = fact;
  const mirrorFact =
    type === eventTypes.conversationInactive || kind !== 'conversation' || ownTimeText === undefined
      ? [type, ...fact]
      : identifyingFact({ orgId, type: mirrorType, data: { ...mirror, changedAt: integerValue(ownTimeText) } }, now);
  return [push, derived(mirrorType, mirror, webhookId(orgId, mirrorType, mirrorFact))];
}

function detailOf(event: DriftEvent, id: string, now: number): EventDetail {
  return {
    id,
    orgId: integerValue(event.orgId),
    type: event.type,
    data: event.data,
    occurredAt: timeOf(event, now),
  };
}
