import { hash } from 'node:crypto';
import type { EngineClock } from './engine-clock.ts';
import { EngineError } from './engine-error.ts';
import { LongPolls } from './long-polls.ts';
import type { Measure } from './measure.ts';
import { attributesMd5, attributesSizeBytes, checkAttributes, type MessageAttributes } from './message-attributes.ts';
import type { OutgoingMessage, Queue, ReceivedMessage, ReceiveOptions, SentMessage } from './queue.ts';
import { type Message, QueueMessages } from './queue-messages.ts';
import { changeAttributes, type QueueAttributes, type QueueSettings, readSettings } from './queue-settings.ts';

/** What a queue knows of where it stands. */
export interface QueueSurroundings {
  readonly clock: EngineClock;
  readonly newId: () => string;
  readonly findByArn: (arn: string) => StandardQueue | undefined;
  readonly checkDeadLetterQueue: (attributes: QueueAttributes) => void;
  readonly measure: Measure;
}

const maxVisibilitySeconds = 43_200;
const maxInFlight = 120_000;
// XML 1.0's characters: what else JSON can hold, SQS refuses.
const forbiddenCharacter = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;
const noAttributes: MessageAttributes = {};

/** One queue: what SQS does with a message from sending to deleting it. */
export class StandardQueue implements Queue {
  readonly name: string;
  readonly arn: string;
  attributes: QueueAttributes;
  #settings: QueueSettings;
  readonly #around: QueueSurroundings;
  readonly #dimensions: { readonly QueueName: string };
  readonly #createdAt: number;
  #modifiedAt: number;
  #purgedAt = Number.NEGATIVE_INFINITY;
  #isDeleted = false;
  readonly #messages: QueueMessages;
  readonly #polls: LongPolls;

  constructor(
    around: QueueSurroundings,
    { name, arn }: { readonly name: string; readonly arn: string },
    attributes: QueueAttributes,
  ) {
    this.name = name;
    this.arn = arn;
    this.attributes = attributes;
    this.#settings = readSettings(attributes);
    this.#around = around;
    this.#dimensions = { QueueName: name };
    this.#createdAt = around.clock.now();
    this.#modifiedAt = this.#createdAt;
    this.#messages = new QueueMessages(around.clock);
    this.#polls = new LongPolls({
      clock: around.clock,
      take: (options) => this.#take(options),
      nextVisibleAt: () => this.#messages.nextVisibleAt,
    });
  }

  send(outgoing: OutgoingMessage, senderId = 'AIDA000000000000LOCAL'): SentMessage {
    this.#checkExists();
    const { body, delaySeconds = this.#settings.delaySeconds, attributes = noAttributes } = outgoing;
    const { bytes, md5 } = inspectBody(body);
    if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900) {
      throw invalidValue(delaySeconds, 'DelaySeconds', 'DelaySeconds must be >= 0 and <= 900');
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
      place: 0,
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

  async receive(options: ReceiveOptions = {}): Promise<ReceivedMessage[]> {
    this.#checkExists();
    const waitSeconds = options.waitSeconds ?? this.#settings.receiveWaitSeconds;
    if (this.#messages.counts.inFlight >= maxInFlight && waitSeconds === 0) {
      throw new EngineError('OverLimit', `Too many messages in flight: ${maxInFlight} is the maximum.`);
    }
    let messages = this.#take(options);
    if (messages.length === 0 && waitSeconds > 0 && !options.signal?.aborted) {
      messages = await this.#polls.wait(options, waitSeconds);
    }
    if (messages.length > 0) this.#measure('NumberOfMessagesReceived', messages.length);
    else this.#measure('NumberOfEmptyReceives', 1);
    return messages;
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
      throw invalidValue(
        receiptHandle,
        'ReceiptHandle',
        'Message does not exist or is not available for visibility timeout change',
      );
    }
    this.#messages.promote();
    if (message.state !== 'in-flight') {
      throw new EngineError('MessageNotInflight', "The specified message isn't in flight.");
    }
    const visibleAt = this.#around.clock.now() + visibilityTimeoutSeconds * 1000;
    if (visibleAt > message.receivedAt + maxVisibilitySeconds * 1000) {
      throw invalidValue(
        visibilityTimeoutSeconds,
        'VisibilityTimeout',
        `Total VisibilityTimeout for the message is beyond the limit [${maxVisibilitySeconds} seconds]`,
      );
    }
    this.#messages.hide(message, visibleAt);
    this.#polls.wakeInTime();
    if (visibilityTimeoutSeconds === 0) this.#polls.serveSoon();
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
    this.#messages.clear();
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

  counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    this.#messages.promote();
    this.#messages.expire(this.#settings.retentionSeconds);
    return this.#messages.counts;
  }

  oldestSentAt(): number | undefined {
    return this.#messages.oldestSentAt;
  }

  close(): void {
    this.#isDeleted = true;
    this.#messages.clear();
    this.stopWaiting();
  }

  stopWaiting(): void {
    this.#polls.stop();
  }

  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
  #measure(metric: string, value: number): void {
    this.#around.measure('AWS/SQS', metric, this.#dimensions, value);
  }

  #checkExists(): void {
    if (this.#isDeleted) throw queueDoesNotExist(this.name);
  }

  #add(message: Message): void {
    this.#messages.add(message);
    if (message.state === 'visible') this.#polls.serveSoon();
    else this.#polls.wakeInTime();
  }

  #remove(message: Message): void {
    const wasFull = this.#messages.counts.inFlight >= maxInFlight;
    this.#messages.remove(message);
    if (wasFull) this.#polls.serveSoon();
  }

  #take({ maxMessages = 1, visibilityTimeoutSeconds }: ReceiveOptions): ReceivedMessage[] {
    this.#messages.promote();
    this.#messages.expire(this.#settings.retentionSeconds);
    const now = this.#around.clock.now();
    const visibleAt = now + (visibilityTimeoutSeconds ?? this.#settings.visibilityTimeoutSeconds) * 1000;
    const taken: ReceivedMessage[] = [];
    while (taken.length < maxMessages && this.#messages.counts.inFlight < maxInFlight) {
      const message = this.#messages.nextVisible();
      if (message === undefined) break;
      if (this.#settleExhausted(message)) continue;
      message.receiveCount++;
      message.receipt++;
      message.receivedAt = now;
      if (message.firstReceivedAt === 0) message.firstReceivedAt = now;
      this.#messages.putInFlight(message, visibleAt);
      taken.push(this.#view(message));
    }
    if (taken.length > 0) this.#polls.wakeInTime();
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
    const message = this.#messages.find(id);
    return { message, isLatest: message?.receipt === Number(receipt) };
  }
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
    throw invalidValue(seconds, 'VisibilityTimeout', `Must be between 0 and ${maxVisibilitySeconds}, if provided`);
  }
}

export function queueDoesNotExist(name: string): EngineError {
  return new EngineError('QueueDoesNotExist', `The specified queue ${name} does not exist.`);
}

function invalidValue(value: number | string, parameter: string, reason: string): EngineError {
  return new EngineError(
    'InvalidParameterValue',
    `Value ${value} for parameter ${parameter} is invalid. Reason: ${reason}.`,
  );
}
