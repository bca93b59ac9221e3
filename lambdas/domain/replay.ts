import { createHash } from 'node:crypto';
import { isJsonObject, parseJson } from './json.ts';

/** EventBridge keeps a replay's name to 64 characters. */
const stampBase = 36;

/** Begins the names of all replays of one subscription of one deployment. */
export function replayNamePrefix(routePrefix: string, subscriptionId: string): string {
  // Ids that people choose, `crm` for one, may be the same in two deployments of one account.
  const deployment = createHash('sha256').update(routePrefix).digest('hex').slice(0, 6);
  return `${subscriptionId}-${deployment}-`;
}

/** `now` in epoch ms: two replays of one subscription in one millisecond are one. */
export function replayName(routePrefix: string, subscriptionId: string, now: number): string {
  return `${replayNamePrefix(routePrefix, subscriptionId)}${now.toString(stampBase)}`;
}

/**
 * A stored envelope as a message of a replay, which tells the delivery function that this is no repetition (see
 * delivery-ledger.ts). Undefined for a text that is no envelope.
 */
export function replayedEnvelope(event: string, name: string, evenIfDelivered: boolean): string | undefined {
  const envelope = parseJson(event);
  if (!isJsonObject(envelope)) return undefined;
  return JSON.stringify({
    ...envelope,
    'replay-name': name,
    ...(evenIfDelivered ? { 'replay-delivered': true } : {}),
  });
}
