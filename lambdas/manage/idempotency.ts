import { createHash } from 'node:crypto';
import type { RandomBytes } from '../domain/subscriptions/signing-secret.ts';
import { problemResponse } from '../http/problem-responses.ts';
import { canonicalJson, type JsonObject } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClaimedRequest, RequestKeys } from './ports.ts';
import { type ApiAnswer, invalidField, type RoutedRequest } from './request.ts';

/** How long a key stands for the first request that came with it. */
export const keyLifetimeSeconds = 24 * 60 * 60;
/** Visible ASCII. */
const keyPattern = /^[\x21-\x7e]{1,255}$/;
const seedBytes = 32;

/** As long as a request may run: what the function has (infra/constructs/management.ts), and a second. */
const heldMs = 30_000;
/** How long a repetition waits for the answer of the first, in looks; it has an answer itself before its own time is over. */
const lookMs = 500;
const maxLooks = 40;

/** What a request that is carried out shares with its repetition under the same key. */
export interface Once {
  readonly randomBytes: RandomBytes;
  /** Epoch ms. */
  readonly now: number;
}

export interface OnceDeps {
  readonly requestKeys: RequestKeys;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Carries a request with an `Idempotency-Key` out once: its repetition gets the first answer, and waits for it where that is
 * not there yet; another body under the key is a 409. What broke off, failed or was refused is carried out by the next
 * repetition with the same seed and time, so that it makes the same subscription and not a second one.
 */
export async function oncePerKey(
  { headers, path }: RoutedRequest,
  body: JsonObject,
  { requestKeys, randomBytes, clock, sleep }: OnceDeps,
  carryOut: (once: Once) => Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  const key = headers['idempotency-key'];
  if (key === undefined) return carryOut({ randomBytes, now: clock() });
  if (!keyPattern.test(key)) return invalidField('idempotency-key', 'must be 1 to 255 visible ASCII characters');
  const keyHash = hashOf([path, key]);
  const fingerprint = hashOf([canonicalJson(body)]);
  const seed = Buffer.from(randomBytes(seedBytes)).toString('base64url');

  for (let look = 0; look < maxLooks; look++) {
    const now = clock();
    const heldUntil = now + heldMs;
    const mine = { fingerprint, seed, claimedAt: now, heldUntil };
    const claimed = await requestKeys.claim(keyHash, mine, now - keyLifetimeSeconds * 1000);
    if (claimed.fingerprint !== fingerprint) {
      return conflict('this idempotency-key was used within 24 hours for a request with another body; use a new key');
    }
    if (claimed.answer !== undefined) return JSON.parse(claimed.answer) as ApiAnswer;
    const isMine =
      claimed.seed === seed || (claimed.heldUntil <= now && (await requestKeys.takeUp(keyHash, claimed, heldUntil)));
    if (isMine) return carryOutHeld(keyHash, claimed);
    await sleep(lookMs);
  }
  return conflict('a request with this idempotency-key is still being carried out; send it again', {
    'retry-after': '10',
  });

  async function carryOutHeld(keyHash: string, claimed: ClaimedRequest): Promise<ApiAnswer> {
    let done: { readonly answer: string } | undefined;
    try {
      const answer = await carryOut({ randomBytes: seededBytes(claimed.seed), now: claimed.claimedAt });
      if (answer.statusCode !== undefined && answer.statusCode < 300) done = { answer: JSON.stringify(answer) };
      return answer;
    } finally {
      await requestKeys.release(keyHash, { ...claimed, heldUntil: 0, ...done });
    }
  }
}

function conflict(detail: string, headers: Readonly<Record<string, string>> = {}): ApiAnswer {
  return problemResponse(409, 'Conflict', { detail, headers });
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** The same bytes for the same seed, call by call; without the seed as good as random. */
function seededBytes(seed: string): RandomBytes {
  let block = 0;
  return (count) => {
    const blocks: Buffer[] = [];
    for (let length = 0; length < count; length += seedBytes) {
      blocks.push(createHash('sha256').update(`${seed}:${block++}`).digest());
    }
    return Buffer.concat(blocks).subarray(0, count);
  };
}
