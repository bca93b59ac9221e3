import {
  findOversizeInteger,
  integerText,
  isJsonObject,
  type JsonValue,
  nestingDepth,
  parseJson,
} from '../../json/json.ts';
import type { DriftEvent } from './drift-event.ts';
import { eventTypePattern, maxEventTypeLength } from './event-type-name.ts';
import { isOwnType } from './event-types.ts';

/** What Drift may post. */
export const maxPostBytes = 256 * 1024;
/**
 * What an event may have on the bus. EventBridge and SQS carry more by now (1 MB since January 2026), but the ledger keeps
 * an undelivered event whole, in an item of at most 400 KB. Below 256 KB by what PutEvents' older limit may count beside
 * the event, so that a post is never refused again and again by a bus that was asked for a little too much.
 */
export const maxEventBytes = 250 * 1024;
/** How deep EventBridge reads nested JSON (PutEvents API reference). */
export const maxNestingDepth = 1000;

export type DriftPost =
  | { readonly kind: 'post'; readonly token: unknown; readonly readBody: () => Record<string, JsonValue> }
  | InvalidField;

export interface InvalidField {
  readonly kind: 'invalid';
  /** Which part of the post is wrong: `body`, `orgId`, `type`, `data`, or a path below `data`. */
  readonly field: string;
  readonly reason: string;
}

/**
 * Reads what Drift posted, as far as its token; `readBody` and `readDriftEvent` do the rest once the token was found right.
 * Anybody may post: for the token alone `JSON.parse` will do, and 256 KB of numbers cost it a tenth of what `parseJson` takes.
 */
export function readDriftPost(text: string): DriftPost {
  // Before parsing: a text of a hundred thousand brackets would overflow what reads it.
  if (nestingDepth(text) > maxNestingDepth) {
    return invalid('data', `is nested deeper than ${maxNestingDepth} levels, which EventBridge does not carry`);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return invalid('body', 'is not JSON');
  }
  if (!isJsonObject(body)) return invalid('body', 'must be a JSON object');
  return { kind: 'post', token: body.token, readBody: () => parseJson(text) as Record<string, JsonValue> };
}

/** The event in a post, less its token. */
export function readDriftEvent(body: Record<string, JsonValue>): { kind: 'event'; event: DriftEvent } | InvalidField {
  const { orgId: org, type, data } = body;
  if (org === undefined) return invalid('orgId', 'is missing');
  const orgId = integerText(org);
  if (orgId === undefined) return invalid('orgId', 'must be an integer of at most 64 bits');
  if (type === undefined) return invalid('type', 'is missing');
  if (typeof type !== 'string' || type === '') return invalid('type', 'must be a non-empty string');
  if (type.length > maxEventTypeLength) {
    return invalid('type', `must be at most ${maxEventTypeLength} characters long`);
  }
  if (!eventTypePattern.test(type)) {
    return invalid('type', 'must not hold control characters or what is no Unicode character');
  }
  if (isOwnType(type)) return invalid('type', 'is reserved: events of this type are made here, about deliveries');
  if (data === undefined) return invalid('data', 'is missing');
  if (!isJsonObject(data)) return invalid('data', 'must be a JSON object');
  const oversize = findOversizeInteger(data, 'data');
  if (oversize !== undefined) {
    return invalid(oversize, 'is an integer outside of -2^63 to 2^63-1, which EventBridge does not carry');
  }
  return { kind: 'event', event: { orgId, type, data } };
}

function invalid(field: string, reason: string): InvalidField {
  return { kind: 'invalid', field, reason };
}
