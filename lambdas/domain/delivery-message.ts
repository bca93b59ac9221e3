import { eventSources, operationalEventTypes } from './event-types.ts';
import { isJsonObject, safeInteger } from './json.ts';
import { memberTextsOf } from './json-members.ts';
import { traceIdOf } from './trace.ts';

/** A message of a subscriber's queue: the envelope that its rule put there, and what SQS says about it. */
export interface QueuedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  /** The envelope's JSON text. */
  readonly body: string;
  /** When it entered the queue; epoch ms. */
  readonly sentAt: number;
  /** X-Ray's, of the trace that the event's road belongs to: a batch mixes traces. */
  readonly traceHeader?: string;
}

export interface DeliveryMessage extends QueuedMessage {
  readonly webhookId: string;
  readonly eventType: string;
  /** Epoch ms. */
  readonly occurredAt: number;
  /** The JSON text of a number, or of null for events about no organisation. */
  readonly orgIdText: string;
  readonly dataText: string;
  /** One of this system's own events about deliveries: its failure is never told by another such event. */
  readonly isOperational: boolean;
  /** See delivery-ledger.ts. */
  readonly replayName?: string;
  readonly replaysDelivered: boolean;
}

export type ParsedMessage =
  | { readonly kind: 'message'; readonly message: DeliveryMessage }
  | { readonly kind: 'malformed'; readonly reason: string };

const operationalTypes = new Set<string>(Object.values(operationalEventTypes));

/**
 * Reads the envelope (EventBridge's event, with the detail of domain/drift-event.ts). What goes on to the subscriber is cut
 * out of its text: its numbers stay as they are written, and nothing has to be written anew.
 */
export function parseMessage(queued: QueuedMessage): ParsedMessage {
  let envelope: unknown;
  try {
    envelope = JSON.parse(queued.body);
  } catch {
    return { kind: 'malformed', reason: 'the body is not JSON' };
  }
  const detail = isJsonObject(envelope) ? envelope.detail : undefined;
  if (!isJsonObject(envelope) || !isJsonObject(detail)) return { kind: 'malformed', reason: 'detail is missing' };
  const { id, type } = detail;
  if (typeof id !== 'string' || id === '') return { kind: 'malformed', reason: 'detail.id is missing' };
  if (typeof type !== 'string' || type === '') return { kind: 'malformed', reason: 'detail.type is missing' };
  const texts = memberTextsOf(queued.body, 'detail');
  const dataText = texts.get('data');
  if (dataText === undefined) return { kind: 'malformed', reason: 'detail.data is missing' };
  const replayName = envelope['replay-name'];
  return {
    kind: 'message',
    message: {
      ...queued,
      webhookId: id,
      eventType: type,
      occurredAt: safeInteger(detail.occurredAt) ?? queued.sentAt,
      orgIdText: texts.get('orgId') ?? 'null',
      dataText,
      isOperational: envelope.source === eventSources.fanout && operationalTypes.has(type),
      ...(typeof replayName === 'string' && replayName !== '' ? { replayName } : {}),
      replaysDelivered: envelope['replay-delivered'] === true,
    },
  };
}

/** What a subscriber gets: exactly `orgId`, `type` and `data`. */
export function deliveryBody({ orgIdText, eventType, dataText }: DeliveryMessage): string {
  return `{"orgId":${orgIdText},"type":${JSON.stringify(eventType)},"data":${dataText}}`;
}

/** For a log line about the message. */
export function traceOf({ traceHeader }: Pick<QueuedMessage, 'traceHeader'>): { readonly traceId?: string } {
  const traceId = traceIdOf(traceHeader);
  return traceId === undefined ? {} : { traceId };
}
