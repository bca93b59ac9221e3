import { type JsonObject, type JsonValue, safeInteger } from '../../json/json.ts';
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
  /** Epoch milliseconds: the event's own time, never later than its arrival. */
  readonly occurredAt: number;
  readonly cause?: string;
}

/** The event's own time in epoch milliseconds, where its type carries one. */
export function ownTime(event: DriftEvent): number | undefined {
  const field = eventRow(event.type)?.timeField ?? undefined;
  const time = field === undefined ? undefined : safeInteger(event.data[field]);
  return time !== undefined && time >= 0 ? time : undefined;
}

/** An event's own time counts; a time in the future is clamped to its arrival. */
export function occurredAt(event: DriftEvent, receivedAt: number): number {
  return Math.min(ownTime(event) ?? receivedAt, receivedAt);
}
