import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRun } from '../../../lab/support/inactivity-reference-model.ts';
import { handOffHorizonSeconds } from '../../../lambdas/domain/inactivity/inactivity-timer.ts';
import { type History, playHistory, type Step, type TimerLogic, timerLogic } from './timer-run.ts';

const conversation = fc.integer({ min: 1, max: 3 });
const quietSeconds = fc.constantFrom(5, 20, 60, 120, 600);
const delayMs = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(3000));
const agoSeconds = fc.oneof(fc.constant(0), fc.integer({ min: -30, max: 60 }), fc.integer({ min: 0, max: 1500 }));

const step = ([kind, weight, fields]: [string, number, Record<string, fc.Arbitrary<unknown>>]) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Step>,
});
const steps = [
  step(['activity', 8, { conversation, agoSeconds, what: fc.constantFrom('opens', 'note'), delayMs }]),
  step(['activity', 2, { conversation, agoSeconds, what: fc.constant('closes'), delayMs }]),
  step(['activity', 2, { conversation, agoSeconds, what: fc.constant('settles'), delayMs }]),
  step(['repeat', 3, { index: fc.nat(20), delayMs }]),
  step(['wait', 8, { seconds: fc.oneof(fc.nat(10), fc.nat(700)) }]),
  step(['set-quiet-period', 1, { seconds: quietSeconds }]),
];
const disturbances = [
  step(['step-clock', 1, { seconds: fc.integer({ min: -20, max: 20 }) }]),
  step(['miss-sweeps', 1, { count: fc.integer({ min: 1, max: 5 }) }]),
];

function histories(kinds: fc.WeightedArbitrary<Step>[]): fc.Arbitrary<History> {
  return fc.record({ quietSeconds, steps: fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 25 }) });
}

function holds(logic: TimerLogic) {
  return (history: History): void => {
    expect(checkRun(playHistory(history, logic))).toEqual([]);
  };
}

describe('inactivity is what the reference model says', () => {
  it('to the second, for every order in which activities arrive', { timeout: 60_000 }, () => {
    fc.assert(fc.property(histories(steps), holds(timerLogic)), { numRuns: 1_000 });
  });

  it('whatever sweep is missed, and however clocks step', { timeout: 60_000 }, () => {
    fc.assert(fc.property(histories([...steps, ...disturbances]), holds(timerLogic)), { numRuns: 1_000 });
  });
});

function without<T extends object, Key extends keyof T>(members: T, key: Key): Omit<T, Key> {
  const { [key]: _, ...rest } = members;
  return rest;
}

/** One line of the timer logic, broken on purpose. */
const mutants: Record<string, Partial<TimerLogic>> = {
  'an older activity moves a conversation back': {
    applyActivity: (stored, activity, quiet, now) =>
      stored !== undefined && activity.at !== undefined && activity.at < stored.lastActivityAt
        ? timerLogic.applyActivity({ ...stored, lastActivityAt: activity.at - 1 }, activity, quiet, now)
        : timerLogic.applyActivity(stored, activity, quiet, now),
  },
  'a close does not disarm': {
    applyActivity: (stored, activity, quiet, now) =>
      timerLogic.applyActivity(stored, without(activity, 'closedAt'), quiet, now),
    // Ingest's note of it would take the timer away all the same.
    decideTimer: (stored, dueAt, quiet, now) =>
      timerLogic.decideTimer(stored && without(stored, 'acceptedClosedAt'), dueAt, quiet, now),
  },
  'a late close disarms what a later message armed': {
    applyActivity: (stored, activity, quiet, now) =>
      activity.closedAt !== undefined && stored !== undefined
        ? { kind: 'disarm', next: { lastActivityAt: Math.max(activity.closedAt, stored.lastActivityAt) } }
        : timerLogic.applyActivity(stored, activity, quiet, now),
  },
  'an agent’s note reopens a closed conversation': {
    applyActivity: (stored, activity, quiet, now) =>
      timerLogic.applyActivity(
        stored,
        activity.at !== undefined && activity.closedAt === undefined
          ? { ...activity, openedAt: activity.at }
          : activity,
        quiet,
        now,
      ),
  },
  'a contact’s message leaves a closed conversation closed': {
    applyActivity: (stored, activity, quiet, now) =>
      timerLogic.applyActivity(stored, without(activity, 'openedAt'), quiet, now),
  },
  'Drift’s own inactivity leaves the timer armed': {
    applyActivity: (stored, activity, quiet, now) =>
      activity.settledAt === undefined ? timerLogic.applyActivity(stored, activity, quiet, now) : { kind: 'ignore' },
    decideTimer: (stored, dueAt, quiet, now) =>
      timerLogic.decideTimer(stored && without(stored, 'acceptedSettledAt'), dueAt, quiet, now),
  },
  'Drift’s own inactivity is not looked at while it is under way': {
    decideTimer: (stored, dueAt, quiet, now) =>
      timerLogic.decideTimer(stored && without(stored, 'acceptedSettledAt'), dueAt, quiet, now),
  },
  'what is accepted and still under way is not looked at': {
    decideTimer: (stored, dueAt, quiet, now) =>
      timerLogic.decideTimer(stored && without(stored, 'acceptedAt'), dueAt, quiet, now),
  },
  'a duplicate arms again after the timer has fired': {
    applyActivity: (stored, activity, quiet, now) =>
      stored?.dueAt === undefined && stored?.lastActivityAt === activity.at
        ? timerLogic.applyActivity(undefined, activity, quiet, now)
        : timerLogic.applyActivity(stored, activity, quiet, now),
  },
  'a shorter quiet period waits for the old look': {
    applyActivity: (stored, activity, quiet, now) => {
      const change = timerLogic.applyActivity(stored, activity, quiet, now);
      return change.kind === 'arm' && stored?.dueAt !== undefined
        ? { kind: 'move', next: { ...change.next, dueAt: stored.dueAt } }
        : change;
    },
  },
  'a look fires without looking at the last activity': {
    decideTimer: (stored, dueAt, _quiet, now) => timerLogic.decideTimer(stored, dueAt, 0, now),
  },
  'a conversation that moved on is not armed again': {
    decideTimer: (stored, dueAt, quiet, now) => {
      const verdict = timerLogic.decideTimer(stored, dueAt, quiet, now);
      return verdict.kind === 'rearm' ? { kind: 'stale' } : verdict;
    },
  },
  'a timer is armed again from the look, not from the last activity': {
    decideTimer: (stored, dueAt, quiet, now) => {
      const verdict = timerLogic.decideTimer(stored, dueAt, quiet, now);
      return verdict.kind === 'rearm'
        ? { kind: 'rearm', next: { ...verdict.next, dueAt: now + quiet * 1000 } }
        : verdict;
    },
  },
  'a short timer is left to the sweep': {
    handOffDelaySeconds: (dueAt, now) =>
      dueAt - now > handOffHorizonSeconds * 500 ? undefined : Math.max(0, Math.ceil((dueAt - now) / 1000)),
  },
  'a whole shard is never swept': { timerShards: 3 },
};

describe('the reference model finds it when', () => {
  it.each(Object.entries(mutants))('%s', (_, broken) => {
    const property = fc.property(
      histories([...steps, ...disturbances]),
      holds({ ...timerLogic, ...broken } as TimerLogic),
    );
    expect(fc.check(property, { numRuns: 2_000, endOnFailure: true, seed: 42 }).failed).toBe(true);
  });
});
