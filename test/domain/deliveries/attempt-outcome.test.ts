import { describe, expect, it } from 'vitest';
import { noon } from '../../../lab/support/deliveries.ts';
import {
  type AttemptOutcome,
  attemptOutcome,
  parseRetryAfter,
} from '../../../lambdas/domain/deliveries/attempt-outcome.ts';

function answered(status: number, headers: Record<string, string> = {}): AttemptOutcome {
  return attemptOutcome({ kind: 'answered', status, headers, responseHead: '', durationMs: 1 }, noon);
}

describe("an attempt's outcome", () => {
  it.each([200, 201, 202, 204, 299])('is a delivery with %i', (status) => {
    expect(answered(status)).toEqual({ kind: 'delivered' });
  });

  it.each([101, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 418, 422, 500, 501, 599])(
    'is a failure with %i',
    (status) => {
      expect(answered(status, { location: 'https://elsewhere.example/' })).toEqual({ kind: 'retry' });
    },
  );

  it.each([
    [429, 30],
    [502, 10],
    [503, 10],
    [504, 10],
  ])('throttles the endpoint with %i, %i s without a wish, as long as it wishes with one', (status, seconds) => {
    expect(answered(status)).toEqual({ kind: 'throttle', untilEpochMs: noon + seconds * 1000 });
    expect(answered(status, { 'retry-after': '3600' })).toEqual({ kind: 'throttle', untilEpochMs: noon + 3_600_000 });
  });

  it('is a retry that waits for Retry-After with any other failure', () => {
    expect(answered(500, { 'retry-after': '120' })).toEqual({ kind: 'retry', notBefore: noon + 120_000 });
  });

  it('disables the subscription with 410', () => {
    expect(answered(410)).toMatchObject({ kind: 'disable', delivered: false });
  });

  it.each([
    [200, true],
    [500, false],
  ])('disables the subscription when a %i asks for it', (status, delivered) => {
    expect(answered(status, { 'webhook-delivery': ' Disable' })).toMatchObject({ kind: 'disable', delivered });
  });

  it('gives the event up when a failure asks for it, not when a success does', () => {
    expect(answered(422, { 'webhook-delivery': 'abort-message' })).toMatchObject({ kind: 'discard' });
    // A proxy has said it again.
    expect(answered(422, { 'webhook-delivery': 'abort-message, abort-message' })).toMatchObject({ kind: 'discard' });
    expect(answered(200, { 'webhook-delivery': 'abort-message' })).toEqual({ kind: 'delivered' });
  });

  it('says so when it waits for less than Retry-After asks for', () => {
    const tomorrow = noon + 24 * 3600 * 1000;
    const asks = { 'retry-after': '86401' };
    expect(answered(500, asks)).toEqual({ kind: 'retry', notBefore: tomorrow, isRetryAfterCut: true });
    expect(answered(503, asks)).toEqual({ kind: 'throttle', untilEpochMs: tomorrow, isRetryAfterCut: true });
  });

  it('is a retry when no answer came', () => {
    const failed = { kind: 'failed', errorClass: 'timeout', message: 'timeout', durationMs: 15_000 } as const;
    expect(attemptOutcome(failed, noon)).toEqual({ kind: 'retry' });
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120],
    [' 1 ', 1],
    ['Sun, 22 Nov 2026 12:05:00 GMT', 300],
    ['Sunday, 22-Nov-26 12:05:00 GMT', 300],
    ['Sun Nov 22 12:05:00 2026', 300],
    ['Mon Nov 23 09:00:00 2026', 21 * 3600],
    ['86400', 24 * 3600],
  ])('%j is an instant %i s from now', (value, seconds) => {
    expect(parseRetryAfter(value, noon)).toEqual({ at: noon + seconds * 1000, isCut: false });
  });

  it.each([
    undefined,
    '',
    '0',
    '-5',
    '1.5',
    'soon',
    'tomorrow 5',
    '2026-11-22T13:00:00Z',
    'Sun, 22 Nov 2026 11:00:00 GMT',
    'Sun, 22 Nox 2026 13:00:00 GMT',
    'Sun, 32 Nov 2026 13:00:00 GMT',
    'Sun, 22 Nov 2026 13:00:00 GMT, Sun, 22 Nov 2026 14:00:00 GMT',
    // Of the last century.
    'Monday, 22-Nov-99 12:05:00 GMT',
  ])('%j asks for nothing', (value) => {
    expect(parseRetryAfter(value, noon)).toBeUndefined();
  });

  it.each([
    ['an epoch in seconds', String(noon / 1000 + 60)],
    ['an epoch in milliseconds', String(noon + 60_000)],
    ['a year', '31536000'],
    ['a date in a year', 'Mon, 22 Nov 2027 12:00:00 GMT'],
    ['a number without end', '9'.repeat(400)],
    ['a second more than a day', '86401'],
  ])('%s is taken for 24 hours, and says so', (_name, value) => {
    expect(parseRetryAfter(value, noon)).toEqual({ at: noon + 24 * 3600 * 1000, isCut: true });
  });
});
