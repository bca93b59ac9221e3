import { integerValue, type JsonObject, safeInteger } from '../../json/json.ts';
import { type DriftEvent, type EventDetail, occurredAt, ownTime } from './drift-event.ts';
import { eventSources, eventTypes } from './event-types.ts';
import { type LegacyTimeline, legacyPhaseAt } from './legacy-timeline.ts';
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
  const itself: Broadcast = { source: eventSources.drift, detail: detailOf(event, webhookIdOf(event), now) };
  const mirroring = phase === 'mirroring';

  switch (event.type) {
    case eventTypes.conversationPush:
      return { kind: 'superseded', broadcasts: [] };
    case eventTypes.conversationStatusUpdated: {
      const own: Broadcast = phase === 'removed' ? { ...itself, source: eventSources.retired } : itself;
      const pushes = event.data.status === 'closed' ? manualPush(event, now, false) : [];
      return { kind: 'broadcast', broadcasts: [own, ...pushes] };
    }
    case eventTypes.newCommandMessage:
      return {
        kind: 'broadcast',
        broadcasts: isSyncCommand(event) ? [itself, ...manualPush(event, now, mirroring)] : [itself],
      };
    case eventTypes.conversationManualPush:
    case eventTypes.conversationInactive:
      return {
        kind: 'broadcast',
        broadcasts: [itself, ...consequences(event, identifyingFact(event), now, mirroring)],
      };
    default:
      return { kind: 'broadcast', broadcasts: [itself] };
  }
}

/** `/sync`, typed by an agent. Tags are stripped; Drift also sends the same text as `new_message`, which is no command. */
function isSyncCommand({ data }: DriftEvent): boolean {
  const { author, body } = data;
  const authorType = typeof author === 'object' && author !== null && 'type' in author ? author.type : undefined;
  // `[^<>]` keeps this linear on a body of many `<`.
  return authorType === 'user' && typeof body === 'string' && body.replace(/<[^<>]*>/g, '').trim() === '/sync';
}

/** `conversation_manual_push` for a close or a `/sync`, and all that follows from it. */
function manualPush(cause: DriftEvent, now: number, mirrored: boolean): Broadcast[] {
  const { conversationId } = cause.data;
  if (conversationId === undefined) return [];
  const lastUpdated = ownTime(cause);
  const push: DriftEvent = {
    orgId: cause.orgId,
    type: eventTypes.conversationManualPush,
    data: { conversationId, lastUpdated: lastUpdated ?? now },
  };
  // Without a time of its own the cause's identity stands in, so that a repeated post still has the same ids.
  const fact = lastUpdated === undefined ? ['cause', ...identifyingFact(cause)] : identifyingFact(push);
  const itself: Broadcast = {
    source: eventSources.drift,
    detail: { ...detailOf(push, webhookId(push.orgId, push.type, fact), now), cause: cause.type },
  };
  return [itself, ...consequences(push, fact, now, mirrored)];
}

/** `conversation_push` and, while mirroring, the legacy close, for a manual push or an inactivity. */
function consequences(cause: DriftEvent, fact: readonly string[], now: number, mirrored: boolean): Broadcast[] {
  const { orgId, type, data } = cause;
  const { conversationId } = data;
  if (conversationId === undefined) return [];
  const lastUpdated = safeInteger(data.lastUpdated) ?? now;
  const derived = (derivedType: string, derivedData: JsonObject, id: string): Broadcast => ({
    source: eventSources.drift,
    detail: { ...detailOf({ orgId, type: derivedType, data: derivedData }, id, now), cause: type },
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
  const hasOwnTime = fact[0] === 'conversation' && safeInteger(data.lastUpdated) !== undefined;
  const mirrorFact =
    type === eventTypes.conversationInactive || !hasOwnTime
      ? [type, ...fact]
      : identifyingFact({ orgId, type: mirrorType, data: mirror });
  return [push, derived(mirrorType, mirror, webhookId(orgId, mirrorType, mirrorFact))];
}

function detailOf(event: DriftEvent, id: string, now: number): EventDetail {
  return {
    id,
    orgId: integerValue(event.orgId),
    type: event.type,
    data: event.data,
    occurredAt: occurredAt(event, now),
  };
}
