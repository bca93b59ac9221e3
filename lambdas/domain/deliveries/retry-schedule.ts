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

/** A retry that waits longer than this leaves the queue (docs/decisions/0014-what-waits-long-waits-in-the-ledger.md). */
export const maxQueueWaitSeconds = 5 * 60;

/** How long SQS keeps a message: its longest, 14 days. */
export const queueRetentionSeconds = 14 * 24 * 60 * 60;
/** What waits too long is taken out this long before the queue forgets it. */
const retentionMarginSeconds = 60 * 60;

/** The instant (epoch ms) up to which a message that was sent at `sentAt` can be kept in the queue safely. */
export function lastSafeInstant(sentAt: number): number {
  return sentAt + (queueRetentionSeconds - retentionMarginSeconds) * 1000;
}

/** An endpoint may ask for as long a rest as this. */
export const maxRestSeconds = 24 * 60 * 60;

/**
 * An instant (epoch ms) before which an endpoint wanted nothing, as it was stored. One that lies further ahead than an
 * endpoint may ask for was stored by a version that believed every `Retry-After`: it is void.
 */
export function believable(instant: number | undefined, now: number): number | undefined {
  // The clocks of two functions differ a little.
  return instant === undefined || instant > now + (maxRestSeconds + 60) * 1000 ? undefined : instant;
}

export interface FailedAttempt {
  /** Attempts made, this one included; 1 after the first. */
  readonly attempts: number;
  /** When it failed; epoch ms. */
  readonly now: number;
  /** The endpoint asked for no attempt before this instant (`Retry-After`, throttling); epoch ms. */
  readonly notBefore?: number;
  /** From 0 to 1. */
  readonly random: number;
  /** What the subscription allows; left out: as many as the schedule has. */
  readonly maxAttempts?: number | undefined;
}

/** When to try again, epoch ms; an endpoint's wish is obeyed in full. Undefined: all attempts were made. */
export function nextAttemptAt({
  attempts,
  now,
  notBefore = 0,
  random,
  maxAttempts: allowed = maxAttempts,
}: FailedAttempt): number | undefined {
  const delaySeconds = attempts < allowed ? retryDelaysSeconds[attempts - 1] : undefined;
  if (delaySeconds === undefined) return undefined;
  const jitter = delaySeconds * jitterFraction * Math.min(1, Math.max(0, random));
  const scheduled = Math.ceil(now + (delaySeconds + jitter) * 1000);
  return Math.max(scheduled, notBefore);
}

/** For how many whole seconds to hide a message so that it does not come before `until`. Instants in epoch ms. */
export function hidingSeconds(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1000));
}
