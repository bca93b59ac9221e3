import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkRun } from '../../lab/support/inactivity-reference-model.ts';
import type * as Timer from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import { disturbedHistories } from './histories.ts';

type TimerModule = typeof Timer;

const timerModule = '../../lambdas/domain/inactivity/inactivity-timer.ts';

/** One line of the timer logic, broken on purpose. */
const mutants: Record<string, (timer: TimerModule) => Partial<TimerModule>> = {
  'an older activity moves a conversation back': ({ applyActivity }) => ({
    applyActivity: (stored, activity, quietSeconds, now) =>
      stored !== undefined && activity.at < stored.lastActivityAt
        ? applyActivity({ ...stored, lastActivityAt: activity.at - 1 }, activity, quietSeconds, now)
        : applyActivity(stored, activity, quietSeconds, now),
  }),
  'a close does not disarm': ({ applyActivity }) => ({
    applyActivity: (stored, activity, quietSeconds, now) =>
      applyActivity(stored, { ...activity, closes: false }, quietSeconds, now),
  }),
  'a late close disarms what a later message armed': ({ applyActivity }) => ({
    applyActivity: (stored, activity, quietSeconds, now) =>
      activity.closes && stored !== undefined
        ? { kind: 'disarm', lastActivityAt: Math.max(activity.at, stored.lastActivityAt) }
        : applyActivity(stored, activity, quietSeconds, now),
  }),
  'a duplicate arms again after the timer has fired': ({ applyActivity }) => ({
    applyActivity: (stored, activity, quietSeconds, now) =>
      stored?.dueAt === undefined && stored?.lastActivityAt === activity.at
        ? applyActivity(undefined, activity, quietSeconds, now)
        : applyActivity(stored, activity, quietSeconds, now),
  }),
  'a shorter quiet period waits for the old look': ({ applyActivity }) => ({
    applyActivity: (stored, activity, quietSeconds, now) => {
      const change = applyActivity(stored, activity, quietSeconds, now);
      return change.kind === 'arm' && stored?.dueAt !== undefined
        ? { kind: 'move', lastActivityAt: change.lastActivityAt }
        : change;
    },
  }),
  'a look fires without looking at the last activity': ({ decideTimer }) => ({
    decideTimer: (stored, dueAt, _quietSeconds, now) => decideTimer(stored, dueAt, 0, now),
  }),
  'a conversation that moved on is not set anew': ({ decideTimer }) => ({
    decideTimer: (stored, dueAt, quietSeconds, now) => {
      const verdict = decideTimer(stored, dueAt, quietSeconds, now);
      return verdict.kind === 'rearm' ? { kind: 'stale' } : verdict;
    },
  }),
  'a timer is set anew from the look, not from the last activity': ({ decideTimer }) => ({
    decideTimer: (stored, dueAt, quietSeconds, now) => {
      const verdict = decideTimer(stored, dueAt, quietSeconds, now);
      return verdict.kind === 'rearm' ? { kind: 'rearm', dueAt: now + quietSeconds * 1000 } : verdict;
    },
  }),
  'a short timer is left to the sweep': ({ handOffHorizonSeconds }) => ({
    handOffDelaySeconds: (dueAt, now) =>
      dueAt - now > handOffHorizonSeconds * 500 ? undefined : Math.max(0, Math.ceil((dueAt - now) / 1000)),
  }),
  'a whole shard is never swept': () => ({ timerShards: 3 as unknown as TimerModule['timerShards'] }),
};

afterEach(() => {
  vi.doUnmock(timerModule);
  vi.resetModules();
});

describe('the model finds it when', () => {
  it.each(Object.keys(mutants))('%s', async (name) => {
    vi.resetModules();
    vi.doMock(timerModule, async (importOriginal) => {
      const original = await importOriginal<TimerModule>();
      return { ...original, ...mutants[name]?.(original) };
    });
    const { LifecycleRun } = await import('./lifecycle-run.ts');
    const result = await fc.check(
      fc.asyncProperty(disturbedHistories, async ({ seed, quietSeconds, steps }) => {
        expect(checkRun(await new LifecycleRun(seed, quietSeconds).play(steps))).toEqual([]);
      }),
      { numRuns: 2_000, endOnFailure: true, seed: 42 },
    );
    expect(result.failed).toBe(true);
  });
});
