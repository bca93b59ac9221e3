import { integerText, isJsonObject, type JsonObject, type JsonValue, parseJson, safeInteger } from '../../json/json.ts';
import { originalJson } from '../../json/queue-safe-json.ts';
import { idText } from '../events/drift-event.ts';
import { eventTypes } from '../events/event-types.ts';

export const defaultEventHistoryDays = 14;
/** As long as the ledger knows what was delivered: beyond that, a delivered event would look as if it were waiting. */
export const maxEventHistoryDays = 30;

/** What the history keeps of each event that was published, whoever it was for. All times are epoch ms. */
export interface RecordedEvent extends EventSummary {
  /** The envelope's JSON text, as the bus handed it over: a resend is made of it, so that the bytes are the same. */
  readonly event: string;
}

/** An event as lists show it. */
export interface EventSummary {
  readonly webhookId: string;
  /** `drift`, `drift.retired` or `webhook-fanout`: who may get it (events/event-types.ts `eventSources`). */
  readonly source: string;
  readonly type: string;
  /** Decimal digits; absent for events about no organisation. */
  readonly orgId?: string;
  /** Decimal digits; absent for events about no conversation. */
  readonly conversationId?: string;
  /** The event's own time. */
  readonly occurredAt: number;
  /** When the bus handed it to the history: lists are in this order. */
  readonly recordedAt: number;
  /** The webhook id of the event that this one was derived from. */
  readonly causedBy?: string;
}

export type ReadEnvelope =
  | { readonly kind: 'event'; readonly event: RecordedEvent }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Reads an EventBridge envelope whose detail is that of domain/events/drift-event.ts. `recordedAt`: when its message
 * entered the queue, so that it is the same however often the message is handed out.
 */
export function readEnvelope(body: string, recordedAt: number): ReadEnvelope {
  const envelope = parsed(body);
  const detail = isJsonObject(envelope) ? envelope.detail : undefined;
  if (!isJsonObject(envelope) || !isJsonObject(detail)) return { kind: 'malformed', reason: 'detail is missing' };
  const { id, type } = detail;
  if (typeof id !== 'string' || id === '') return { kind: 'malformed', reason: 'detail.id is missing' };
  if (typeof type !== 'string' || type === '') return { kind: 'malformed', reason: 'detail.type is missing' };
  if (detail.data === undefined) return { kind: 'malformed', reason: 'detail.data is missing' };
  const orgId = integerText(detail.orgId);
  const conversationId = isJsonObject(detail.data) ? conversationIdOf(type, detail.data) : undefined;
  return {
    kind: 'event',
    event: {
      webhookId: id,
      source: typeof envelope.source === 'string' ? envelope.source : '',
      type,
      ...(orgId === undefined ? {} : { orgId }),
      ...(conversationId === undefined ? {} : { conversationId }),
      occurredAt: safeInteger(detail.occurredAt) ?? recordedAt,
      recordedAt,
      ...(typeof detail.causedBy === 'string' ? { causedBy: detail.causedBy } : {}),
      event: body,
    },
  };
}

/** An event's `data` has its conversation as `conversationId`, but for the conversation itself. */
function conversationIdOf(type: string, data: JsonObject): string | undefined {
  return idText(type === eventTypes.newConversation ? data.id : data.conversationId);
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseJson(originalJson(text));
  } catch {
    return undefined;
  }
}
