import { hash, randomUUID } from 'node:crypto';
import type { EngineClock } from './engine-clock.ts';
import { EngineError } from './engine-error.ts';
import { Heap } from './heap.ts';
import { type Measure, measureNothing } from './measure.ts';
import { attributesMd5, attributesSizeBytes, checkAttributes, type MessageAttributes } from './message-attributes.ts';
import {
  changeAttributes,
  defaultAttributes,
  type QueueAttributes,
  type QueueSettings,
  readSettings,
} from './queue-settings.ts';

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
  /** For so long after a queue was deleted none of its name can be made. Default 60, as with AWS. */
  readonly deletedNameHoldSeconds?: number;
  readonly measure?: Measure | undefined;
}

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
  readonly tags: Map<string, string>;
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

const maxVisibilitySeconds = 43_200;
const maxInFlight = 120_000;
const nameForm = /^[\w-]{1,80}$/;
// XML 1.0's characters: what else JSON can hold, SQS refuses.
const forbiddenCharacter = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

export function createQueues({
  clock,
  region,
  accountId,
  newId = randomUUID,
  deletedNameHoldSeconds = 60,
  measure = measureNothing,
}: QueuesOptions): Queues {
  const queues = new Map<string, StandardQueue>();
  const deletedAt = new Map<string, number>();
  const arnPrefix = `arn:aws:sqs:${region}:${accountId}:`;
  const find = (name: string) => queues.get(name);
  const get = (name: string): StandardQueue => {
    const queue = queues.get(name);
    if (queue === undefined) throw doesNotExist(name);
    return queue;
  };
  const findByArn = (arn: string) => (arn.startsWith(arnPrefix) ? queues.get(arn.slice(arnPrefix.length)) : undefined);
  const checkDeadLetterQueue = (attributes: QueueAttributes) => {
    const arn = readSettings(attributes).redrive?.deadLetterArn;
    if (arn !== undefined && findByArn(arn) === undefined) {
      throw new EngineError(
        'InvalidParameterValue',
        `Value ${attributes.RedrivePolicy} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
      );
    }
  };
  return {
    create(name, attributes = {}, tags = {}) {
      if (name.endsWith('.fifo')) {
        throw new EngineError('UnsupportedOperation', `${name}: FIFO queues are not supported here.`);
      }
      if (!nameForm.test(name)) {
        throw new EngineError(
          'InvalidParameterValue',
          'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
        );
      }
      const existing = queues.get(name);
      const next = changeAttributes(existing?.attributes ?? defaultAttributes, attributes);
      if (existing !== undefined) {
        const differs = Object.keys(attributes).find((key) => existing.attributes[key] !== next[key]);
        if (differs === undefined) return existing;
        throw new EngineError(
          'QueueNameExists',
          `A queue already exists with the same name and a different value for attribute ${differs}`,
        );
      }
      if (clock.now() < (deletedAt.get(name) ?? Number.NEGATIVE_INFINITY) + deletedNameHoldSeconds * 1000) {
        throw new EngineError(
          'QueueDeletedRecently',
          'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
        );
      }
      deletedAt.delete(name);
      checkDeadLetterQueue(next);
      const queue = new StandardQueue(
        { clock, newId, findByArn, checkDeadLetterQueue, measure },
        { name, arn: `${arnPrefix}${name}` },
        next,
        tags,
      );
      queues.set(name, queue);
      return queue;
    },
    get,
    find,
    findByArn,
    list: (namePrefix = '') =>
      [...queues.values()]
        .filter(({ name }) => name.startsWith(namePrefix))
        .sort((one, other) => (one.name < other.name ? -1 : 1)),
    delete(name) {
      get(name).close();
      queues.delete(name);
      if (deletedNameHoldSeconds > 0) deletedAt.set(name, clock.now());
    },
    stop() {
      for (const queue of queues.values()) queue.stopWaiting();
    },
  };
}

interface Message {
  readonly id: string;
  body: string;
  readonly bodyMd5: string;
  readonly attributes: MessageAttributes;
  readonly attributesMd5: string | undefined;
  readonly awsTraceHeader: string | undefined;
  readonly senderId: string;
  readonly sentAt: number;
  firstReceivedAt: number;
  receiveCount: number;
  readonly deadLetterQueueSourceArn: string | undefined;
  state: 'visible' | 'delayed' | 'in-flight' | 'gone';
  /** When a delayed message or one in flight becomes visible. */
  visibleAt: number;
  /** The receive that the current handle belongs to. */
  receipt: number;
  receivedAt: number;
}

interface Waiter {
  readonly options: ReceiveOptions;
  readonly answer: (messages: ReceivedMessage[]) => void;
}

interface Surroundings {
  readonly clock: EngineClock;
  readonly newId: () => string;
  readonly findByArn: (arn: string) => StandardQueue | undefined;
  readonly checkDeadLetterQueue: (attributes: QueueAttributes) => void;
  readonly measure: Measure;
}

const noAttributes: MessageAttributes = {};

class StandardQueue implements Queue {
  readonly name: string;
  readonly arn: string;
  readonly tags: Map<string, string>;
  attributes: QueueAttributes;
  #settings: QueueSettings;
  readonly #around: Surroundings;
  readonly #dimensions: { readonly QueueName: string };
  readonly #createdAt: number;
  #modifiedAt: number;
  #purgedAt = Number.NEGATIVE_INFINITY;
  #isDeleted = false;

  readonly #messages = new Map<string, Message>();
  /** Visible messages in the order in which they became so, from `#readyFrom` on. Some may be gone. */
  #ready: Message[] = [];
  #readyFrom = 0;
  /** Delayed messages and those in flight, by `visibleAt`. An entry whose time is not the message's is out of date. */
  readonly #hidden = new Heap<{ readonly message: Message; readonly at: number }>();
  /** Every message by `sentAt`, for retention. Some may be gone. */
  readonly #byAge = new Heap<Message>();
  #visible = 0;
  #inFlight = 0;
  #delayed = 0;

  readonly #waiters = new Set<Waiter>();
  #isServing = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};

  constructor(
    around: Surroundings,
    { name, arn }: { readonly name: string; readonly arn: string },
    attributes: QueueAttributes,
    tags: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.arn = arn;
    this.tags = new Map(Object.entries(tags));
    this.attributes = attributes;
    this.#settings = readSettings(attributes);
    this.#around = around;
    this.#dimensions = { QueueName: name };
    this.#createdAt = around.clock.now();
    this.#modifiedAt = this.#createdAt;
  }

  send(outgoing: OutgoingMessage, senderId = 'AIDA000000000000LOCAL'): SentMessage {
    this.#checkExists();
    const { body, delaySeconds = this.#settings.delaySeconds, attributes = noAttributes } = outgoing;
    const { bytes, md5 } = inspectBody(body);
    if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900) {
      throw new EngineError(
        'InvalidParameterValue',
        `Value ${delaySeconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`,
      );
    }
    if (attributes !== noAttributes) checkAttributes(attributes);
    const most = this.#settings.maximumMessageBytes;
    if (bytes + attributesSizeBytes(attributes) > most) {
      throw new EngineError(
        'InvalidParameterValue',
        `One or more parameters are invalid. Reason: Message must be shorter than ${most} bytes.`,
      );
    }
    const now = this.#around.clock.now();
    const message: Message = {
      id: this.#around.newId(),
      body,
      bodyMd5: md5,
      attributes,
      attributesMd5: attributesMd5(attributes),
      awsTraceHeader: outgoing.awsTraceHeader,
      senderId,
      sentAt: now,
      firstReceivedAt: 0,
      receiveCount: 0,
      deadLetterQueueSourceArn: undefined,
      state: 'visible',
      visibleAt: now + delaySeconds * 1000,
      receipt: 0,
      receivedAt: 0,
    };
    this.#add(message);
    this.#measure('NumberOfMessagesSent', 1);
    this.#measure('SentMessageSize', bytes);
    return {
      messageId: message.id,
      bodyMd5: message.bodyMd5,
      ...(message.attributesMd5 === undefined ? {} : { attributesMd5: message.attributesMd5 }),
    };
  }

  /** A message that another queue gave up, with its age: retention goes on counting (as SQS documents it). */
  accept(message: Message, sourceArn: string): void {
    this.#add({
      ...message,
      receiveCount: 0,
      firstReceivedAt: 0,
      deadLetterQueueSourceArn: sourceArn,
      state: 'visible',
      visibleAt: this.#around.clock.now(),
      receipt: 0,
      receivedAt: 0,
    });
  }

  receive(options: ReceiveOptions = {}): Promise<ReceivedMessage[]> {
    this.#checkExists();
    const waitSeconds = options.waitSeconds ?? this.#settings.receiveWaitSeconds;
    if (this.#inFlight >= maxInFlight && waitSeconds === 0) {
      throw new EngineError('OverLimit', `Too many messages in flight: ${maxInFlight} is the maximum.`);
    }
    const messages = this.#take(options);
    if (messages.length > 0 || waitSeconds <= 0 || options.signal?.aborted) {
      this.#measureReceive(messages.length);
      return Promise.resolve(messages);
    }
    return this.#wait(options, waitSeconds);
  }

  deleteMessage(receiptHandle: string): void {
    this.#checkExists();
    const { message, isLatest } = this.#byHandle(receiptHandle);
    if (message === undefined || !isLatest) return;
    this.#remove(message);
    this.#measure('NumberOfMessagesDeleted', 1);
  }

  changeVisibility(receiptHandle: string, visibilityTimeoutSeconds: number): void {
    this.#checkExists();
    checkVisibilityTimeout(visibilityTimeoutSeconds);
    const { message, isLatest } = this.#byHandle(receiptHandle);
    if (message === undefined || !isLatest) {
      throw new EngineError(
        'InvalidParameterValue',
        `Value ${receiptHandle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      );
    }
    this.#promote();
    if (message.state !== 'in-flight') {
      throw new EngineError('MessageNotInflight', "The specified message isn't in flight.");
    }
    const now = this.#around.clock.now();
    const visibleAt = now + visibilityTimeoutSeconds * 1000;
    if (visibleAt > message.receivedAt + maxVisibilitySeconds * 1000) {
      throw new EngineError(
        'InvalidParameterValue',
        `Value ${visibilityTimeoutSeconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${maxVisibilitySeconds} seconds].`,
      );
    }
    this.#hide(message, visibleAt);
    if (visibilityTimeoutSeconds === 0) this.#serveSoon();
  }

  purge(): void {
    this.#checkExists();
    const now = this.#around.clock.now();
    if (now < this.#purgedAt + 60_000) {
      throw new EngineError(
        'PurgeQueueInProgress',
        `Only one PurgeQueue operation on ${this.name} is allowed every 60 seconds.`,
      );
    }
    this.#purgedAt = now;
    this.#clear();
  }

  setAttributes(change: QueueAttributes): void {
    this.#checkExists();
    const next = changeAttributes(this.attributes, change);
    this.#around.checkDeadLetterQueue(next);
    this.attributes = next;
    this.#settings = readSettings(next);
    this.#modifiedAt = this.#around.clock.now();
  }

  settings(): QueueSettings {
    return this.#settings;
  }

  policy(): string | undefined {
    return this.attributes.Policy;
  }

  readAttributes(): Record<string, string> {
    this.#checkExists();
    const { visible, inFlight, delayed } = this.counts();
    return {
      ...this.attributes,
      QueueArn: this.arn,
      CreatedTimestamp: String(Math.floor(this.#createdAt / 1000)),
      LastModifiedTimestamp: String(Math.floor(this.#modifiedAt / 1000)),
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: String(delayed),
    };
  }

  counts(): { visible: number; inFlight: number; delayed: number } {
    this.#promote();
    this.#expire();
    return { visible: this.#visible, inFlight: this.#inFlight, delayed: this.#delayed };
  }

  oldestSentAt(): number | undefined {
    while (this.#byAge.peek()?.state === 'gone') this.#byAge.pop();
    return this.#byAge.leastKey;
  }

  close(): void {
    this.#isDeleted = true;
    this.#clear();
    this.stopWaiting();
  }

  stopWaiting(): void {
    this.#cancelWake();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    for (const waiter of [...this.#waiters]) waiter.answer([]);
  }

  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
  #measure(metric: string, value: number): void {
    this.#around.measure('AWS/SQS', metric, this.#dimensions, value);
  }

  #measureReceive(messages: number): void {
    if (messages > 0) this.#measure('NumberOfMessagesReceived', messages);
    else this.#measure('NumberOfEmptyReceives', 1);
  }

  #checkExists(): void {
    if (this.#isDeleted) throw doesNotExist(this.name);
  }

  #add(message: Message): void {
    this.#messages.set(message.id, message);
    this.#byAge.push(message.sentAt, message);
    if (message.visibleAt > this.#around.clock.now()) {
      message.state = 'delayed';
      this.#delayed++;
      this.#hidden.push(message.visibleAt, { message, at: message.visibleAt });
      this.#wakeWaitersInTime();
    } else {
      this.#ready.push(message);
      this.#visible++;
      this.#serveSoon();
    }
  }

  #take({ maxMessages = 1, visibilityTimeoutSeconds }: ReceiveOptions): ReceivedMessage[] {
    this.#promote();
    this.#expire();
    const now = this.#around.clock.now();
    const visibleAt = now + (visibilityTimeoutSeconds ?? this.#settings.visibilityTimeoutSeconds) * 1000;
    const taken: ReceivedMessage[] = [];
    while (taken.length < maxMessages && this.#inFlight < maxInFlight) {
      const message = this.#nextReady();
      if (message === undefined) break;
      if (this.#settleExhausted(message)) continue;
      this.#visible--;
      this.#inFlight++;
      message.state = 'in-flight';
      message.receiveCount++;
      message.receipt++;
      message.receivedAt = now;
      if (message.firstReceivedAt === 0) message.firstReceivedAt = now;
      this.#hide(message, visibleAt);
      taken.push(this.#view(message));
    }
    return taken;
  }

  /** Hands a message to the dead-letter queue where it was received as often as it may be. */
  #settleExhausted(message: Message): boolean {
    const { redrive } = this.#settings;
    if (redrive === undefined || message.receiveCount < redrive.maxReceiveCount) return false;
    const deadLetterQueue = this.#around.findByArn(redrive.deadLetterArn);
    if (deadLetterQueue === undefined) return false;
    deadLetterQueue.accept(message, this.arn);
    this.#remove(message);
    return true;
  }

  #nextReady(): Message | undefined {
    while (this.#readyFrom < this.#ready.length) {
      const message = this.#ready[this.#readyFrom] as Message;
      this.#readyFrom++;
      // Amortised: each message is moved once per halving of the list.
      if (this.#readyFrom > 1024 && this.#readyFrom * 2 > this.#ready.length) {
        this.#ready = this.#ready.slice(this.#readyFrom);
        this.#readyFrom = 0;
      }
      if (message.state === 'visible') return message;
    }
    this.#ready = [];
    this.#readyFrom = 0;
    return undefined;
  }

  #hide(message: Message, visibleAt: number): void {
    message.visibleAt = visibleAt;
    this.#hidden.push(visibleAt, { message, at: visibleAt });
    if (this.#hidden.size > 1024 && this.#hidden.size > 2 * (this.#inFlight + this.#delayed)) {
      this.#hidden.retain(isCurrent);
    }
    this.#wakeWaitersInTime();
  }

  /** Makes visible what is due. */
  #promote(): void {
    const now = this.#around.clock.now();
    while ((this.#hidden.leastKey ?? Number.POSITIVE_INFINITY) <= now) {
      const entry = this.#hidden.pop();
      if (entry === undefined || !isCurrent(entry)) continue;
      const { message } = entry;
      if (message.state === 'delayed') this.#delayed--;
      else this.#inFlight--;
      message.state = 'visible';
      this.#visible++;
      this.#ready.push(message);
    }
  }

  #expire(): void {
    const sentBefore = this.#around.clock.now() - this.#settings.retentionSeconds * 1000;
    while ((this.#byAge.leastKey ?? Number.POSITIVE_INFINITY) <= sentBefore) {
      const message = this.#byAge.pop();
      if (message !== undefined && message.state !== 'gone') this.#remove(message);
    }
  }

  #remove(message: Message): void {
    if (message.state === 'visible') this.#visible--;
    else if (message.state === 'delayed') this.#delayed--;
    else if (message.state === 'in-flight') {
      this.#inFlight--;
      if (this.#inFlight === maxInFlight - 1) this.#serveSoon();
    }
    message.state = 'gone';
    message.body = '';
    this.#messages.delete(message.id);
    if (this.#byAge.size > 1024 && this.#byAge.size > 2 * this.#messages.size) {
      this.#byAge.retain(({ state }) => state !== 'gone');
    }
  }

  #clear(): void {
    for (const message of this.#messages.values()) message.state = 'gone';
    this.#messages.clear();
    this.#byAge.clear();
    this.#hidden.clear();
    this.#ready = [];
    this.#readyFrom = 0;
    this.#visible = 0;
    this.#inFlight = 0;
    this.#delayed = 0;
  }

  #view(message: Message): ReceivedMessage {
    return {
      messageId: message.id,
      receiptHandle: Buffer.from(`${message.receipt}/${message.id}/${this.name}`).toString('base64'),
      body: message.body,
      bodyMd5: message.bodyMd5,
      attributes: message.attributes,
      sentAt: message.sentAt,
      firstReceivedAt: message.firstReceivedAt,
      receiveCount: message.receiveCount,
      senderId: message.senderId,
      ...(message.attributesMd5 === undefined ? {} : { attributesMd5: message.attributesMd5 }),
      ...(message.awsTraceHeader === undefined ? {} : { awsTraceHeader: message.awsTraceHeader }),
      ...(message.deadLetterQueueSourceArn === undefined
        ? {}
        : { deadLetterQueueSourceArn: message.deadLetterQueueSourceArn }),
    };
  }

  #byHandle(receiptHandle: string): { message: Message | undefined; isLatest: boolean } {
    const text = Buffer.from(receiptHandle, 'base64').toString();
    const [, receipt = '', id = '', name = ''] = /^(\d+)\/([^/]+)\/([^/]+)$/.exec(text) ?? [];
    if (name !== this.name) {
      throw new EngineError(
        'ReceiptHandleIsInvalid',
        `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`,
      );
    }
    const message = this.#messages.get(id);
    return { message, isLatest: message?.receipt === Number(receipt) };
  }

  #wait(options: ReceiveOptions, waitSeconds: number): Promise<ReceivedMessage[]> {
    const { clock } = this.#around;
    return new Promise((resolve) => {
      const end = () => waiter.answer([]);
      const cancelEnd = Number.isFinite(waitSeconds)
        ? clock.setTimer(clock.now() + waitSeconds * 1000, end)
        : undefined;
      const waiter: Waiter = {
        options,
        answer: (messages) => {
          this.#waiters.delete(waiter);
          cancelEnd?.();
          options.signal?.removeEventListener('abort', end);
          if (this.#waiters.size === 0) this.#stopWaking();
          this.#measureReceive(messages.length);
          resolve(messages);
        },
      };
      options.signal?.addEventListener('abort', end, { once: true });
      this.#waiters.add(waiter);
      this.#wakeWaitersInTime();
    });
  }

  /** After what happens now, so that messages that are sent together are received together. */
  #serveSoon(): void {
    if (this.#isServing || this.#waiters.size === 0) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      for (const waiter of [...this.#waiters]) {
        const messages = this.#take(waiter.options);
        if (messages.length === 0) break;
        waiter.answer(messages);
      }
      this.#wakeWaitersInTime();
    });
  }

  #wakeWaitersInTime(): void {
    const next = this.#hidden.leastKey;
    if (this.#waiters.size === 0 || next === undefined || next >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = next;
    this.#cancelWake = this.#around.clock.setTimer(next, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#promote();
      if (this.#visible > 0) this.#serveSoon();
      this.#wakeWaitersInTime();
    });
  }

  #stopWaking(): void {
    this.#cancelWake();
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }
}

function isCurrent({ message, at }: { readonly message: Message; readonly at: number }): boolean {
  return (message.state === 'in-flight' || message.state === 'delayed') && message.visibleAt === at;
}

let inspected = { body: '', bytes: 0, md5: '' };

/** Remembers the last: an event goes to many queues with the same body. Throws `InvalidMessageContents`. */
function inspectBody(body: string): { readonly bytes: number; readonly md5: string } {
  if (body === '') throw new EngineError('MissingParameter', 'The request must contain the parameter MessageBody.');
  if (inspected.body !== body) {
    if (forbiddenCharacter.test(body)) {
      throw new EngineError('InvalidMessageContents', 'Message contains characters that XML 1.0 does not allow.');
    }
    inspected = { body, bytes: Buffer.byteLength(body), md5: hash('md5', body) };
  }
  return inspected;
}

/** Throws `InvalidParameterValue`. */
export function checkVisibilityTimeout(seconds: number): void {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > maxVisibilitySeconds) {
    throw new EngineError(
      'InvalidParameterValue',
      `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and ${maxVisibilitySeconds}, if provided.`,
    );
  }
}

function doesNotExist(name: string): EngineError {
  return new EngineError('QueueDoesNotExist', `The specified queue ${name} does not exist.`);
}
