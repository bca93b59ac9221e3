import { expect, test } from 'vitest';
import {
  formatLegacyTimeline,
  legacyPhaseAt,
  legacyPhases,
  parseLegacyTimeline,
} from '../../lambdas/domain/events/legacy-timeline.ts';
import { parseDurationSeconds } from '../../local/duration.ts';
import { timelineInPhase } from '../../local/legacy-phase-now.ts';

test.each([
  ['600s', 600],
  ['10m', 600],
  ['1h', 3600],
  ['45', 45],
])('a duration can be written as %s', (text, seconds) => {
  expect(parseDurationSeconds(text)).toBe(seconds);
});

test.each(['', 's', '-5', '1.5h', '5 m', '1d', '10m30s'])('%j is no duration', (text) => {
  expect(parseDurationSeconds(text)).toBeUndefined();
});

test.each(legacyPhases)('a timeline can be had in which it is now in the phase %s, in order and for long', (phase) => {
  const now = Date.UTC(2026, 10, 22, 3, 4, 5, 678);
  const timeline = timelineInPhase(phase, now);
  expect(legacyPhaseAt(now, timeline)).toBe(phase);
  expect(legacyPhaseAt(now + 300 * 24 * 3600 * 1000, timeline)).toBe(phase);
  expect(parseLegacyTimeline(formatLegacyTimeline(timeline))).toEqual(timeline);
});
