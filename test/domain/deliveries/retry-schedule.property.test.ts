import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  believable,
  hidingSeconds,
  maxAttempts,
  nextAttemptAt,
  retryDelaysSeconds,
} from '../../../lambdas/domain/deliveries/retry-schedule.ts';
import { subscriptionFields } from '../../../lambdas/domain/subscriptions/subscription-fields.ts';

const attempts = fc.integer({ min: 1, max: maxAttempts - 1 });
const instant = fc.integer({ min: 0, max: 4e12 });
const random = fc.double({ min: 0, max: 1, noNaN: true });
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
        const at = nextAttemptAt({
          attempts: made,
          now,
          random: jitter,
          ...(notBefore !== undefined && { notBefore }),
        });
        const delayMs = (retryDelaysSeconds[made - 1] ?? 0) * 1000;
        const latest = Math.max(Math.ceil(now + delayMs * 1.2) + 1, notBefore ?? 0);
        return at !== undefined && at >= Math.max(now + delayMs, notBefore ?? 0) && at <= latest;
      }),
    );
  });

  it('is monotone: more jitter or a later wish never makes a retry earlier', () => {
    fc.assert(
      fc.property(attempts, instant, random, random, wishMs, wishMs, (made, now, one, other, wishA, wishB) => {
        const [least, most] = [Math.min(one, other), Math.max(one, other)];
        const wishes = [now + (wishA ?? 0), now + (wishB ?? 0)].sort((a, b) => a - b);
        const at = (jitter: number, notBefore: number | undefined) =>
          nextAttemptAt({ attempts: made, now, random: jitter, ...(notBefore !== undefined && { notBefore }) }) ??
          Number.NaN;
        return at(least, wishes[0]) <= at(most, wishes[0]) && at(least, wishes[0]) <= at(least, wishes[1]);
      }),
    );
  });

  it('ends after as many attempts as the subscription allows, which are at most those that it has', () => {
    expect(subscriptionFields.maxAttempts.schema.safeParse(maxAttempts).success).toBe(true);
    expect(subscriptionFields.maxAttempts.schema.safeParse(maxAttempts + 1).success).toBe(false);
    for (let allowed = 1; allowed <= maxAttempts; allowed++) {
      const failed = { now: 0, random: 0, maxAttempts: allowed };
      expect(nextAttemptAt({ ...failed, attempts: allowed })).toBeUndefined();
      if (allowed > 1) expect(nextAttemptAt({ ...failed, attempts: allowed - 1 })).toBeGreaterThan(0);
    }
  });

  it('ends after the sixteenth attempt, and not before', () => {
    const failed = { now: 0, random: 0 };
    expect(nextAttemptAt({ ...failed, attempts: 15 })).toBe(10 * 3600 * 1000);
    expect(nextAttemptAt({ ...failed, attempts: 16 })).toBeUndefined();
  });
});

describe('a rest that an endpoint asked for, as it is stored', () => {
  it('is believed up to a day ahead; what an older version stored beyond that is void', () => {
    const now = 1e12;
    const day = 24 * 3600 * 1000;
    expect(believable(now + day, now)).toBe(now + day);
    expect(believable(now - day, now)).toBe(now - day);
    expect(believable(now + 400 * day, now)).toBeUndefined();
    expect(believable(undefined, now)).toBeUndefined();
  });
});

describe('hiding a message', () => {
  it('is for whole seconds, and never ends early', () => {
    fc.assert(
      fc.property(instant, wishMs, (now, wish) => {
        const until = now + (wish ?? 0);
        const seconds = hidingSeconds(until, now);
        return Number.isInteger(seconds) && seconds >= 0 && seconds * 1000 >= until - now;
      }),
    );
  });
});
