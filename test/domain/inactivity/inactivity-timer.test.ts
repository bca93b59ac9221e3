import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMessage, anInactivity, aStatusUpdate, broadcastsOf } from '../../../lab/support/drift-events.ts';
import { type Activity, activityOf, mergeActivity } from '../../../lambdas/domain/inactivity/activity.ts';
import {
  applyActivity,
  type Conversation,
  decideTimer,
  handOffDelaySeconds,
  handOffHorizonSeconds,
  lateArrivalGraceSeconds,
  leased,
  published,
  readQuietPeriodSeconds,
  sweepIntervalSeconds,
  timerShardOf,
  timerShards,
  timerStatus,
} from '../../../lambdas/domain/inactivity/inactivity-timer.ts';

const at = (seconds: number): number => 1_700_000_000_000 + seconds * 1000;
/** Of a contact. */
const message = (seconds: number): Activity => ({ at: at(seconds), openedAt: at(seconds) });
/** Of an agent or a bot. */
const note = (seconds: number): Activity => ({ at: at(seconds) });
const close = (seconds: number): Activity => ({ at: at(seconds), closedAt: at(seconds) });
/** What is stored after a contact's message. */
const open = (seconds: number, dueSeconds?: number): Conversation => ({
  lastActivityAt: at(seconds),
  openedAt: at(seconds),
  ...(dueSeconds === undefined ? {} : { dueAt: at(dueSeconds) }),
});
const closed = (seconds: number): Conversation => ({ lastActivityAt: at(seconds), closedAt: at(seconds) });

describe('an activity', () => {
  it('arms the timer of a conversation that has none', () => {
    expect(applyActivity(undefined, message(0), 600, at(0))).toEqual({ kind: 'arm', next: open(0, 600) });
    expect(applyActivity(open(0), message(700), 600, at(700))).toEqual({ kind: 'arm', next: open(700, 1300) });
    expect(applyActivity(undefined, note(0), 600, at(0))).toEqual({
      kind: 'arm',
      next: { lastActivityAt: at(0), dueAt: at(600) },
    });
  });

  it('only moves the time of a conversation whose timer is armed', () => {
    expect(applyActivity(open(0, 600), message(30), 600, at(30))).toEqual({ kind: 'move', next: open(30, 600) });
  });

  it('brings the look forward when the quiet period was made shorter', () => {
    expect(applyActivity(open(0, 600), message(30), 60, at(30))).toEqual({ kind: 'arm', next: open(30, 90) });
  });

  it('older than what is known changes nothing', () => {
    expect(applyActivity(open(30, 630), message(29), 600, at(31)).kind).toBe('ignore');
  });

  it('that is sent twice changes nothing, also after its timer has fired', () => {
    expect(applyActivity(open(0, 600), message(0), 600, at(1)).kind).toBe('ignore');
    expect(applyActivity(open(0), message(0), 600, at(601)).kind).toBe('ignore');
  });

  it('that arrives when its quiet period is over waits a moment for the rest of its burst', () => {
    expect(applyActivity(undefined, message(0), 600, at(4000))).toEqual({
      kind: 'arm',
      next: open(0, 4000 + lateArrivalGraceSeconds),
    });
    expect(applyActivity(undefined, message(0), 2, at(4000))).toMatchObject({ next: { dueAt: at(4002) } });
  });
});

describe('a close', () => {
  it('disarms the timer', () => {
    expect(applyActivity(open(0, 600), close(10), 600, at(10))).toEqual({
      kind: 'disarm',
      next: { lastActivityAt: at(10), openedAt: at(0), closedAt: at(10) },
    });
  });

  it('that arrives after a later message of the contact does not disarm what that message armed', () => {
    expect(applyActivity(open(20, 620), close(10), 600, at(30))).toMatchObject({ kind: 'move', next: open(20, 620) });
  });

  it('that arrives after a later note of an agent disarms what that note armed', () => {
    const noted = { lastActivityAt: at(20), openedAt: at(0), dueAt: at(620) };
    expect(applyActivity(noted, close(10), 600, at(30))).toEqual({
      kind: 'disarm',
      next: { lastActivityAt: at(20), openedAt: at(0), closedAt: at(10) },
    });
  });

  it('wins over a message of the same instant, in either order', () => {
    expect(applyActivity(open(10, 610), close(10), 600, at(11)).kind).toBe('disarm');
    const [first] = [applyActivity(closed(10), message(10), 600, at(11))];
    expect(first).toMatchObject({ kind: 'disarm' });
  });

  it('that is sent twice writes once', () => {
    expect(applyActivity(closed(10), close(10), 600, at(11)).kind).toBe('ignore');
  });
});

describe('a closed conversation', () => {
  it('stays closed when an agent writes a note in it, or a bot a message: nothing fires for it', () => {
    expect(applyActivity(closed(10), note(20), 600, at(20))).toEqual({
      kind: 'disarm',
      next: { lastActivityAt: at(20), closedAt: at(10) },
    });
  });

  it('is reopened by a message of the contact, which arms a timer', () => {
    expect(applyActivity(closed(10), message(20), 600, at(20))).toEqual({
      kind: 'arm',
      next: { ...open(20, 620), closedAt: at(10) },
    });
  });

  it('is reopened by a message that comes after a later note: the note is its last activity', () => {
    const noted = { lastActivityAt: at(20), closedAt: at(10) };
    expect(applyActivity(noted, message(15), 600, at(21))).toEqual({
      kind: 'arm',
      next: { lastActivityAt: at(20), closedAt: at(10), openedAt: at(15), dueAt: at(620) },
    });
  });
});

describe('an inactivity that Drift sends itself', () => {
  it('settles the timer, though its time is not to the millisecond that of the last message', () => {
    for (const seconds of [-30, 0, 0.007, 1]) {
      expect(applyActivity(open(0, 600), { settledAt: at(seconds) }, 600, at(601))).toMatchObject({
        kind: 'disarm',
        next: { lastActivityAt: at(Math.max(0, seconds)), settledAt: at(seconds) },
      });
    }
  });

  it('does not settle what happened long after it', () => {
    expect(applyActivity(open(100, 700), { settledAt: at(0) }, 600, at(101))).toMatchObject({
      kind: 'move',
      next: open(100, 700),
    });
  });

  it('leaves the next message its quiet period', () => {
    const settled = { ...open(0), settledAt: at(0) };
    expect(applyActivity(settled, message(700), 600, at(700)).kind).toBe('arm');
  });
});

describe('a timer that comes due', () => {
  const armed: Conversation = { lastActivityAt: at(0), dueAt: at(600) };

  it('an activity that is known leaves a timer that is being fired as it is', () => {
    expect(applyActivity(leased(armed, at(0), at(600), at(600)), note(0), 600, at(601))).toEqual({ kind: 'ignore' });
  });

  it('whose inactivity was begun publishes it to its end, though a message or a close has come by then', () => {
    const begun = leased(armed, at(0), at(600), at(600));
    for (const activity of [note(630), close(630)]) {
      const change = applyActivity(begun, activity, 600, at(630));
      expect(change).toMatchObject({ kind: 'move', next: { dueAt: at(660) } });
      const stored = change.kind === 'move' ? change.next : undefined;
      expect(decideTimer(stored, at(660), 600, at(660))).toEqual({
        kind: 'fire',
        lastActivityAt: at(0),
        since: at(600),
      });
    }
  });

  it('and has published its inactivity is set anew for what came meanwhile: not if that closed it, and with a moment for its burst', () => {
    const begun = leased(armed, at(0), at(600), at(600));
    expect(published(begun, 600, at(601))).toEqual({ lastActivityAt: at(0) });
    const noted = { ...begun, lastActivityAt: at(600.5) };
    expect(published(noted, 600, at(601))).toEqual({ lastActivityAt: at(600.5), dueAt: at(1200.5) });
    expect(published({ ...noted, closedAt: at(600.5) }, 600, at(601))).not.toHaveProperty('dueAt');
    expect(published({ ...begun, lastActivityAt: at(0.007), settledAt: at(0.007) }, 600, at(601))).not.toHaveProperty(
      'dueAt',
    );
    const late = { ...begun, lastActivityAt: at(0.5) };
    expect(published(late, 600, at(601))).toEqual({
      lastActivityAt: at(0.5),
      dueAt: at(601 + lateArrivalGraceSeconds),
    });
  });

  it('fires when nothing has happened since', () => {
    expect(decideTimer(armed, at(600), 600, at(600))).toEqual({ kind: 'fire', lastActivityAt: at(0), since: at(600) });
  });

  it('is set anew when the conversation has moved on', () => {
    const moved = { ...armed, lastActivityAt: at(30) };
    expect(decideTimer(moved, at(600), 600, at(600))).toEqual({ kind: 'rearm', next: { ...moved, dueAt: at(630) } });
  });

  it('is set anew when the quiet period was made longer', () => {
    expect(decideTimer(armed, at(600), 900, at(600))).toEqual({ kind: 'rearm', next: { ...armed, dueAt: at(900) } });
  });

  it('never fires early, also when a clock steps back', () => {
    expect(decideTimer(armed, at(600), 600, at(599.999))).toEqual({ kind: 'rearm', next: armed });
    const early = { ...armed, dueAt: at(60) };
    expect(decideTimer(early, at(60), 600, at(60))).toEqual({ kind: 'rearm', next: armed });
  });

  it('does not fire while an accepted activity is on its way to it, however old its time is', () => {
    const pending = { ...armed, acceptedAt: at(599.5) };
    expect(decideTimer(pending, at(600), 600, at(600))).toMatchObject({
      kind: 'rearm',
      next: { lastActivityAt: at(599.5), dueAt: at(1199.5) },
    });
    expect(decideTimer({ ...armed, acceptedAt: at(1) }, at(600), 600, at(4000))).toMatchObject({
      kind: 'rearm',
      next: { lastActivityAt: at(1), dueAt: at(4000 + lateArrivalGraceSeconds) },
    });
    expect(decideTimer({ ...armed, acceptedAt: at(0) }, at(600), 600, at(600)).kind).toBe('fire');
  });

  it('fires nothing for a conversation whose close was accepted, though it is still on its way, and a note after it', () => {
    const closing = { ...armed, acceptedClosedAt: at(599), acceptedAt: at(599.5) };
    expect(decideTimer(closing, at(600), 600, at(600))).toMatchObject({ kind: 'disarm', next: { closedAt: at(599) } });
    const reopened = { ...closing, acceptedOpenedAt: at(599.9) };
    expect(decideTimer(reopened, at(600), 600, at(600))).toMatchObject({ kind: 'rearm', next: { dueAt: at(1199.9) } });
  });

  it('fires nothing for what Drift’s own inactivity covers, once that is accepted, though it is still on its way', () => {
    const settling = { ...armed, acceptedSettledAt: at(-0.7) };
    expect(decideTimer(settling, at(600), 600, at(600))).toEqual({
      kind: 'disarm',
      next: { lastActivityAt: at(0), settledAt: at(-0.7), acceptedSettledAt: at(-0.7) },
    });
    const goesOn = { ...settling, acceptedAt: at(599) };
    expect(decideTimer(goesOn, at(600), 600, at(600))).toMatchObject({ kind: 'rearm', next: { dueAt: at(1199) } });
    const older = { ...armed, acceptedSettledAt: at(-100) };
    expect(decideTimer(older, at(600), 600, at(600)).kind).toBe('fire');
  });

  it.each([
    ['the conversation was closed or has fired', { lastActivityAt: at(0) }],
    ['the conversation is not known', undefined],
    ['it was set anew meanwhile', { lastActivityAt: at(30), dueAt: at(630) }],
  ])('does nothing when %s', (_, stored) => {
    expect(decideTimer(stored, at(600), 600, at(600))).toEqual({ kind: 'stale' });
  });
});

describe('a quiet period that was written by hand', () => {
  it.each([60, 600, 86_400, '300'])('%j holds', (value) => {
    expect(readQuietPeriodSeconds(value)).toBe(Number(value));
  });

  it.each([
    1e20,
    0.001,
    59,
    86_401,
    -600,
    60.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '5m',
    '',
    ' 300',
    null,
    true,
    {},
  ])('%j does not, so the default does', (value) => {
    expect(readQuietPeriodSeconds(value)).toBeUndefined();
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
  const time = fc.integer({ min: 0, max: 5 }).map(at);
  const activity: fc.Arbitrary<Activity> = fc.oneof(
    time.map((at): Activity => ({ at })),
    time.map((at): Activity => ({ at, openedAt: at })),
    time.map((at): Activity => ({ at, closedAt: at })),
    time.map((settledAt): Activity => ({ settledAt })),
  );

  it('come to the same, folded or one by one, in any order', () => {
    fc.assert(
      fc.property(fc.array(activity, { minLength: 1, maxLength: 6 }), fc.nat(), (activities, seed) => {
        const settle = (ordered: readonly Activity[]): Conversation | undefined => {
          let stored: Conversation | undefined;
          for (const next of ordered) {
            const change = applyActivity(stored, next, 600, at(10));
            if (change.kind !== 'ignore') stored = change.next;
          }
          return stored;
        };
        const shuffled = activities.map((item, index) => ({
          item,
          rank: Math.imul(seed + 1, index * 7919 + 13) % 101,
        }));
        shuffled.sort((one, other) => one.rank - other.rank);
        const { dueAt, ...folded } = settle([activities.reduce(mergeActivity)]) ?? {};
        const { dueAt: dueAtOneByOne, ...oneByOne } = settle(shuffled.map(({ item }) => item)) ?? {};
        expect(oneByOne).toEqual(folded);
        expect(dueAtOneByOne === undefined).toBe(dueAt === undefined);
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

  it('a message, at its own time; of a contact it opens the conversation', () => {
    expect(activityIn(aMessage())).toEqual({
      orgId: '1',
      conversationId: '123456789',
      activity: { at: 1591813167000, openedAt: 1591813167000 },
    });
    for (const author of [
      { type: 'user', id: 1, bot: false },
      { type: 'contact', id: 1, bot: true },
      null,
      'contact',
    ]) {
      expect(activityIn(aMessage({ author }))?.activity).toEqual({ at: 1591813167000 });
    }
  });

  it('a conversation that begins, by its own id', () => {
    expect(activityIn({ orgId: '1', type: 'new_conversation', data: { id: 7, createdAt: 5 } })).toMatchObject({
      conversationId: '7',
      activity: { at: 5, openedAt: 5 },
    });
  });

  it('a close closes, another status opens', () => {
    const at = 1591813767000;
    expect(activityIn(aStatusUpdate())?.activity).toEqual({ at, closedAt: at });
    expect(activityIn(aStatusUpdate({ status: 'open' }))?.activity).toEqual({ at, openedAt: at });
  });

  it.each([
    ['which the close follows', 1591813767272, 'disarm'],
    ['of the last millisecond of that second', 1591813767999, 'disarm'],
    ['of the next second', 1591813768000, 'arm'],
  ])('a close in seconds closes to the end of its second: a message %s', (_, createdAt, kind) => {
    const activities = [aMessage({ createdAt }), aStatusUpdate({ changedAt: 1591813767 })].map(
      (event) => activityIn(event)?.activity ?? {},
    );
    expect(applyActivity(undefined, activities.reduce(mergeActivity), 600, createdAt).kind).toBe(kind);
  });

  it('a close and an opening of one second leave it closed, whichever of them is in seconds', () => {
    const second = 1591813767;
    for (const [changedAt, openedAt] of [
      [second, second],
      [second, second * 1000 + 272],
      [second * 1000 + 272, second],
    ] as const) {
      const activities = [aStatusUpdate({ changedAt }), aStatusUpdate({ status: 'open', changedAt: openedAt })].map(
        (event) => activityIn(event)?.activity ?? {},
      );
      expect(applyActivity(undefined, activities.reduce(mergeActivity), 600, second * 1000 + 999).kind).toBe('disarm');
    }
  });

  it('not an inactivity of Drift, which settles', () => {
    expect(activityIn(anInactivity())?.activity).toEqual({ settledAt: 1591813767000 });
  });

  it('not what has no part in it, or names no conversation', () => {
    expect(activityIn({ orgId: '1', type: 'phone_captured', data: { conversationId: 5 } })).toBeUndefined();
    expect(activityIn(aMessage({ conversationId: null }))).toBeUndefined();
    expect(activityIn(aMessage({ conversationId: 'twelve' }))).toBeUndefined();
  });

  it('a conversation id as a text of digits, as in what is pushed', () => {
    expect(activityIn(aMessage({ conversationId: '12' }))).toMatchObject({ conversationId: '12' });
  });
});

describe('a change of the quiet period', () => {
  const armed: Conversation = { lastActivityAt: at(0), dueAt: at(600) };
  /** When it becomes inactive, its timer being looked at each time it is due, under the period that is in force by then. */
  function inactiveAt(conversation: Conversation, periodAt: (now: number) => number): number {
    for (let current = conversation; ; ) {
      const { dueAt = Number.NaN } = current;
      const verdict = decideTimer(current, dueAt, periodAt(dueAt), dueAt);
      if (verdict.kind === 'fire') return dueAt;
      if (verdict.kind !== 'rearm') throw new Error(verdict.kind);
      current = verdict.next;
    }
  }

  it('to a longer one holds at once, for each conversation that waits', () => {
    expect(inactiveAt(armed, () => 900)).toBe(at(900));
    expect(inactiveAt({ ...armed, lastActivityAt: at(500) }, () => 900)).toBe(at(1400));
  });

  it('to a shorter one leaves a conversation in which nothing happens as it was', () => {
    expect(inactiveAt(armed, () => 60)).toBe(at(600));
  });

  it('to a shorter one holds from the next activity on', () => {
    const change = applyActivity(armed, message(100), 60, at(100));
    expect(change.kind).toBe('arm');
    if (change.kind === 'arm') expect(inactiveAt(change.next, () => 60)).toBe(at(160));
  });

  it('that was made longer and shorter again is as if it had not been made', () => {
    expect(inactiveAt(armed, (now) => (now < at(600) ? 900 : 600))).toBe(at(600));
  });

  it('never makes anything inactive before it was quiet for the period of that moment, nor later than the longest of all says', () => {
    const period = fc.integer({ min: 60, max: 86_400 });
    fc.assert(
      fc.property(
        period,
        fc.array(fc.record({ after: fc.integer({ min: 1, max: 90_000 }), period })),
        (first, changes) => {
          const periodAt = (now: number): number =>
            changes.filter(({ after }) => at(after) <= now).reduce((_, { period: next }) => next, first);
          const ends = inactiveAt({ lastActivityAt: at(0), dueAt: at(first) }, periodAt);
          expect(ends).toBeGreaterThanOrEqual(at(periodAt(ends)));
          expect(ends).toBeLessThanOrEqual(at(Math.max(first, ...changes.map(({ period: each }) => each))));
        },
      ),
    );
  });
});

describe('what is said of a timer', () => {
  it.each([
    ['the end of the quiet period, not the look that comes before', open(90, 600), 100, at(690)],
    ['what counts what is accepted and still on its way', { ...open(0, 600), acceptedAt: at(120) }, 130, at(720)],
    ['the look, where a longer quiet period was shortened since', open(0, 3600), 100, at(3600)],
    ['the look, where nothing happened since it was armed', open(0, 600), 100, at(600)],
    ['an instant that has passed, where nobody has looked yet', open(0, 600), 700, at(600)],
  ])('is when the inactivity is due: %s', (_, stored, now, inactiveAt) => {
    expect(timerStatus(stored, 600, at(now))).toEqual({ state: 'armed', inactiveAt });
  });

  it('is closed once the close is accepted, and idle once its inactivity is told', () => {
    expect(timerStatus({ ...open(0, 600), acceptedClosedAt: at(5) }, 600, at(6))).toEqual({ state: 'closed' });
    expect(timerStatus({ ...open(0, 600), acceptedSettledAt: at(0) }, 600, at(599))).toEqual({ state: 'idle' });
    expect(timerStatus(closed(5), 600, at(6))).toEqual({ state: 'closed' });
    expect(timerStatus(open(0), 600, at(700))).toEqual({ state: 'idle' });
  });
});
