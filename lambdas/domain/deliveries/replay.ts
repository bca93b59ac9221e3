import { createHash } from 'node:crypto';
import { isJsonObject, parseJson } from '../../json/json.ts';

/** EventBridge keeps a replay's name to 64 characters: 20 of the prefix, 32 of the id, 9 of the time, two hyphens. */
const maxIdLength = 32;

/**
 * How long a replay is remembered, as EventBridge remembers those of its archive and the ledger what became of events. Long
 * before, the last of its messages has left the queue and the dead letters.
 */
export const replayRetentionSeconds = 90 * 24 * 60 * 60;

/** Begins the names of all replays of one subscription, and perhaps of one whose id begins like its own. */
export function replayNamePrefix(routePrefix: string, subscriptionId: string): string {
  if (subscriptionId.length <= maxIdLength) return `${routePrefix}-${subscriptionId}-`;
  const digest = createHash('sha256').update(subscriptionId).digest('hex').slice(0, 8);
  return `${routePrefix}-${subscriptionId.slice(0, maxIdLength - digest.length - 1)}_${digest}-`;
}

/** `now` in epoch ms: two replays of one subscription in one millisecond are one. */
export function replayName(routePrefix: string, subscriptionId: string, now: number): string {
  return `${replayNamePrefix(routePrefix, subscriptionId)}${now.toString(36)}`;
}

export function isReplayOf(routePrefix: string, subscriptionId: string, name: string): boolean {
  const prefix = replayNamePrefix(routePrefix, subscriptionId);
  // 9 digits are the year 5188.
  return name.startsWith(prefix) && /^[0-9a-z]{1,9}$/.test(name.slice(prefix.length));
}

/** When a replay of this name was asked for; epoch ms. `name` is one of the subscription's (`isReplayOf`). */
export function replayNamedAt(name: string): number {
  return Number.parseInt(name.slice(name.lastIndexOf('-') + 1), 36);
}

/**
 * A stored envelope as a message of a replay, which tells the delivery function that this is no repetition (see
 * delivery-ledger.ts). `replaysDelivered`: also where it was delivered. `isResend`: also that, and now. Undefined for a text that
 * is no envelope.
 */
export function replayedEnvelope(
  event: string,
  name: string,
  {
    replaysDelivered = false,
    isResend = false,
  }: { readonly replaysDelivered?: boolean; readonly isResend?: boolean } = {},
): string | undefined {
  const envelope = parseJson(event);
  if (!isJsonObject(envelope)) return undefined;
  // The stored one may be that of an earlier resend.
  const { 'replay-delivered': _, resend: __, ...plain } = envelope;
  return JSON.stringify({
    ...plain,
    'replay-name': name,
    ...(replaysDelivered ? { 'replay-delivered': true } : {}),
    ...(isResend ? { resend: true } : {}),
  });
}

/**
 * An envelope for a retry of what `owner` (a replay's name; undefined: the event's own message) has begun. A resend is one
 * attempt: what follows is an ordinary retry, and overrules nothing.
 */
export function retriedEnvelope(event: string, owner: string | undefined): string {
  const envelope = parseJson(event);
  if (!isJsonObject(envelope)) return event;
  const { 'replay-name': _, resend: __, ...plain } = envelope;
  return JSON.stringify(owner === undefined ? plain : { ...plain, 'replay-name': owner });
}
