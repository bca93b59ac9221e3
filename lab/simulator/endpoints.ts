import type { AttemptResult } from '../../lambdas/domain/deliveries/attempt-outcome.ts';
import type { Random } from './random.ts';

/** How an endpoint behaves for a while. */
type Mood =
  | 'healthy'
  | 'flaky'
  | 'failing'
  | 'throttling'
  | 'overloaded'
  | 'asking-for-time'
  | 'hanging'
  | 'late'
  | 'unreachable'
  | 'moved';

const moods: readonly (readonly [number, Mood])[] = [
  [4, 'flaky'],
  [2, 'failing'],
  [3, 'throttling'],
  [2, 'overloaded'],
  [2, 'asking-for-time'],
  [2, 'hanging'],
  [3, 'late'],
  [3, 'unreachable'],
  [1, 'moved'],
];

const refusedTypes = ['new_message', 'conversation_push', 'conversation_inactive', 'button_clicked'];
const minute = 60_000;
const hour = 60 * minute;
/** The sender's limit for one attempt. */
const attemptTimeoutMs = 15_000;

export interface EndpointAnswer {
  readonly afterMs: number;
  readonly result: AttemptResult;
  /** It answered 2xx, heard or not. */
  readonly accepted: boolean;
  /** Epoch ms before which it wants no further attempt of this event. */
  readonly notBefore?: number;
  /** The same for all that is sent to it. */
  readonly restUntil?: number;
  /** It never wants anything more. */
  readonly isGone?: boolean;
}

/** What stands behind a subscription's url. */
export class Endpoint {
  readonly host: string;
  readonly #random: Random;
  /** Beginnings of moods, oldest first. */
  readonly #moods: { readonly from: number; readonly mood: Mood }[];
  #poisonFraction: number;
  readonly #goneAt: number;
  #goneAtUrlFrom = Number.POSITIVE_INFINITY;
  /** Taken with 400, whatever its mood, until it is put right. */
  #refusedType: string | undefined;
  #saidGone = false;
  #isHealed = false;

  constructor(
    host: string,
    random: Random,
    span: { readonly from: number; readonly until: number },
    isReliable: boolean,
  ) {
    this.host = host;
    this.#random = random;
    this.#moods = [{ from: span.from, mood: 'healthy' }];
    this.#poisonFraction = isReliable || random.chance(0.6) ? 0 : 0.02;
    this.#goneAt =
      !isReliable && random.chance(0.08) ? random.integer(span.from, span.until) : Number.POSITIVE_INFINITY;
    if (isReliable) return;
    const refusals = random.fork('refusals');
    if (refusals.chance(0.25)) this.#refusedType = refusals.pick(refusedTypes);
    for (let from = span.from + random.spread(10 * minute, 8 * hour); from < span.until; ) {
      const mood = random.weighted(moods);
      this.#moods.push({ from, mood });
      // Some are away until somebody puts them right: hours, days.
      from += random.chance(0.1) ? span.until : random.spread(minute, 4 * hour);
      this.#moods.push({ from, mood: 'healthy' });
      from += random.spread(20 * minute, 8 * hour);
    }
  }

  /** From now on it takes everything; `isStubborn`: but what it never takes. */
  heal(isStubborn: boolean): void {
    this.#isHealed = true;
    if (isStubborn) return;
    this.#poisonFraction = 0;
    this.#refusedType = undefined;
  }

  /** Its subscriber has moved; whoever still comes is told so, now and then after a while. */
  leave(now: number): void {
    this.#goneAtUrlFrom = now;
  }

  get hasSaidGone(): boolean {
    return this.#saidGone;
  }

  answer(webhookId: string, now: number, eventType = ''): EndpointAnswer {
    const random = this.#random;
    if (now >= this.#goneAtUrlFrom && !this.#isHealed) {
      this.#saidGone = true;
      return { ...answered(410, random.spread(50, 12_000)), isGone: true };
    }
    if (eventType === this.#refusedType) return answered(400, random.integer(5, 60));
    if (now >= this.#goneAt && !this.#saidGone && !this.#isHealed) {
      this.#saidGone = true;
      return random.chance(0.5)
        ? { ...answered(410, 50), isGone: true }
        : { ...answered(200, 50, { 'webhook-delivery': 'disable' }), isGone: true };
    }
    const poison = this.#poison(webhookId);
    if (poison !== undefined) return poison;
    if (this.#isHealed) return answered(200, random.integer(20, 400));
    switch (this.#moodAt(now)) {
      case 'healthy':
        return answered(
          random.pick([200, 200, 201, 204]),
          random.chance(0.05) ? random.spread(500, 8_000) : random.integer(20, 400),
        );
      case 'flaky':
        return random.chance(0.4)
          ? answered(random.pick([500, 400, 404]), 100)
          : answered(200, random.integer(20, 900));
      case 'failing':
        return answered(500, random.integer(10, 2_000));
      case 'moved':
        return answered(302, 40, { location: 'https://elsewhere.example/' });
      case 'throttling':
        return this.#rest(429, now);
      case 'overloaded':
        return random.chance(0.5) ? this.#rest(503, now) : answered(503, 300);
      case 'asking-for-time': {
        const seconds = random.spread(30, 5_400);
        return { ...answered(500, 80, { 'retry-after': String(seconds) }), notBefore: now + 80 + seconds * 1000 };
      }
      case 'hanging':
        return unheard('timeout', attemptTimeoutMs, false);
      case 'late':
        // It does its work and answers when nobody listens any more.
        return random.chance(0.5)
          ? unheard('timeout', attemptTimeoutMs, true)
          : answered(200, random.integer(5_000, 14_900));
      case 'unreachable':
        return unheard('connect', random.pick([3, 3, 5_000]), false);
      default:
        throw new Error('no such mood');
    }
  }

  #rest(status: number, now: number): EndpointAnswer {
    const seconds = this.#random.spread(5, 1_800);
    const until = now + 60 + seconds * 1000;
    if (this.#random.chance(0.7)) {
      return { ...answered(status, 60, { 'retry-after': String(seconds) }), notBefore: until, restUntil: until };
    }
    // As a date, which has whole seconds.
    const date = Math.floor(until / 1000) * 1000;
    const headers = { 'retry-after': new Date(date).toUTCString() };
    return { ...answered(status, 60, headers), notBefore: date, restUntil: date };
  }

  /** Some events an endpoint never takes, whatever its mood. */
  #poison(webhookId: string): EndpointAnswer | undefined {
    if (this.#poisonFraction === 0) return undefined;
    let hash = 0;
    for (let index = 0; index < webhookId.length; index++)
      hash = (Math.imul(hash, 31) + webhookId.charCodeAt(index)) | 0;
    const draw = (hash >>> 0) / 4294967296;
    if (draw >= this.#poisonFraction) return undefined;
    return draw < this.#poisonFraction / 3
      ? answered(400, 20, { 'webhook-delivery': 'abort-message' })
      : answered(500, 20);
  }

  #moodAt(now: number): Mood {
    return this.#moods.findLast(({ from }) => from <= now)?.mood ?? 'healthy';
  }
}

function answered(status: number, afterMs: number, headers: Record<string, string> = {}): EndpointAnswer {
  return {
    afterMs,
    accepted: status >= 200 && status < 300,
    result: { kind: 'answered', status, headers, responseHead: '', durationMs: afterMs },
  };
}

function unheard(errorClass: 'timeout' | 'connect', afterMs: number, accepted: boolean): EndpointAnswer {
  return { afterMs, accepted, result: { kind: 'failed', errorClass, message: 'injected', durationMs: afterMs } };
}
