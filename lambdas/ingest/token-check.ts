import { createHash, timingSafeEqual } from 'node:crypto';
import type { DriftTokens } from './ports.ts';

/** Whether a presented token is one that Drift may send. */
export async function isAccepted(presented: unknown, tokens: DriftTokens): Promise<boolean> {
  if (typeof presented !== 'string' || presented === '') return false;
  if (isOneOf(presented, await tokens.accepted())) return true;
  return isOneOf(presented, await tokens.accepted({ afresh: true }));
}

/** In constant time: digests have one length whatever was presented, and every token is compared. */
function isOneOf(presented: string, tokens: readonly string[]): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const presentedDigest = digest(presented);
  let matches = false;
  for (const token of tokens) matches = timingSafeEqual(presentedDigest, digest(token)) || matches;
  return matches;
}
