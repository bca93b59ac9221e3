import type { MessageAttributes } from './message-attributes.ts';
import type { QueueAttributes, QueueSettings } from './queue-settings.ts';

export interface OutgoingMessage {
  readonly body: string;
  /** 0 to 900; default the queue's `DelaySeconds`. */
  readonly delaySeconds?: number;
  readonly attributes?: MessageAttributes;
  /** As AWS takes it: one trace header. */
  readonly awsTraceHeader?: string;
}

export interface SentMessage {
  readonly messageId: string;
  readonly bodyMd5: string;
  readonly attributesMd5?: string;
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes: MessageAttributes;
  readonly attributesMd5?: string;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  readonly firstReceivedAt: number;
  /** This receive included. */
  readonly receiveCount: number;
  readonly senderId: string;
  readonly deadLetterQueueSourceArn?: string;
  readonly awsTraceHeader?: string;
}

export interface ReceiveOptions {
  /** Default 1. The API allows 10, an event source mapping takes more. */
  readonly maxMessages?: number;
  readonly visibilityTimeoutSeconds?: number;
  /** Default the queue's `ReceiveMessageWaitTimeSeconds`. The API allows 20; infinity waits until there is a message. */
  readonly waitSeconds?: number;
  /** Ends a wait early, with nothing received. */
  readonly signal?: AbortSignal;
}

/** After a queue was deleted, each of these throws `QueueDoesNotExist`. */
export interface Queue {
  readonly name: string;
  readonly arn: string;
  /** Throws `InvalidMessageContents`, `InvalidParameterValue`. */
  send(message: OutgoingMessage, senderId?: string): SentMessage;
  /** Throws `OverLimit` where too many messages are in flight and the receiver does not wait. */
  receive(options?: ReceiveOptions): Promise<ReceivedMessage[]>;
  /** A handle from before the latest receive is accepted, and deletes nothing. Throws `ReceiptHandleIsInvalid`. */
  deleteMessage(receiptHandle: string): void;
  /** Throws `ReceiptHandleIsInvalid`, `MessageNotInflight`, `InvalidParameterValue`. */
  changeVisibility(receiptHandle: string, visibilityTimeoutSeconds: number): void;
  /** Throws `PurgeQueueInProgress` within a minute after the last. */
  purge(): void;
  setAttributes(change: QueueAttributes): void;
  settings(): QueueSettings;
  /** The access policy, JSON text. */
  policy(): string | undefined;
  /** Every attribute that is set or computed, as text. */
  readAttributes(): Record<string, string>;
  /** How many messages: to be received, in flight, delayed. */
  counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number };
  /** When the oldest message was sent that is in the queue; undefined: it is empty. */
  oldestSentAt(): number | undefined;
}
