import { traceIdOf } from '../../contracts/trace.ts';
import { safeInteger } from '../../json/json.ts';
import { memberTexts, stringOf } from '../../json/json-members.ts';
import { eventSources, operationalEventTypes } from '../events/event-types.ts';

/** A message of a subscriber's queue: the envelope that its rule put there, and what SQS says about it. */
export interface QueuedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  /** The envelope's JSON text. */
  readonly body: string;
  /** When it entered the queue; epoch ms. */
  readonly sentAt: number;
  /** X-Ray's, of the trace that the event's path belongs to: a batch mixes traces. */
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
  const texts = memberTexts(queued.body, 'detail');
  if (texts === undefined) return { kind: 'malformed', reason: 'the body is no JSON object' };
  const { outer: envelope, inner: detail } = texts;
  if (detail === undefined) return { kind: 'malformed', reason: 'detail is missing' };
  const id = stringOf(detail.get('id'));
  const type = stringOf(detail.get('type'));
  const dataText = detail.get('data');
  if (id === undefined || id === '') return { kind: 'malformed', reason: 'detail.id is missing' };
  if (type === undefined || type === '') return { kind: 'malformed', reason: 'detail.type is missing' };
  if (dataText === undefined) return { kind: 'malformed', reason: 'detail.data is missing' };
  const replayName = stringOf(envelope.get('replay-name'));
  return {
    kind: 'message',
    message: {
      ...queued,
      webhookId: id,
      eventType: type,
      // A text in quotes is no number.
      occurredAt: safeInteger(Number(detail.get('occurredAt'))) ?? queued.sentAt,
      orgIdText: detail.get('orgId') ?? 'null',
      dataText,
      isOperational: operationalTypes.has(type) && stringOf(envelope.get('source')) === eventSources.fanout,
      ...(replayName === undefined || replayName === '' ? {} : { replayName }),
      replaysDelivered: envelope.get('replay-delivered') === 'true',
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
