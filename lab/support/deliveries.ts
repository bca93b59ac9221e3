import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import {
  type DeliveryMessage,
  parseMessage,
  type QueuedMessage,
} from '../../lambdas/domain/deliveries/delivery-message.ts';
import type { DeliverableSubscription } from '../../lambdas/domain/deliveries/delivery-plan.ts';
import type { SubscriptionConfig, SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';

export const signingSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** 2026-11-22T12:00:00Z. */
export const noon = Date.UTC(2026, 10, 22, 12);

let messages = 0;

interface EnvelopeParts {
  readonly id?: string;
  readonly type?: string;
  readonly source?: string;
  /** JSON text, so that a test can write numbers as it wants them. */
  readonly data?: string;
  readonly orgId?: string;
  readonly extra?: string;
  readonly occurredAt?: number;
}

/** The envelope that EventBridge puts into the queue, as its text. */
export function anEnvelope({
  id = 'msg_1',
  type = 'conversation_push',
  source = 'drift',
  data = '{"conversationId":123456789}',
  orgId = '1',
  extra = '',
  occurredAt = noon,
}: EnvelopeParts = {}): string {
  return `{"version":"0","id":"6a7e8feb","detail-type":"${type}","source":"${source}","account":"000000000000","time":"2026-11-22T12:00:00Z","region":"us-east-1","resources":[],${extra}"detail":{"id":"${id}","orgId":${orgId},"type":"${type}","data":${data},"occurredAt":${occurredAt}}}`;
}

export function aQueuedMessage(parts: EnvelopeParts & { sentAt?: number; messageId?: string } = {}): QueuedMessage {
  const { sentAt = noon, messageId = `sqs-${++messages}` } = parts;
  return { messageId, receiptHandle: `receipt-${messageId}`, body: anEnvelope(parts), sentAt };
}

export function aMessageToDeliver(
  parts: EnvelopeParts & { sentAt?: number; messageId?: string } = {},
): DeliveryMessage {
  const parsed = parseMessage(aQueuedMessage(parts));
  if (parsed.kind === 'malformed') throw new Error(parsed.reason);
  return parsed.message;
}

export function aSubscriber({
  config = {},
  state = {},
}: {
  config?: Partial<SubscriptionConfig>;
  state?: Partial<SubscriptionState>;
} = {}): DeliverableSubscription & { config: SubscriptionConfig; state: SubscriptionState } {
  return {
    config: {
      subscriptionId: 'sub_1',
      url: 'https://receiver.example/hooks',
      eventTypes: ['conversation_push'],
      status: 'active',
      secrets: [{ secret: signingSecret }],
      ...config,
    },
    state: { subscriptionId: 'sub_1', provisioning: 'ready', ...state },
  };
}

export function aRecord(parts: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return {
    subscriptionId: 'sub_1',
    webhookId: 'msg_1',
    state: 'retrying',
    attempts: 1,
    eventType: 'conversation_push',
    occurredAt: noon,
    history: [],
    ttl: 0,
    ...parts,
  };
}
