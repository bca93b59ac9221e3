import { createHash } from 'node:crypto';
import type { RandomBytes } from '../domain/subscriptions/signing-secret.ts';
import { problemResponse } from '../http/problem-responses.ts';
import { canonicalJson, type JsonObject } from '../json/json.ts';
import type { ClaimedRequest, RequestKeys } from './ports.ts';
import { type ApiAnswer, invalidField, type ReadRequest, type RoutedRequest } from './request.ts';

/** How long a key stands for the first request that came with it. */
export const keyLifetimeSeconds = 24 * 60 * 60;
/** Visible ASCII. */
const keyPattern = /^[\x21-\x7e]{1,255}$/;
const seedBytes = 32;

/** A request that may be carried out: with a seed and a time that a repetition under the same key shares. */
export interface OncePerKey {
  readonly randomBytes: RandomBytes;
  /** Epoch ms. */
  readonly now: number;
  /** Keeps the answer for those who send the request again. */
  readonly done: (answer: ApiAnswer) => Promise<ApiAnswer>;
}

/**
 * Lets a request with an `Idempotency-Key` through once: its repetition is refused with the first answer, another body
 * under the key with 409. A first run that broke off midway is taken up by the next with the same seed, so that it makes
 * the same subscription and not a second one.
 */
export async function oncePerKey(
  { headers, path }: RoutedRequest,
  body: JsonObject,
  keys: RequestKeys,
  fresh: { readonly randomBytes: RandomBytes; readonly now: number },
): Promise<ReadRequest<OncePerKey>> {
  const key = headers['idempotency-key'];
  if (key === undefined) return { kind: 'valid', value: { ...fresh, done: async (answer) => answer } };
  if (!keyPattern.test(key)) {
    return { kind: 'refused', answer: invalidField('idempotency-key', 'must be 1 to 255 visible ASCII characters') };
  }
  const keyHash = hashOf([path, key]);
  const mine: ClaimedRequest = {
    fingerprint: hashOf([canonicalJson(body)]),
    seed: Buffer.from(fresh.randomBytes(seedBytes)).toString('base64url'),
    claimedAt: fresh.now,
  };
  const claimed = await keys.claim(keyHash, mine, fresh.now - keyLifetimeSeconds * 1000);
  if (claimed.fingerprint !== mine.fingerprint) {
    const detail = 'this idempotency-key was used within 24 hours for a request with another body; use a new key';
    return { kind: 'refused', answer: problemResponse(409, 'Conflict', { detail }) };
  }
  if (claimed.answer !== undefined) return { kind: 'refused', answer: JSON.parse(claimed.answer) as ApiAnswer };
  return {
    kind: 'valid',
    value: {
      randomBytes: seededBytes(claimed.seed),
      now: claimed.claimedAt,
      done: async (answer) => {
        await keys.complete(keyHash, { ...claimed, answer: JSON.stringify(answer) });
        return answer;
      },
    },
  };
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
