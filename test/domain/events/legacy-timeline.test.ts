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

  it('takes a date, and an instant with Z, whatever the time zone of the machine', () => {
    const dates = formatLegacyTimeline(publishedLegacyTimeline);
    expect(parseLegacyTimeline({ ...dates, removedAt: '2027-01-31' }).removedAt).toBe(Date.UTC(2027, 0, 31));
    expect(parseLegacyTimeline({ ...dates, removedAt: '2027-01-31T09:30Z' }).removedAt).toBe(
      Date.UTC(2027, 0, 31, 9, 30),
    );
  });

  it.each([
    '2027-01-01T00:00:00',
    '2027-01-01T00:00:00+01:00',
    'April 1, 2027',
    '2027',
    '2027-02-30',
    '2027-13-01',
    '2027-01-01T25:00Z',
    1798761600000,
    null,
  ])('takes no %j, which says another instant on another machine, or none', (date) => {
    const dates = formatLegacyTimeline(publishedLegacyTimeline);
    expect(() => parseLegacyTimeline({ ...dates, removedAt: date })).toThrow('legacyTimeline.removedAt must be');
  });

  it('names the date that is wrong', () => {
    const dates = formatLegacyTimeline(publishedLegacyTimeline);
    expect(() => parseLegacyTimeline({ ...dates, mirroredAt: 'soon' })).toThrow(
      'legacyTimeline.mirroredAt must be a date in UTC (2027-01-31) or an instant that ends with Z (2027-01-31T09:00:00Z), but is "soon"',
    );
    expect(() => parseLegacyTimeline({ ...dates, mirroredAt: '2020-01-01' })).toThrow(
      'legacyTimeline.mirroredAt lies before the date that precedes it',
    );
  });
});
