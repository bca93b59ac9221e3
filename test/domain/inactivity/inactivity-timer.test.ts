import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../../lab/support/drift-events.ts';
import { type Activity, activityOf, latestActivity } from '../../../lambdas/domain/inactivity/activity.ts';
import {
  applyActivity,
  type Conversation,
  decideTimer,
  handOffDelaySeconds,
  handOffHorizonSeconds,
  lateArrivalGraceSeconds,
  sweepIntervalSeconds,
  timerShardOf,
  timerShards,
} from '../../../lambdas/domain/inactivity/inactivity-timer.ts';

const at = (seconds: number): number => 1_700_000_000_000 + seconds * 1000;
const message = (seconds: number) => ({ at: at(seconds), closes: false });
const close = (seconds: number) => ({ at: at(seconds), closes: true });

describe('an activity', () => {
  it('arms the timer of a conversation that has none', () => {
    expect(applyActivity(undefined, message(0), 600, at(0))).toEqual({
      kind: 'arm',
      lastActivityAt: at(0),
      dueAt: at(600),
    });
    expect(applyActivity({ lastActivityAt: at(0) }, message(700), 600, at(700))).toEqual({
      kind: 'arm',
      lastActivityAt: at(700),
      dueAt: at(1300),
    });
  });

  it('only moves the time of a conversation whose timer is armed', () => {
    expect(applyActivity({ lastActivityAt: at(0), dueAt: at(600) }, message(30), 600, at(30))).toEqual({
      kind: 'move',
      lastActivityAt: at(30),
    });
  });

  it('brings the look forward when the quiet period was made shorter', () => {
    expect(applyActivity({ lastActivityAt: at(0), dueAt: at(600) }, message(30), 60, at(30))).toEqual({
      kind: 'arm',
      lastActivityAt: at(30),
      dueAt: at(90),
    });
  });

  it('older than what is known changes nothing', () => {
    expect(applyActivity({ lastActivityAt: at(30), dueAt: at(630) }, message(29), 600, at(31)).kind).toBe('ignore');
    expect(applyActivity({ lastActivityAt: at(30), dueAt: at(630) }, close(29), 600, at(31)).kind).toBe('ignore');
  });

  it('that is sent twice changes nothing, also after its timer has fired', () => {
    expect(applyActivity({ lastActivityAt: at(0), dueAt: at(600) }, message(0), 600, at(1)).kind).toBe('ignore');
    expect(applyActivity({ lastActivityAt: at(0) }, message(0), 600, at(601)).kind).toBe('ignore');
  });

  it('that arrives when its quiet period is over waits a moment for the rest of its burst', () => {
    expect(applyActivity(undefined, message(0), 600, at(4000))).toEqual({
      kind: 'arm',
      lastActivityAt: at(0),
      dueAt: at(4000 + lateArrivalGraceSeconds),
    });
    expect(applyActivity(undefined, message(0), 2, at(4000))).toMatchObject({ dueAt: at(4002) });
  });
});

describe('a close', () => {
  it('disarms the timer', () => {
    expect(applyActivity({ lastActivityAt: at(0), dueAt: at(600) }, close(10), 600, at(10))).toEqual({
      kind: 'disarm',
      lastActivityAt: at(10),
    });
  });

  it('that arrives after a later message does not disarm what that message armed', () => {
    expect(applyActivity({ lastActivityAt: at(20), dueAt: at(620) }, close(10), 600, at(30)).kind).toBe('ignore');
  });

  it('wins over a message of the same instant, in either order', () => {
    expect(applyActivity({ lastActivityAt: at(10), dueAt: at(610) }, close(10), 600, at(11)).kind).toBe('disarm');
    expect(applyActivity({ lastActivityAt: at(10) }, message(10), 600, at(11)).kind).toBe('ignore');
  });

  it('that is sent twice writes once', () => {
    expect(applyActivity({ lastActivityAt: at(10) }, close(10), 600, at(11)).kind).toBe('ignore');
  });
});

describe('a timer that comes due', () => {
  const armed: Conversation = { lastActivityAt: at(0), dueAt: at(600) };

  it('fires when nothing has happened since', () => {
    expect(decideTimer(armed, at(600), 600, at(600))).toEqual({ kind: 'fire', lastActivityAt: at(0) });
  });

  it('is set anew when the conversation has moved on', () => {
    expect(decideTimer({ ...armed, lastActivityAt: at(30) }, at(600), 600, at(600))).toEqual({
      kind: 'rearm',
      dueAt: at(630),
    });
  });

  it('is set anew when the quiet period was made longer', () => {
    expect(decideTimer(armed, at(600), 900, at(600))).toEqual({ kind: 'rearm', dueAt: at(900) });
  });

  it('never fires early, also when a clock steps back', () => {
    expect(decideTimer(armed, at(600), 600, at(599.999))).toEqual({ kind: 'rearm', dueAt: at(600) });
    expect(decideTimer({ ...armed, dueAt: at(60) }, at(60), 600, at(60))).toEqual({ kind: 'rearm', dueAt: at(600) });
  });

  it.each([
    ['the conversation was closed or has fired', { lastActivityAt: at(0) }],
    ['the conversation is not known', undefined],
    ['it was set anew meanwhile', { lastActivityAt: at(30), dueAt: at(630) }],
  ])('does nothing when %s', (_, stored) => {
    expect(decideTimer(stored, at(600), 600, at(600))).toEqual({ kind: 'stale' });
  });
});

describe('handing over', () => {
  it('delays to the second, never early', () => {
    expect(handOffDelaySeconds(at(10.001), at(0))).toBe(11);
    expect(handOffDelaySeconds(at(10), at(0))).toBe(10);
    expect(handOffDelaySeconds(at(-5), at(0))).toBe(0);
  });

  it('is left to the sweep for what falls due later, and leaves no gap between two sweeps', () => {
    expect(handOffDelaySeconds(at(handOffHorizonSeconds), at(0))).toBe(handOffHorizonSeconds);
    expect(handOffDelaySeconds(at(handOffHorizonSeconds + 0.001), at(0))).toBeUndefined();
    expect(handOffHorizonSeconds).toBeGreaterThan(sweepIntervalSeconds);
  });

  it('spreads conversations evenly over the shards', () => {
    const counts = new Array<number>(timerShards).fill(0);
    for (let id = 0; id < 8_000; id++) {
      const shard = timerShardOf(`1#${123456789 + id}`);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(700);
    expect(Math.max(...counts)).toBeLessThan(1300);
  });
});

describe('the activities of one batch', () => {
  const activity: fc.Arbitrary<Activity> = fc.record({
    orgId: fc.constant('1'),
    conversationId: fc.constant('2'),
    at: fc.integer({ min: 0, max: 5 }),
    closes: fc.boolean(),
  });

  it('come to the same, folded or one by one, in any order', () => {
    fc.assert(
      fc.property(fc.array(activity, { minLength: 1, maxLength: 6 }), fc.nat(), (activities, seed) => {
        const settle = (ordered: readonly Activity[]): boolean[] => {
          let stored: Conversation | undefined;
          for (const next of ordered) {
            const change = applyActivity(stored, next, 600, 10);
            if (change.kind === 'disarm') stored = { lastActivityAt: change.lastActivityAt };
            else if (change.kind === 'arm') stored = { lastActivityAt: change.lastActivityAt, dueAt: change.dueAt };
            else if (change.kind === 'move' && stored) stored = { ...stored, lastActivityAt: change.lastActivityAt };
          }
          return [
            stored?.dueAt !== undefined,
            (stored?.lastActivityAt ?? -1) === Math.max(...activities.map(({ at }) => at)),
          ];
        };
        const shuffled = activities.map((item, index) => ({
          item,
          rank: Math.imul(seed + 1, index * 7919 + 13) % 101,
        }));
        shuffled.sort((one, other) => one.rank - other.rank);
        const folded = settle([activities.reduce(latestActivity)]);
        expect(settle(shuffled.map(({ item }) => item))).toEqual(folded);
        expect(folded[1]).toBe(true);
      }),
    );
  });
});

describe('what counts as activity', () => {
  const activityIn = (event: Parameters<typeof broadcastsOf>[0]) => {
    const [itself] = broadcastsOf(event);
    if (itself === undefined) throw new Error('nothing was broadcast');
    return activityOf(itself.detail);
  };

  it('a message, at its own time', () => {
    expect(activityIn(aMessage())).toEqual({
      orgId: '1',
      conversationId: '123456789',
      at: 1591813167000,
      closes: false,
    });
  });

  it('a conversation that begins, by its own id', () => {
    expect(activityIn({ orgId: '1', type: 'new_conversation', data: { id: 7, createdAt: 5 } })).toMatchObject({
      conversationId: '7',
      at: 5,
    });
  });

  it('a close closes, another status does not', () => {
    expect(activityIn(aStatusUpdate())).toMatchObject({ closes: true });
    expect(activityIn(aStatusUpdate({ status: 'open' }))).toMatchObject({ closes: false });
  });

  it('not what names no conversation', () => {
    expect(activityIn(aMessage({ conversationId: null }))).toBeUndefined();
    expect(activityIn(aMessage({ conversationId: 'twelve' }))).toBeUndefined();
  });

  it('a conversation id as a text of digits, as in what is pushed', () => {
    expect(activityIn(aMessage({ conversationId: '12' }))).toMatchObject({ conversationId: '12' });
  });
});
