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
    expect(answered(200, { 'webhook-delivery': 'abort-message' })).toEqual({ kind: 'delivered' });
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
    ['Tue Dec  1 12:00:00 2026', 9 * 24 * 3600],
  ])('%j is an instant %i s from now', (value, seconds) => {
    expect(parseRetryAfter(value, noon)).toBe(noon + seconds * 1000);
  });

  it.each([undefined, '', '0', '-5', '1.5', 'soon', 'Sun, 22 Nov 2026 11:00:00 GMT', 'Sun, 22 Nox 2026 13:00:00 GMT'])(
    '%j is no wish',
    (value) => {
      expect(parseRetryAfter(value, noon)).toBeUndefined();
    },
  );

  it('is bounded where it is absurd', () => {
    expect(parseRetryAfter('9'.repeat(400), noon)).toBe(noon + 400 * 24 * 3600 * 1000);
  });

  it('takes a two-digit year that lies far ahead for one of the last century', () => {
    expect(parseRetryAfter('Monday, 22-Nov-99 12:05:00 GMT', noon)).toBeUndefined();
  });
});
