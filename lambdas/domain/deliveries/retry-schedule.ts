/** Seconds from a failed attempt to the next: 16 attempts in all, over 75 hours and, with jitter, up to 90. */
export const retryDelaysSeconds: readonly number[] = [
  5,
  30,
  2 * 60,
  10 * 60,
  30 * 60,
  60 * 60,
  2 * 60 * 60,
  4 * 60 * 60,
  8 * 60 * 60,
  ...Array.from({ length: 6 }, () => 10 * 60 * 60),
];

export const maxAttempts = retryDelaysSeconds.length + 1;

/** Jitter only adds: a retry is never early. */
const jitterFraction = 0.2;

/** How long SQS keeps a message: its longest, 14 days. */
export const queueRetentionSeconds = 14 * 24 * 60 * 60;
/** The last try comes this long before the queue forgets the message: time to make it, and to write down how it went. */
const retentionMarginSeconds = 60 * 60;

/** The instant (epoch ms) up to which a message that was sent at `sentAt` can be held in the queue safely. */
export function lastSafeInstant(sentAt: number): number {
  return sentAt + (queueRetentionSeconds - retentionMarginSeconds) * 1000;
}

export interface FailedAttempt {
  /** Attempts made, this one included; 1 after the first. */
  readonly attempts: number;
  /** When it failed; epoch ms. */
  readonly now: number;
  /** When the message entered the queue; epoch ms. */
  readonly sentAt: number;
  /** The endpoint asked for no attempt before this instant (`Retry-After`, throttling); epoch ms. */
  readonly notBefore?: number;
  /** From 0 to 1. */
  readonly random: number;
}

export type NextAttempt =
  | { readonly kind: 'retry'; readonly at: number }
  /** `attempts`: all were made. `expired`: the queue would forget the message before the next. */
  | { readonly kind: 'exhausted'; readonly reason: 'attempts' | 'expired' };

/**
 * When to try again. An endpoint's wish is obeyed in full; only where it goes beyond the queue's retention the last
 * try is made just before the message would be forgotten.
 */
export function nextAttempt({ attempts, now, sentAt, notBefore = 0, random }: FailedAttempt): NextAttempt {
  const delaySeconds = retryDelaysSeconds[attempts - 1];
  if (delaySeconds === undefined) return { kind: 'exhausted', reason: 'attempts' };
  const jitter = delaySeconds * jitterFraction * Math.min(1, Math.max(0, random));
  const scheduled = Math.ceil(now + (delaySeconds + jitter) * 1000);
  const last = lastSafeInstant(sentAt);
  const at = Math.min(Math.max(scheduled, notBefore), last);
  return at > now ? { kind: 'retry', at } : { kind: 'exhausted', reason: 'expired' };
}

/** SQS hides a message for 12 hours at most, counted from when it was received. */
const maxHidingSeconds = 12 * 60 * 60;
/** The function learns of a message some time after SQS handed it out (a batching window after); too much is an error. */
const receiveMarginSeconds = 5 * 60;

/**
 * For how many whole seconds to hide a message so that it does not come before `until`. What goes beyond the longest
 * hiding is carried over: the message comes early, and is hidden again. Instants in epoch ms.
 */
export function hidingSeconds(until: number, now: number, receivedAt: number): number {
  const passedSeconds = Math.ceil(Math.max(0, now - receivedAt) / 1000);
  const longest = maxHidingSeconds - receiveMarginSeconds - passedSeconds;
  return Math.max(0, Math.min(Math.ceil((until - now) / 1000), longest));
}
