import { createHash } from 'node:crypto';
import type { SubscriptionConfig } from './subscription.ts';

/**
 * Tells whether somebody has changed where events go, or given the endpoint another chance: then whatever the system has
 * learnt of it, or decided about it, is void.
 */
export function endpointHash({
  url,
  status,
  resumedAt,
}: Pick<SubscriptionConfig, 'url' | 'status' | 'resumedAt'>): string {
  const parts = resumedAt === undefined ? [url, status] : [url, status, resumedAt];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
