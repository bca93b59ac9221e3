import type { Activity } from './activity.ts';

/**
 * What is stored of a conversation. All times are epoch milliseconds. Whoever writes it spreads what was stored, so that a
 * field that is added here is dropped nowhere.
 */
export interface Conversation {
  readonly lastActivityAt: number;
  /** When its timer is looked at next; absent when none is armed (closed, or fired already). */
  readonly dueAt?: number;
}

/** Closed, or its inactivity published: which of them is not kept. */
export function withoutTimer({ dueAt: _, ...conversation }: Conversation): Conversation {
  return conversation;
}

export const defaultQuietPeriodSeconds = 600;
export const minQuietPeriodSeconds = 60;
export const maxQuietPeriodSeconds = 24 * 60 * 60;

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
/** A conversation that nobody touched for this long is forgotten by the table's time to live. */
export const conversationRetentionSeconds = 90 * 24 * 60 * 60;

export type TimerChange =
  /** The stored state already covers it: a duplicate, or older than what is known. */
  | { readonly kind: 'ignore' }
  /** Only the time moves; an armed timer is looked at when it comes due. */
  | { readonly kind: 'move'; readonly lastActivityAt: number }
  | { readonly kind: 'arm'; readonly lastActivityAt: number; readonly dueAt: number }
  | { readonly kind: 'disarm'; readonly lastActivityAt: number };

/** What an activity does to its conversation. `stored` is undefined for a conversation that is not known. */
export function applyActivity(
  stored: Conversation | undefined,
  activity: Pick<Activity, 'at' | 'closes'>,
  quietPeriodSeconds: number,
  now: number,
): TimerChange {
  const { at, closes } = activity;
  if (stored !== undefined && (at < stored.lastActivityAt || (at === stored.lastActivityAt && !closes))) {
    return { kind: 'ignore' };
  }
  if (closes) {
    const known = stored?.lastActivityAt === at && stored.dueAt === undefined;
    return known ? { kind: 'ignore' } : { kind: 'disarm', lastActivityAt: at };
  }
  const dueAt = dueAfter(at, quietPeriodSeconds, now);
  // A shorter quiet period must not wait for a look that was planned under the longer one.
  if (stored?.dueAt !== undefined && stored.dueAt <= dueAt) return { kind: 'move', lastActivityAt: at };
  return { kind: 'arm', lastActivityAt: at, dueAt };
}

function dueAfter(at: number, quietPeriodSeconds: number, now: number): number {
  const dueAt = at + quietPeriodSeconds * 1000;
  return dueAt > now ? dueAt : now + Math.min(lateArrivalGraceSeconds, quietPeriodSeconds) * 1000;
}

export type TimerVerdict =
  /** Closed, fired, or due at another time by now: this look is out of date. */
  | { readonly kind: 'stale' }
  /** The conversation has moved on: look again at `dueAt`. */
  | { readonly kind: 'rearm'; readonly dueAt: number }
  | { readonly kind: 'fire'; readonly lastActivityAt: number };

/** What to do with a timer that was set for `dueAt`, on looking at its conversation at `now`. */
export function decideTimer(
  stored: Conversation | undefined,
  dueAt: number,
  quietPeriodSeconds: number,
  now: number,
): TimerVerdict {
  if (stored?.dueAt === undefined || stored.dueAt !== dueAt) return { kind: 'stale' };
  const quietAt = stored.lastActivityAt + quietPeriodSeconds * 1000;
  if (quietAt > now) return { kind: 'rearm', dueAt: quietAt };
  return { kind: 'fire', lastActivityAt: stored.lastActivityAt };
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
