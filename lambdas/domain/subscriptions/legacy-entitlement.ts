import type { FieldError } from '../../http/problem.ts';
import { eventTypes, legacyReplacements } from '../events/event-types.ts';
import { type LegacyTimeline, legacyPhaseAt } from '../events/legacy-timeline.ts';

const legacyType = eventTypes.conversationStatusUpdated;
const replacementsText = legacyReplacements.join(', ');

export function hasLegacyEvent(types: readonly string[]): boolean {
  return types.includes(legacyType);
}

/**
 * Whether a subscription may ask for the legacy event at `now`. `keepsLegacy`: it had the event, rightly, before the
 * event was closed to new subscribers. Once the event is removed, who has it and others keeps the others; who has only
 * it would get nothing, so that is said.
 */
export function legacyErrors(
  types: readonly string[],
  keepsLegacy: boolean,
  now: number,
  timeline: LegacyTimeline,
): FieldError[] {
  const index = types.indexOf(legacyType);
  if (index === -1) return [];
  const field = `eventTypes[${index}]`;
  const phase = legacyPhaseAt(now, timeline);
  switch (phase) {
    case 'announced':
      return [];
    case 'closed-to-new':
    case 'mirroring':
      if (keepsLegacy) return [];
      return [
        {
          field,
          detail: `${legacyType} is closed to new subscribers since ${day(timeline.closedToNewAt)}; subscribe to ${replacementsText} instead`,
        },
      ];
    case 'removed':
      if (keepsLegacy && types.length > 1) return [];
      return [
        {
          field,
          detail: `${legacyType} was removed on ${day(timeline.removedAt)} and is sent no more; subscribe to ${replacementsText} instead`,
        },
      ];
    default:
      throw phase satisfies never;
  }
}

function day(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
