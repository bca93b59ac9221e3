import { integerText, isWithin64Bits, type JsonObject, type JsonValue, safeInteger } from '../../json/json.ts';
import { eventRow } from './event-types.ts';

/** What a subscriber gets, and what Drift sends less its `token`: `{"orgId", "type", "data"}`. */
export interface DriftEvent {
  /** 64-bit, as its decimal digits. */
  readonly orgId: string;
  readonly type: string;
  readonly data: JsonObject;
}

/**
 * The `detail` of an entry on the bus. `orgId` is a JSON number (raw where a double would round it).
 * `cause` is there on derived events only: it keeps a legacy mirror from being taken for a real close.
 */
export interface EventDetail {
  readonly id: string;
  readonly orgId: JsonValue;
  readonly type: string;
  readonly data: JsonObject;
  /** Epoch milliseconds: the event's own time, never later than its arrival by more than a clock may be ahead. */
  readonly occurredAt: number;
  readonly cause?: string;
  /** The webhook id of the event that it was derived from; as `cause`, on derived events only. */
  readonly causedBy?: string;
}

/** How an id is written where it is a text. */
export const idPattern = /^-?\d{1,19}$/;

/**
 * Drift's ids are 64-bit integers; the same digits as a text are the same id. Undefined for all else: then nothing is
 * known to concern a conversation, neither a timer nor a push.
 */
export function idText(value: unknown): string | undefined {
  if (typeof value !== 'string') return integerText(value);
  return idPattern.test(value) && isWithin64Bits(value) ? String(BigInt(value)) : undefined;
}

/** A time as Drift writes it, in epoch milliseconds. */
export function epochMilliseconds(value: unknown): number | undefined {
  const time = safeInteger(value);
  if (time === undefined || time < 0) return undefined;
  // Seconds since 2001, which as milliseconds would be a day of January 1970 to 1973: before Drift, and so no such time.
  return time >= 1e9 && time < 1e11 ? time * 1000 : time;
}

/** The event's own time in epoch milliseconds, where its type carries one. */
export function ownTime(event: DriftEvent): number | undefined {
  const field = eventRow(event.type)?.timeField ?? undefined;
  return field === undefined ? undefined : epochMilliseconds(event.data[field]);
}

/**
 * So far Drift's clock may be ahead of ours. An activity from then that is posted again after its quiet period is still of one
 * time, and begins no second one; its quiet period ends by Drift's clock.
 */
const clockSkewMs = 60_000;

/** When it happened: by the event's own time, or by its arrival where it has none, or one in the future. */
export function timeOf(event: DriftEvent, receivedAt: number): number {
  const own = ownTime(event);
  return own === undefined || own > receivedAt + clockSkewMs ? receivedAt : own;
}
