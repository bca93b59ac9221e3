/**
 * The end of `conversation_status_updated`, as Drift published it in 2020. Four instants make four phases; the phase
 * is computed for each event, so a boundary that is crossed while the system runs needs no deploy.
 */
export interface LegacyTimeline {
  /** From here on the replacements are broadcast. Epoch milliseconds, as all of these. */
  readonly replacementsAvailableAt: number;
  /** From here on nobody new may subscribe; who has it keeps it. */
  readonly closedToNewAt: number;
  /** From here on `conversation_inactive` and `conversation_manual_push` are also broadcast as a close. */
  readonly mirroredAt: number;
  /** From here on the event is gone: no broadcast, no subscription. */
  readonly removedAt: number;
}

export const legacyPhases = ['announced', 'closed-to-new', 'mirroring', 'removed'] as const;
export type LegacyPhase = (typeof legacyPhases)[number];

export const publishedLegacyTimeline: LegacyTimeline = {
  replacementsAvailableAt: Date.UTC(2020, 3, 1),
  closedToNewAt: Date.UTC(2020, 3, 15),
  mirroredAt: Date.UTC(2020, 5, 1),
  removedAt: Date.UTC(2020, 9, 1),
};

export function legacyPhaseAt(instant: number, timeline: LegacyTimeline): LegacyPhase {
  if (instant >= timeline.removedAt) return 'removed';
  if (instant >= timeline.mirroredAt) return 'mirroring';
  if (instant >= timeline.closedToNewAt) return 'closed-to-new';
  return 'announced';
}

const names = ['replacementsAvailableAt', 'closedToNewAt', 'mirroredAt', 'removedAt'] as const;

/** Reads the four instants from ISO 8601 texts (UTC). Throws an error that names the instant that is wrong. */
export function parseLegacyTimeline(texts: Record<string, unknown>): LegacyTimeline {
  let earlier = Number.NEGATIVE_INFINITY;
  const instants = names.map((name) => {
    const text = texts[name];
    const instant = typeof text === 'string' ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(instant)) throw new Error(`legacyTimeline.${name} is not an ISO 8601 date: ${String(text)}`);
    if (instant < earlier) throw new Error(`legacyTimeline.${name} lies before the date that precedes it`);
    earlier = instant;
    return instant;
  });
  const [replacementsAvailableAt = 0, closedToNewAt = 0, mirroredAt = 0, removedAt = 0] = instants;
  return { replacementsAvailableAt, closedToNewAt, mirroredAt, removedAt };
}

export function formatLegacyTimeline(timeline: LegacyTimeline): Record<(typeof names)[number], string> {
  const format = (instant: number): string => new Date(instant).toISOString();
  return {
    replacementsAvailableAt: format(timeline.replacementsAvailableAt),
    closedToNewAt: format(timeline.closedToNewAt),
    mirroredAt: format(timeline.mirroredAt),
    removedAt: format(timeline.removedAt),
  };
}
