/**
 * The end of `conversation_status_updated`, as Drift published it in 2020. Three instants part four phases; the phase
 * is computed for each event, so a boundary that is crossed while the system runs needs no deploy. (Drift's page has a
 * fourth, 2020-04-01, from which its replacements exist. Here they exist wherever this runs.)
 */
export interface LegacyTimeline {
  /** From here on nobody new may subscribe; who has it keeps it. Epoch milliseconds, as all of these. */
  readonly closedToNewAt: number;
  /** From here on `conversation_inactive` and `conversation_manual_push` are also broadcast as a close. */
  readonly mirroredAt: number;
  /** From here on the event is gone: no broadcast, no subscription. */
  readonly removedAt: number;
}

export const legacyPhases = ['announced', 'closed-to-new', 'mirroring', 'removed'] as const;
export type LegacyPhase = (typeof legacyPhases)[number];

export const publishedLegacyTimeline: LegacyTimeline = {
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

const names = ['closedToNewAt', 'mirroredAt', 'removedAt'] as const;

/** Reads the instants from texts. Throws an error that names the one that is wrong. */
export function parseLegacyTimeline(texts: Record<string, unknown>): LegacyTimeline {
  let earlier = Number.NEGATIVE_INFINITY;
  const instants = names.map((name) => {
    const instant = utcInstant(texts[name]);
    if (instant === undefined) {
      throw new Error(
        `legacyTimeline.${name} must be a date in UTC (2027-01-31) or an instant that ends with Z (2027-01-31T09:00:00Z), but is ${JSON.stringify(texts[name])}`,
      );
    }
    if (instant < earlier) throw new Error(`legacyTimeline.${name} lies before the date that precedes it`);
    earlier = instant;
    return instant;
  });
  const [closedToNewAt = 0, mirroredAt = 0, removedAt = 0] = instants;
  return { closedToNewAt, mirroredAt, removedAt };
}

/** Without a zone, an instant would be that of whichever machine deploys; and `Date.parse` takes 30 February for 2 March. */
function utcInstant(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const [, day] = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z)?$/.exec(text) ?? [];
  const instant = Date.parse(text);
  if (day === undefined || Number.isNaN(instant)) return undefined;
  return new Date(instant).toISOString().startsWith(day) ? instant : undefined;
}

export function formatLegacyTimeline(timeline: LegacyTimeline): Record<(typeof names)[number], string> {
  const format = (instant: number): string => new Date(instant).toISOString();
  return {
    closedToNewAt: format(timeline.closedToNewAt),
    mirroredAt: format(timeline.mirroredAt),
    removedAt: format(timeline.removedAt),
  };
}
