import { type LegacyPhase, type LegacyTimeline, legacyPhases } from '../lambdas/domain/events/legacy-timeline.ts';

const dayMs = 24 * 3600 * 1000;

/** A timeline in which `now` (epoch ms) lies in the phase, with a year until the next one. */
export function timelineInPhase(phase: LegacyPhase, now: number): LegacyTimeline {
  // To the second, so that the timeline reads well where it is printed.
  const today = Math.floor(now / 1000) * 1000;
  const reached = legacyPhases.indexOf(phase);
  const begin = (index: number): number =>
    index <= reached ? today - (reached - index + 1) * dayMs : today + (365 + index) * dayMs;
  return {
    closedToNewAt: begin(1),
    mirroredAt: begin(2),
    removedAt: begin(3),
  };
}
