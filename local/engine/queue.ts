import type { EngineClock } from './engine-clock.ts';

/** Standard SQS queues of one account and region. */
export interface Queues {
  /** As CreateQueue: the same name with the same attributes is the same queue, with others it is refused. */
  create(name: string, attributes?: QueueAttributes, tags?: Readonly<Record<string, string>>): Queue;
  /** By name. Throws `QueueDoesNotExist`. */
  get(name: string): Queue;
  find(name: string): Queue | undefined;
  findByArn(arn: string): Queue | undefined;
  list(namePrefix?: string): Queue[];
  /** Throws `QueueDoesNotExist`. */
  delete(name: string): void;
  /** Cancels every timer and answers every waiting receiver with nothing. */
  stop(): void;
}

export interface QueuesOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  /** Default `crypto.randomUUID`. A simulation hands in its own. */
  readonly newId?: () => string;
}

/** As SetQueueAttributes takes them: names as AWS spells them, values as text (`RedrivePolicy` is JSON text). */
export type QueueAttributes = Readonly<Record<string, string>>;

export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64 on the wire. */
  readonly BinaryValue?: string;
}

export interface OutgoingMessage {
  readonly body: string;
  /** 0 to 900; default the queue's `DelaySeconds`. */
  readonly delaySeconds?: number;
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  /** `AWSTraceHeader` only, as with AWS. */
  readonly systemAttributes?: Readonly<Record<string, MessageAttribute>>;
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
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
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
  /** 1 to 10. Event source mappings may ask for more. */
  readonly maxMessages?: number;
  readonly visibilityTimeoutSeconds?: number;
  /** 0 to 20; default the queue's `ReceiveMessageWaitTimeSeconds`. */
  readonly waitSeconds?: number;
  /** Ends a wait early, with nothing received. */
  readonly signal?: AbortSignal;
}

export interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly tags: Map<string, string>;
  /** Throws `InvalidMessageContents`, `InvalidParameterValue`. */
  send(message: OutgoingMessage, senderId?: string): SentMessage;
  receive(options?: ReceiveOptions): Promise<ReceivedMessage[]>;
  /** A stale handle is accepted, and may delete nothing, as with AWS. Throws `ReceiptHandleIsInvalid`. */
  deleteMessage(receiptHandle: string): void;
  /** Throws `ReceiptHandleIsInvalid`, `MessageNotInflight`, `InvalidParameterValue`. */
  changeVisibility(receiptHandle: string, visibilityTimeoutSeconds: number): void;
  purge(): void;
  setAttributes(attributes: QueueAttributes): void;
  /** Every attribute that is set or computed, as text. */
  readAttributes(): Record<string, string>;
  /** How many messages: to be received, in flight, delayed. */
  counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number };
}

export function createQueues(_options: QueuesOptions): Queues {
  throw new Error('not written yet');
}
