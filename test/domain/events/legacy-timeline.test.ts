import { describe, expect, it } from 'vitest';
import {
  formatLegacyTimeline,
  legacyPhaseAt,
  parseLegacyTimeline,
  publishedLegacyTimeline,
} from '../../../lambdas/domain/events/legacy-timeline.ts';

describe('the legacy timeline', () => {
  it.each([
    ['2020-04-01T00:00:00.000Z', 'announced'],
    ['2020-04-14T23:59:59.999Z', 'announced'],
    ['2020-04-15T00:00:00.000Z', 'closed-to-new'],
    ['2020-05-31T23:59:59.999Z', 'closed-to-new'],
    ['2020-06-01T00:00:00.000Z', 'mirroring'],
    ['2020-09-30T23:59:59.999Z', 'mirroring'],
    ['2020-10-01T00:00:00.000Z', 'removed'],
    ['2026-11-22T00:00:00.000Z', 'removed'],
  ])('at %s, as Drift published it, the phase is %s', (instant, phase) => {
    expect(legacyPhaseAt(Date.parse(instant), publishedLegacyTimeline)).toBe(phase);
  });

  it('reads back what it writes', () => {
    expect(parseLegacyTimeline(formatLegacyTimeline(publishedLegacyTimeline))).toEqual(publishedLegacyTimeline);
  });

  it('names the date that is wrong', () => {
    const dates = formatLegacyTimeline(publishedLegacyTimeline);
    expect(() => parseLegacyTimeline({ ...dates, mirroredAt: 'soon' })).toThrow(
      'legacyTimeline.mirroredAt is not an ISO 8601 date: soon',
    );
    expect(() => parseLegacyTimeline({ ...dates, mirroredAt: '2020-01-01' })).toThrow(
      'legacyTimeline.mirroredAt lies before the date that precedes it',
    );
  });
});
