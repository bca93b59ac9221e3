import { headerFault } from '../subscriptions/header-rules.ts';
import { webhookSignature } from '../subscriptions/webhook-signature.ts';
import { type DeliveryMessage, deliveryBody } from './delivery-message.ts';

/** One signed POST, ready to be sent. */
export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What all requests to a subscriber have in common. */
export interface WebhookEndpoint {
  readonly url: string;
  /** The subscription's own; see `headersToSend`. */
  readonly headers: Readonly<Record<string, string>>;
  /** In force now. */
  readonly secrets: readonly string[];
}

/** Without those that are not legal, or not the subscription's to set: its item may have been written by hand. */
export function headersToSend(headers: unknown): Readonly<Record<string, string>> {
  const given = typeof headers === 'object' && headers !== null ? headers : {};
  const legal = Object.entries(given).filter((entry): entry is [string, string] => headerFault(...entry) === undefined);
  return Object.fromEntries(legal);
}

/** The request of Standard Webhooks for one attempt at `now` (epoch ms). */
export function webhookRequest(
  message: DeliveryMessage,
  { url, headers, secrets }: WebhookEndpoint,
  now: number,
): WebhookRequest {
  const body = deliveryBody(message);
  const timestampSeconds = Math.floor(now / 1000);
  return {
    url,
    body,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'user-agent': 'drift-webhook-fanout/1',
      'webhook-id': message.webhookId,
      'webhook-timestamp': String(timestampSeconds),
      ...(message.isTest ? { 'webhook-test': 'true' } : {}),
      'webhook-signature': webhookSignature({ id: message.webhookId, timestampSeconds, body }, secrets),
    },
  };
}
