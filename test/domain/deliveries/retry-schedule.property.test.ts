import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hidingSeconds,
  lastSafeInstant,
  maxAttempts,
  nextAttempt,
  queueRetentionSeconds,
  retryDelaysSeconds,
} from '../../../lambdas/domain/deliveries/retry-schedule.ts';

const attempts = fc.integer({ min: 1, max: maxAttempts - 1 });
const instant = fc.integer({ min: 0, max: 4e12 });
const random = fc.double({ min: 0, max: 1, noNaN: true });
const ageMs = fc.integer({ min: 0, max: 20 * 24 * 60 * 60 * 1000 });
const wishMs = fc.option(fc.integer({ min: -1e9, max: 30 * 24 * 60 * 60 * 1000 }), { nil: undefined });

describe('the retry schedule', () => {
  it('makes 16 attempts over 75 hours', () => {
    expect(maxAttempts).toBe(16);
    const total = retryDelaysSeconds.reduce((sum, delay) => sum + delay, 0);
    expect(total / 3600).toBeGreaterThan(75);
    expect(total / 3600).toBeLessThan(76);
  });

  it('is never early: neither than its delay, nor than what the endpoint asked for, nor later than 20 % more', () => {
    fc.assert(
      fc.property(attempts, instant, random, wishMs, (made, now, jitter, wish) => {
        const notBefore = wish === undefined ? undefined : now + wish;
        const next = nextAttempt({
          attempts: made,
          now,
          sentAt: now,
          random: jitter,
          ...(notBefore !== undefined && { notBefore }),
        });
        if (next.kind === 'exhausted') return false;
        const delayMs = (retryDelaysSeconds[made - 1] ?? 0) * 1000;
        const last = lastSafeInstant(now);
        const latest = Math.max(Math.ceil(now + delayMs * 1.2) + 1, notBefore ?? 0);
        return next.at >= Math.min(last, Math.max(now + delayMs, notBefore ?? 0)) && next.at <= Math.min(last, latest);
      }),
    );
  });

  it('is monotone: more jitter or a later wish never makes a retry earlier', () => {
    fc.assert(
      fc.property(attempts, instant, random, random, wishMs, wishMs, (made, now, one, other, wishA, wishB) => {
        const [least, most] = [Math.min(one, other), Math.max(one, other)];
        const wishes = [now + (wishA ?? 0), now + (wishB ?? 0)].sort((a, b) => a - b);
        const at = (jitter: number, notBefore: number | undefined) => {
          const next = nextAttempt({
            attempts: made,
            now,
            sentAt: now,
            random: jitter,
            ...(notBefore !== undefined && { notBefore }),
          });
          return next.kind === 'retry' ? next.at : Number.NaN;
        };
        return at(least, wishes[0]) <= at(most, wishes[0]) && at(least, wishes[0]) <= at(least, wishes[1]);
      }),
    );
  });

  it('is total: every failed attempt has a next one in the future that the queue still knows, or an end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), instant, ageMs, random, wishMs, (made, now, age, jitter, wish) => {
        const sentAt = now - age;
        const next = nextAttempt({
          attempts: made,
          now,
          sentAt,
          random: jitter,
          ...(wish !== undefined && { notBefore: now + wish }),
        });
        if (next.kind === 'exhausted') {
          return next.reason === 'attempts' ? made < 1 || made >= maxAttempts : lastSafeInstant(sentAt) <= now;
        }
        return next.at > now && next.at < sentAt + queueRetentionSeconds * 1000;
      }),
    );
  });

  it('ends after the sixteenth attempt, and not before', () => {
    const failed = { now: 0, sentAt: 0, random: 0 };
    expect(nextAttempt({ ...failed, attempts: 15 }).kind).toBe('retry');
    expect(nextAttempt({ ...failed, attempts: 16 })).toEqual({ kind: 'exhausted', reason: 'attempts' });
  });

  it('makes a last try before the queue forgets the message when the endpoint asked for longer', () => {
    const next = nextAttempt({ attempts: 1, now: 0, sentAt: 0, random: 0, notBefore: 30 * 24 * 3600 * 1000 });
    expect(next).toEqual({ kind: 'retry', at: lastSafeInstant(0) });
    const after = nextAttempt({ attempts: 2, now: lastSafeInstant(0), sentAt: 0, random: 0 });
    expect(after).toEqual({ kind: 'exhausted', reason: 'expired' });
  });
});

describe('hiding a message', () => {
  it('never ends early unless it is carried over, and never asks SQS for more than its 12 hours', () => {
    fc.assert(
      fc.property(instant, wishMs, fc.integer({ min: 0, max: 900_000 }), (now, wish, passedMs) => {
        const until = now + (wish ?? 0);
        const seconds = hidingSeconds(until, now, now - passedMs);
        const carriedOver = seconds * 1000 < until - now;
        return (
          Number.isInteger(seconds) &&
          seconds >= 0 &&
          seconds * 1000 + passedMs <= 12 * 3600 * 1000 &&
          (!carriedOver || seconds >= 12 * 3600 - 900 - 301)
        );
      }),
    );
  });

  it('carries a delay of three days over in seven hidings that add up to it', () => {
    const until = 3 * 24 * 3600 * 1000;
    let now = 0;
    let hidings = 0;
    while (now < until) {
      now += hidingSeconds(until, now, now) * 1000;
      hidings++;
    }
    expect({ now, hidings }).toEqual({ now: until, hidings: 7 });
  });
});
