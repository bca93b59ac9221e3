import type { EngineClock } from './engine-clock.ts';
import { Heap } from './heap.ts';
import type { MessageAttributes } from './message-attributes.ts';

export interface Message {
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
  /** Where it stands in the queue; it is handed out before those of a greater place. */
  place: number;
}

/**
 * What was received so often, and not deleted, goes to the back of the queue
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html).
 */
const receivesToTheBack = 3;

/** The messages of one queue by what they are: visible, delayed, in flight; each step costs the same however many there are. */
export class QueueMessages {
  readonly #clock: EngineClock;
  readonly #messages = new Map<string, Message>();
  /** Visible messages by `place`. Some may be gone. */
  readonly #ready = new Heap<Message>();
  #places = 0;
  /** Delayed messages and those in flight, by `visibleAt`. An entry whose time is not the message's is out of date. */
  readonly #hidden = new Heap<{ readonly message: Message; readonly at: number }>();
  /** Every message by `sentAt`, for retention. Some may be gone. */
  readonly #byAge = new Heap<Message>();
  #visible = 0;
  #inFlight = 0;
  #delayed = 0;

  constructor(clock: EngineClock) {
    this.#clock = clock;
  }

  /** As they were when they were last counted anew, which `promote` and `expire` do. */
  get counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    return { visible: this.#visible, inFlight: this.#inFlight, delayed: this.#delayed };
  }

  /** When the next hidden message becomes visible. */
  get nextVisibleAt(): number | undefined {
    return this.#hidden.leastKey;
  }

  get oldestSentAt(): number | undefined {
    while (this.#byAge.peek()?.state === 'gone') this.#byAge.pop();
    return this.#byAge.leastKey;
  }

  find(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** Visible or delayed, by its `visibleAt`. */
  add(message: Message): void {
    this.#messages.set(message.id, message);
    this.#byAge.push(message.sentAt, message);
    if (message.visibleAt > this.#clock.now()) {
      message.state = 'delayed';
      this.#delayed++;
      this.#hidden.push(message.visibleAt, { message, at: message.visibleAt });
    } else {
      this.#show(message, this.#places++);
    }
  }

  /** The visible message that stands first; taken from the line, so it is to be put in flight or removed. */
  nextVisible(): Message | undefined {
    let message = this.#ready.pop();
    while (message !== undefined && message.state !== 'visible') message = this.#ready.pop();
    return message;
  }

  putInFlight(message: Message, visibleAt: number): void {
    this.#visible--;
    this.#inFlight++;
    message.state = 'in-flight';
    if (message.receiveCount >= receivesToTheBack) message.place = this.#places++;
    this.hide(message, visibleAt);
  }

  /** Of a message in flight: until when it stays so. */
  hide(message: Message, visibleAt: number): void {
    message.visibleAt = visibleAt;
    this.#hidden.push(visibleAt, { message, at: visibleAt });
    if (this.#hidden.size > 1024 && this.#hidden.size > 2 * (this.#inFlight + this.#delayed)) {
      this.#hidden.retain(isCurrent);
    }
  }

  /** Makes visible what is due. */
  promote(): void {
    const now = this.#clock.now();
    while ((this.#hidden.leastKey ?? Number.POSITIVE_INFINITY) <= now) {
      const entry = this.#hidden.pop();
      if (entry === undefined || !isCurrent(entry)) continue;
      const { message } = entry;
      if (message.state === 'delayed') this.#delayed--;
      else this.#inFlight--;
      this.#show(message, message.state === 'delayed' ? this.#places++ : message.place);
    }
  }

  #show(message: Message, place: number): void {
    message.place = place;
    message.state = 'visible';
    this.#visible++;
    this.#ready.push(place, message);
  }

  /** Removes what was sent too long ago. */
  expire(retentionSeconds: number): void {
    const sentBefore = this.#clock.now() - retentionSeconds * 1000;
    while ((this.#byAge.leastKey ?? Number.POSITIVE_INFINITY) <= sentBefore) {
      const message = this.#byAge.pop();
      if (message !== undefined && message.state !== 'gone') this.remove(message);
    }
  }

  remove(message: Message): void {
    if (message.state === 'visible') this.#visible--;
    else if (message.state === 'delayed') this.#delayed--;
    else if (message.state === 'in-flight') this.#inFlight--;
    message.state = 'gone';
    message.body = '';
    this.#messages.delete(message.id);
    if (this.#byAge.size > 1024 && this.#byAge.size > 2 * this.#messages.size) {
      this.#byAge.retain(({ state }) => state !== 'gone');
    }
  }

  clear(): void {
    for (const message of this.#messages.values()) message.state = 'gone';
    this.#messages.clear();
    this.#byAge.clear();
    this.#hidden.clear();
    this.#ready.clear();
    this.#visible = 0;
    this.#inFlight = 0;
    this.#delayed = 0;
  }
}

function isCurrent({ message, at }: { readonly message: Message; readonly at: number }): boolean {
  return (message.state === 'in-flight' || message.state === 'delayed') && message.visibleAt === at;
}
