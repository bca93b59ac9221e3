import { type Activity, defined, latest } from './activity.ts';

/**
 * What is stored of a conversation. All times are epoch milliseconds. Whoever writes it spreads what was stored, so that a
 * field that is added here is dropped nowhere.
 */
export interface Conversation {
  readonly lastActivityAt: number;
  /** When its timer is looked at next; absent when none is armed (closed, settled, or fired already). */
  readonly dueAt?: number;
  /** While it is being fired: when it first came due, before leases moved `dueAt`. How late it fires is counted from here. */
  readonly firingSince?: number;
  /** The latest close and the latest opening. It is closed unless it was opened after its close. */
  readonly closedAt?: number;
  readonly openedAt?: number;
  /** Since when it was quiet, as Drift itself said last. */
  readonly settledAt?: number;
  /**
   * The `lastActivityAt` of an inactivity of which something may be on the bus: written before it is published, removed when
   * all of it is there, or surely nothing. Who finds it publishes it to its end, whatever has happened since. While it is
   * there the timer is armed.
   */
  readonly publishing?: number;
  /**
   * The newest that Drift was told is accepted: a close, what opens the conversation, any other activity, Drift's own
   * inactivity. Ingest writes each before it answers; what is behind it may still be on its way through the queue. Never
   * written with the rest.
   */
  readonly acceptedAt?: number;
  readonly acceptedClosedAt?: number;
  readonly acceptedOpenedAt?: number;
  readonly acceptedSettledAt?: number;
}

export const acceptedFields = ['acceptedAt', 'acceptedClosedAt', 'acceptedOpenedAt', 'acceptedSettledAt'] as const;

/** Which of them notes an activity, and with which time. */
export function acceptedNoteOf({
  at = 0,
  closedAt,
  openedAt,
  settledAt,
}: Activity): [(typeof acceptedFields)[number], number] {
  if (settledAt !== undefined) return ['acceptedSettledAt', settledAt];
  if (closedAt !== undefined) return ['acceptedClosedAt', closedAt];
  return openedAt === undefined ? ['acceptedAt', at] : ['acceptedOpenedAt', openedAt];
}

/** What was accepted, as an activity. */
function acceptedActivity(stored: Conversation): Activity {
  const { acceptedAt, acceptedClosedAt, acceptedOpenedAt, acceptedSettledAt } = stored;
  return defined({
    at: latest(acceptedAt, latest(acceptedClosedAt, acceptedOpenedAt)),
    closedAt: acceptedClosedAt,
    openedAt: acceptedOpenedAt,
    settledAt: acceptedSettledAt,
  });
}

/** What a conditional write compares and stores. */
export const conversationFields = [
  'lastActivityAt',
  'dueAt',
  'firingSince',
  'closedAt',
  'openedAt',
  'settledAt',
  'publishing',
] as const;

export function isSameConversation(one: Conversation | undefined, other: Conversation | undefined): boolean {
  return conversationFields.every((field) => one?.[field] === other?.[field]);
}

/** Closed, settled, or its inactivity published. */
export function withoutTimer({ dueAt: _due, firingSince: _since, ...conversation }: Conversation): Conversation {
  return conversation;
}

/**
 * Who fires a timer takes it, and says what it is about to publish: nobody else looks before the lease ends. `since`: when it
 * first came due.
 */
export function leased(
  conversation: Conversation,
  publishing: number,
  since: number,
  now: number,
): Conversation & { readonly dueAt: number } {
  return { ...conversation, publishing, firingSince: since, dueAt: now + firingLeaseSeconds * 1000 };
}

/** All of its inactivity is on the bus. Where it has moved on meanwhile, its timer is set as if that had come now. */
export function published(leased: Conversation, quietPeriodSeconds: number, now: number): Conversation {
  const { publishing, ...conversation } = withoutTimer(leased);
  const { lastActivityAt } = conversation;
  if (publishing === lastActivityAt || isClosed(conversation) || isSettled(conversation)) return conversation;
  return { ...conversation, dueAt: dueAfter(lastActivityAt, quietPeriodSeconds, now) };
}

/** Nothing of its inactivity is on the bus: what happens until its lease is over counts. */
export function unpublished({ publishing: _, ...conversation }: Conversation): Conversation {
  return conversation;
}

export const defaultQuietPeriodSeconds = 600;
export const minQuietPeriodSeconds = 60;
export const maxQuietPeriodSeconds = 24 * 60 * 60;

/**
 * A quiet period as a person may have written it into the table. What is no whole number within the bounds is none, so the
 * default holds: a timer for the year 3 billion, or one that fires at every message, would be worse.
 */
export function readQuietPeriodSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isInteger(seconds)) return undefined;
  return seconds >= minQuietPeriodSeconds && seconds <= maxQuietPeriodSeconds ? seconds : undefined;
}

/** The sweep runs every minute (EventBridge's shortest rate). */
export const sweepIntervalSeconds = 60;
/**
 * What falls due within this many seconds is handed to the timers queue: one sweep interval, and room for a sweep
 * that starts late. SQS delays a message by at most 900 s.
 */
export const handOffHorizonSeconds = sweepIntervalSeconds + 15;
/** The index of armed timers is spread over this many keys; the sweep reads each. */
export const timerShards = 8;
/**
 * An activity that arrives when its quiet period is already over (Drift caught up after an outage) fires after this
 * long, not at once: what follows in the same burst belongs to the same quiet period.
 */
export const lateArrivalGraceSeconds = 5;
/**
 * Who fires a timer first moves it this far ahead: a second copy of the timer message (the sweep and whoever armed it
 * may both have sent one) finds it taken, and after a crash the timer comes due again. Longer than emit-inactivity runs.
 */
export const firingLeaseSeconds = 60;
/**
 * Drift's own `conversation_inactive` says that nothing has happened since its `lastUpdated`, which need not be to the
 * millisecond the time of the last message. An activity of so long after it is the one that Drift means.
 */
export const settledWithinSeconds = 60;
/** A conversation that nobody touched for this long is forgotten by the table's time to live. */
export const conversationRetentionSeconds = 90 * 24 * 60 * 60;

export type TimerChange =
  /** The stored state already covers it: a duplicate, or older than what is known. */
  | { readonly kind: 'ignore' }
  /** Only what is known moves; an armed timer is looked at when it comes due. */
  | { readonly kind: 'move'; readonly next: Conversation }
  | { readonly kind: 'arm'; readonly next: Conversation & { readonly dueAt: number } }
  | { readonly kind: 'disarm'; readonly next: Conversation };

/** What an activity does to its conversation. `stored` is undefined for a conversation that is not known. */
export function applyActivity(
  stored: Conversation | undefined,
  activity: Activity,
  quietPeriodSeconds: number,
  now: number,
): TimerChange {
  const { at, settledAt } = activity;
  const lastActivityAt = latest(stored?.lastActivityAt, latest(at, settledAt));
  if (lastActivityAt === undefined) return { kind: 'ignore' };
  const known: Conversation = {
    ...(stored === undefined ? {} : withoutTimer(stored)),
    ...defined({
      closedAt: latest(stored?.closedAt, activity.closedAt),
      openedAt: latest(stored?.openedAt, activity.openedAt),
      settledAt: latest(stored?.settledAt, settledAt),
    }),
    lastActivityAt,
  };
  // A timer that is being fired stays as it was leased: who fires it compares all of it when that is done.
  const next: Conversation = { ...known, ...defined({ dueAt: stored?.dueAt, firingSince: stored?.firingSince }) };
  const moved: TimerChange = isSameConversation(stored, next) ? { kind: 'ignore' } : { kind: 'move', next };
  // What was begun is published to its end: whatever follows from this is seen when that is done.
  if (stored?.publishing !== undefined && stored.dueAt !== undefined) return moved;
  if (isClosed(known) || isSettled(known)) {
    return isSameConversation(stored, known) ? { kind: 'ignore' } : { kind: 'disarm', next: known };
  }
  const hasMoved = at !== undefined && (stored === undefined || at > stored.lastActivityAt);
  // A look that found it accepted has counted it already, perhaps under a longer quiet period.
  const isCounted = at !== undefined && at === stored?.lastActivityAt && at + quietPeriodSeconds * 1000 > now;
  if (hasMoved || (isCounted && stored.dueAt !== undefined) || (stored !== undefined && isClosed(stored))) {
    const dueAt = dueAfter(lastActivityAt, quietPeriodSeconds, now);
    // A shorter quiet period must not wait for a look that was planned under the longer one.
    if (stored?.dueAt === undefined || stored.dueAt > dueAt) return { kind: 'arm', next: { ...known, dueAt } };
  }
  return moved;
}

export function isClosed({ closedAt, openedAt = Number.NEGATIVE_INFINITY }: Conversation): boolean {
  return closedAt !== undefined && closedAt >= openedAt;
}

/** Whether Drift has told this quiet period itself. */
function isSettled({ settledAt, lastActivityAt }: Conversation): boolean {
  return settledAt !== undefined && lastActivityAt < settledAt + settledWithinSeconds * 1000;
}

function dueAfter(at: number, quietPeriodSeconds: number, now: number): number {
  const dueAt = at + quietPeriodSeconds * 1000;
  return dueAt > now ? dueAt : now + Math.min(lateArrivalGraceSeconds, quietPeriodSeconds) * 1000;
}

export type TimerVerdict =
  /** Closed, fired, or due at another time by now: this look is out of date. */
  | { readonly kind: 'stale' }
  /** Its close, or Drift's own inactivity, was accepted and is still on its way. */
  | { readonly kind: 'disarm'; readonly next: Conversation }
  /** The conversation has moved on: look again at `next.dueAt`. */
  | { readonly kind: 'rearm'; readonly next: Conversation & { readonly dueAt: number } }
  /** For the first time, or what was begun. `since`: when it first came due. */
  | { readonly kind: 'fire'; readonly lastActivityAt: number; readonly since: number };

/** What to do with a timer that was set for `dueAt`, on looking at its conversation at `now`. */
export function decideTimer(
  stored: Conversation | undefined,
  dueAt: number,
  quietPeriodSeconds: number,
  now: number,
): TimerVerdict {
  if (stored?.dueAt === undefined || stored.dueAt !== dueAt) return { kind: 'stale' };
  const since = stored.firingSince ?? dueAt;
  if (stored.publishing !== undefined) return { kind: 'fire', lastActivityAt: stored.publishing, since };
  if (isClosed(stored) || isSettled(stored)) return { kind: 'disarm', next: withoutTimer(stored) };
  // Accepted, but perhaps not yet through the queue.
  const change = applyActivity(withoutTimer(stored), acceptedActivity(stored), quietPeriodSeconds, now);
  if (change.kind === 'disarm') return change;
  if (change.kind === 'arm') return { kind: 'rearm', next: change.next };
  const { lastActivityAt } = stored;
  const quietAt = lastActivityAt + quietPeriodSeconds * 1000;
  if (quietAt > now) return { kind: 'rearm', next: { ...withoutTimer(stored), dueAt: quietAt } };
  return { kind: 'fire', lastActivityAt, since };
}

export type TimerStatus =
  /** `inactiveAt`: when its inactivity is due if nothing happens until then; a look that comes before changes nothing. */
  | { readonly state: 'armed'; readonly inactiveAt: number }
  /** `idle`: it was told inactive, by us or by Drift. */
  | { readonly state: 'closed' | 'idle' };

/** For people: what the next look at the timer will come to, by what is known at `now`. */
export function timerStatus(stored: Conversation, quietPeriodSeconds: number, now: number): TimerStatus {
  const { dueAt } = stored;
  if (dueAt === undefined) return { state: isClosed(stored) ? 'closed' : 'idle' };
  const verdict = decideTimer(stored, dueAt, quietPeriodSeconds, Math.max(now, dueAt));
  if (verdict.kind === 'disarm') return { state: isClosed(verdict.next) ? 'closed' : 'idle' };
  return { state: 'armed', inactiveAt: verdict.kind === 'rearm' ? verdict.next.dueAt : dueAt };
}

/** Seconds to delay a timer message: whole, rounded up, so that a look is never early. Undefined: the sweep will do it. */
export function handOffDelaySeconds(dueAt: number, now: number): number | undefined {
  const delaySeconds = Math.max(0, Math.ceil((dueAt - now) / 1000));
  return delaySeconds <= handOffHorizonSeconds ? delaySeconds : undefined;
}

/** Which shard of the timer index a conversation belongs to: the same for all its life. */
export function timerShardOf(conversationKey: string): number {
  let hash = 0;
  for (let index = 0; index < conversationKey.length; index++) {
    hash = (Math.imul(hash, 31) + conversationKey.charCodeAt(index)) | 0;
  }
  // The low bits of a multiplicative hash of digits are poor; fold the high ones in.
  return ((hash ^ (hash >>> 15)) >>> 0) % timerShards;
}
