import { type Broadcast, deriveBroadcasts } from '../../lambdas/domain/events/derive.ts';
import type { DriftEvent } from '../../lambdas/domain/events/drift-event.ts';
import {
  type LegacyPhase,
  type LegacyTimeline,
  publishedLegacyTimeline,
} from '../../lambdas/domain/events/legacy-timeline.ts';
import { integerValue, type JsonObject } from '../../lambdas/json/json.ts';

/** 2020-06-10T18:19:27Z: the instant of Drift's own samples, in the mirroring phase of the published timeline. */
export const driftSampleInstant = 1591813167000;

/** The published dates, and an instant within each phase. */
export const instantIn: Record<LegacyPhase, number> = {
  announced: Date.UTC(2020, 3, 2),
  'closed-to-new': Date.UTC(2020, 4, 1),
  mirroring: Date.UTC(2020, 5, 10, 19),
  removed: Date.UTC(2026, 10, 22),
};

export function aMessage(data: JsonObject = {}, orgId = '1'): DriftEvent {
  return {
    orgId,
    type: 'new_message',
    data: {
      id: 635760549,
      orgId: integerValue(orgId),
      conversationId: 123456789,
      body: '<p>Hi, do you ship to Norway?</p>',
      author: { type: 'contact', id: 903182234, bot: false },
      type: 'chat',
      createdAt: driftSampleInstant,
      ...data,
    },
  };
}

export function aSyncCommand(data: JsonObject = {}, orgId = '1'): DriftEvent {
  return {
    ...aMessage(
      {
        id: 635760551,
        body: '<p>/sync</p>',
        author: { type: 'user', id: 243266, bot: false },
        type: 'private_note',
        createdAt: 1591813700000,
        ...data,
      },
      orgId,
    ),
    type: 'new_command_message',
  };
}

export function aStatusUpdate(data: JsonObject = {}, orgId = '1'): DriftEvent {
  return {
    orgId,
    type: 'conversation_status_updated',
    data: { conversationId: 123456789, status: 'closed', changedAt: 1591813767000, ...data },
  };
}

export function anInactivity(data: JsonObject = {}, orgId = '1'): DriftEvent {
  return {
    orgId,
    type: 'conversation_inactive',
    data: { lastUpdated: 1591813767000, conversationId: 123456789, ...data },
  };
}

/** What goes out for an event, by default in 2026: after the legacy event's end. */
export function broadcastsOf(
  event: DriftEvent,
  now = instantIn.removed,
  timeline: LegacyTimeline = publishedLegacyTimeline,
): readonly Broadcast[] {
  return deriveBroadcasts(event, now, timeline).broadcasts;
}
