import { traceIdOf } from '../../contracts/trace.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, safeInteger } from '../../json/json.ts';
import { originalJson } from '../../json/queue-safe-json.ts';
import { eventSources, operationalEventTypes, testEventType } from '../events/event-types.ts';

/** A message of a subscriber's queue: the envelope that its rule put there, and what SQS says about it. */
export interface QueuedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  /** The envelope's JSON text as it travels: see json/queue-safe-json.ts. */
  readonly body: string;
  /** When it entered the queue; epoch ms. */
  readonly sentAt: number;
  /** X-Ray's, of the trace that the event's path belongs to: a batch mixes traces. */
  readonly traceHeader?: string;
  /** How often it was received, this time included. Absent: nobody has received it. */
  readonly receiveCount?: number;
}

export interface DeliveryMessage extends QueuedMessage {
  readonly webhookId: string;
  readonly eventType: string;
  /** Epoch ms. */
  readonly occurredAt: number;
  /** The JSON text of a number, or of null for events about no organisation. */
  readonly orgIdText: string;
  readonly dataText: string;
  /** A test, made by a person: it says so in a header. */
  readonly isTest: boolean;
  /** The body of a test that sends the example of an event type, as JSON texts. */
  readonly example?: { readonly orgIdText: string; readonly typeText: string; readonly dataText: string };
  /** One of this system's own events about deliveries: its failure is never told by another such event. */
  readonly isOperational: boolean;
  /** See delivery-ledger.ts, as for the next two. */
  readonly replayName?: string;
  readonly replaysDelivered: boolean;
  readonly isResend: boolean;
}

export type ParsedMessage =
  | { readonly kind: 'message'; readonly message: DeliveryMessage }
  | { readonly kind: 'malformed'; readonly reason: string };

const idForm = /^[\x21-\x7e]{1,200}$/;

const operationalTypes = new Set<string>(Object.values(operationalEventTypes));

/** Reads the envelope (EventBridge's event, with the detail of domain/events/drift-event.ts), to the last digit. */
export function parseMessage(queued: QueuedMessage): ParsedMessage {
  const envelope = parsed(queued.body);
  if (!isJsonObject(envelope)) return { kind: 'malformed', reason: 'the body is no JSON object' };
  const { detail } = envelope;
  if (!isJsonObject(detail)) return { kind: 'malformed', reason: 'detail is missing' };
  const { id, type, data, orgId = null } = detail;
  if (typeof id !== 'string' || id === '') return { kind: 'malformed', reason: 'detail.id is missing' };
  // The ledger keeps it as a key, beside those of the other events of a batch; receivers get it as a header.
  if (!idForm.test(id)) return { kind: 'malformed', reason: 'detail.id is not 1 to 200 visible ASCII characters' };
  if (typeof type !== 'string' || type === '') return { kind: 'malformed', reason: 'detail.type is missing' };
  if (data === undefined) return { kind: 'malformed', reason: 'detail.data is missing' };
  // Through its text: a number may be kept as that, and a text in quotes is no number.
  const occurredAt = safeInteger(Number(JSON.stringify(detail.occurredAt))) ?? queued.sentAt;
  if (Number.isNaN(new Date(occurredAt).getTime()))
    return { kind: 'malformed', reason: 'detail.occurredAt is no time' };
  const replayName = envelope['replay-name'];
  const isTest = type === testEventType && envelope.source === eventSources.fanout;
  const example = isTest && isJsonObject(data) && isJsonObject(data.example) ? data.example : undefined;
  const isResend = envelope.resend === true;
  return {
    kind: 'message',
    message: {
      ...queued,
      webhookId: id,
      eventType: type,
      occurredAt,
      orgIdText: JSON.stringify(orgId),
      dataText: JSON.stringify(data),
      isTest,
      ...(example === undefined ? {} : { example: textsOf(example) }),
      isOperational: operationalTypes.has(type) && envelope.source === eventSources.fanout,
      ...(typeof replayName === 'string' && replayName !== '' ? { replayName } : {}),
      replaysDelivered: isResend || envelope['replay-delivered'] === true,
      isResend,
    },
  };
}

function textsOf({ orgId = null, type = '', data = {} }: JsonObject): NonNullable<DeliveryMessage['example']> {
  return { orgIdText: JSON.stringify(orgId), typeText: JSON.stringify(type), dataText: JSON.stringify(data) };
}

/** Undefined where the text is not JSON, or nested deeper than can be read. */
function parsed(body: string): JsonValue | undefined {
  try {
    return parseJson(originalJson(body));
  } catch {
    return undefined;
  }
}

/** What a subscriber gets: exactly `orgId`, `type` and `data`. */
export function deliveryBody(message: DeliveryMessage): string {
  const { orgIdText, typeText, dataText } = message.example ?? {
    ...message,
    typeText: JSON.stringify(message.eventType),
  };
  return `{"orgId":${orgIdText},"type":${typeText},"data":${dataText}}`;
}

/** For a log line about the message. */
export function traceOf({ traceHeader }: Pick<QueuedMessage, 'traceHeader'>): { readonly traceId?: string } {
  const traceId = traceIdOf(traceHeader);
  return traceId === undefined ? {} : { traceId };
}
