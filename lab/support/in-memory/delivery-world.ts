import type { SQSBatchResponse } from 'aws-lambda';
import { createDeliverHandler, type DeliverEvent } from '../../../lambdas/deliver/handler.ts';
import type { DeliveryLedger, TracedAttempt } from '../../../lambdas/deliver/ports.ts';
import type { AttemptResult } from '../../../lambdas/domain/deliveries/attempt-outcome.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { QueuedMessage } from '../../../lambdas/domain/deliveries/delivery-message.ts';
import {
  type ControlMessage,
  controlStep,
  defaultDisableAfterSeconds,
  desiredFlow,
} from '../../../lambdas/domain/deliveries/endpoint-health.ts';
import { queueRetentionSeconds } from '../../../lambdas/domain/deliveries/retry-schedule.ts';
import type { WebhookRequest } from '../../../lambdas/domain/deliveries/webhook-request.ts';
import type { SubscriptionState } from '../../../lambdas/domain/subscriptions/subscription.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';
import type { SubscriptionStore } from '../../../lambdas/ports/subscription-store.ts';
import { createDueDeliveries } from '../../../lambdas/provision/due-deliveries.ts';
import { anEnvelope, aSubscriber, noon } from '../deliveries.ts';
import { ledgerRead, ledgerWrite } from './delivery-ledger.ts';
import { inMemoryDueDeliveries } from './due-deliveries.ts';
import { inMemoryEndpointHealth } from './endpoint-health.ts';
import { RecordedPublisher } from './publisher.ts';
import { RecordedLog, RecordedMetrics } from './telemetry.ts';

/** The visibility timeout of the deployed queue: six times the function's 90 s. */
const visibilitySeconds = 540;

interface StoredMessage {
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: number;
  readonly traceHeader?: string;
  visibleAt: number;
  /** When it was last handed out, and how often. */
  receivedAt?: number;
  receiveCount?: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A subscriber's delivery function with all that is around it, in memory and in simulated time: queue, ledger, state record,
 * control queue, and a `provision` that does what the contract in domain/endpoint-health.ts says.
 */
export class DeliveryWorld {
  now = noon;
  readonly subscriber = aSubscriber();
  state = this.subscriber.state as Mutable<SubscriptionState>;
  readonly config = this.subscriber.config as Mutable<typeof this.subscriber.config>;
  readonly messages = new Map<string, StoredMessage>();
  readonly records = new Map<string, DeliveryRecord>();
  readonly requests: WebhookRequest[] = [];
  readonly hidden: { receiptHandle: string; seconds: number }[] = [];
  readonly controls: { message: ControlMessage; dueAt: number }[] = [];
  readonly publisher = new RecordedPublisher();
  readonly metrics = new RecordedMetrics();
  readonly log = new RecordedLog();
  readonly traced: TracedAttempt[] = [];
  /** Messages that the queue forgot. Must stay empty. */
  readonly forgotten: string[] = [];
  readonly calls = { reads: 0, writes: 0, hides: 0, health: 0 };
  remainingMs = 90_000;
  random: () => number = () => 0;
  /** How the receiver answers. */
  receiver: (request: WebhookRequest) => AttemptResult | Promise<AttemptResult> = () => answered(200);
  /** Makes the next calls to the ledger fail. */
  failingReads = 0;
  failingWrites = 0;
  /** A standard queue's order is best effort; otherwise the oldest come first, and last what was received three times. */
  handsOutInAnyOrder = false;
  /** SQS hands out nothing more while about 120,000 messages are in flight. */
  inFlightLimit = 120_000;
  /** Its config is gone. */
  isDeleted = false;
  private sent = 0;
  private lastMinute = 0;

  readonly ledger: DeliveryLedger = {
    read: async (ids) => {
      this.calls.reads++;
      if (this.failingReads-- > 0) throw new Error('the ledger could not be read');
      return {
        subscriber: { config: { ...this.config }, state: structuredClone(this.state) },
        records: ledgerRead(ids, (id) => this.records.get(id)),
      };
    },
    write: async (writes) => {
      this.calls.writes++;
      if (this.failingWrites-- > 0) throw new Error('the ledger could not be written');
      for (const write of writes) {
        const { webhookId } = write.record;
        this.records.set(webhookId, ledgerWrite(this.records.get(webhookId), write));
      }
    },
  };

  readonly handler = createDeliverHandler({
    subscriptionId: 'sub_1',
    clock: () => this.now,
    random: () => this.random(),
    disableAfterSeconds: defaultDisableAfterSeconds,
    publisher: this.publisher,
    traces: {
      record: async (attempts) => {
        this.traced.push(...attempts);
      },
    },
    metrics: this.metrics,
    log: this.log,
    sender: {
      send: async (request) => {
        this.requests.push(request);
        return this.receiver(request);
      },
    },
    ledger: this.ledger,
    queue: {
      hide: async (entries) => {
        this.calls.hides++;
        for (const { receiptHandle, seconds } of entries) {
          this.hidden.push({ receiptHandle, seconds });
          const message = this.messages.get(receiptHandle);
          if (message === undefined) continue;
          const total = this.now - (message.receivedAt ?? this.now) + seconds * 1000;
          if (seconds < 0 || total > 12 * 3600 * 1000) throw new Error(`SQS does not hide a message for ${seconds} s`);
          message.visibleAt = this.now + seconds * 1000;
        }
      },
      receive: async (count, hiddenSeconds) => this.receive(count, hiddenSeconds),
      acknowledge: async (handles) => {
        for (const handle of handles) this.messages.delete(handle);
      },
    },
    control: {
      send: async (entries) => {
        for (const { message, delaySeconds } of entries) {
          if ('subscriptionId' in message) this.controls.push({ message, dueAt: this.now + delaySeconds * 1000 });
        }
      },
    },
    health: inMemoryEndpointHealth(
      {
        get: () => this.state,
        set: (next) => {
          this.state = next;
        },
      },
      async (effect) => {
        this.calls.health++;
        return effect();
      },
    ),
  });

  readonly dueDeliveries = createDueDeliveries({
    subscriptions: {
      read: async (subscriptionId: string) => ({
        subscriptionId,
        ...(this.isDeleted ? {} : { config: { ...this.config } as unknown as JsonObject, state: this.state }),
      }),
    } as unknown as SubscriptionStore,
    dueDeliveries: inMemoryDueDeliveries(new Map([['sub_1', this.records]])),
    retryQueues: {
      send: async (_id, messages) =>
        messages.map(({ body, delaySeconds, traceHeader }) => this.put(body, delaySeconds, traceHeader).messageId),
    },
    publisher: this.publisher,
    clock: () => this.now,
    metrics: this.metrics,
    log: this.log,
  });

  /** Puts an event into the queue and returns its message. */
  enqueue(parts: Parameters<typeof anEnvelope>[0] = {}): QueuedMessage {
    return this.put(anEnvelope({ id: `msg_${this.sent + 1}`, ...parts }), 0);
  }

  put(body: string, delaySeconds: number, traceHeader?: string): QueuedMessage {
    const messageId = `sqs-${++this.sent}`;
    const traced = traceHeader === undefined ? {} : { traceHeader };
    const stored = { messageId, body, sentAt: this.now, ...traced };
    this.messages.set(messageId, { ...stored, visibleAt: this.now + delaySeconds * 1000 });
    return { ...stored, receiptHandle: messageId };
  }

  /** The schedule's run of `provision`. */
  async sweepDue(): Promise<void> {
    await this.dueDeliveries.sweep(() => true);
  }

  /** Invokes the function as Lambda does, and deletes what it does not report as failed. */
  async invoke(messages: readonly QueuedMessage[]): Promise<string[]> {
    const records = messages.map(({ messageId, receiptHandle, body, sentAt, traceHeader, receiveCount = 1 }) => ({
      messageId,
      receiptHandle,
      body,
      attributes: {
        SentTimestamp: String(sentAt),
        ApproximateReceiveCount: String(receiveCount),
        AWSTraceHeader: traceHeader,
      },
    }));
    const { batchItemFailures } = (await this.call({
      Records: records,
    } as unknown as DeliverEvent)) as SQSBatchResponse;
    const kept = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    for (const { messageId } of messages) if (!kept.includes(messageId)) this.messages.delete(messageId);
    return kept;
  }

  /** Receives up to ten visible messages and delivers them. False where there were none. */
  async deliverBatch(): Promise<boolean> {
    const received = this.receive(10, visibilitySeconds);
    if (received.length > 0) await this.invoke(received);
    return received.length > 0;
  }

  call(event: DeliverEvent): Promise<unknown> {
    // middy types the handler by Lambda's full context, of which this function reads one method.
    const handler = this.handler as unknown as (event: DeliverEvent, context: object) => Promise<unknown>;
    return handler(event, { getRemainingTimeInMillis: () => this.remainingMs });
  }

  receive(count: number, hiddenSeconds: number): QueuedMessage[] {
    this.forget();
    const visible = [...this.messages.values()].filter(({ visibleAt }) => visibleAt <= this.now);
    const isNearLimit = this.messages.size + count > this.inFlightLimit;
    const room = isNearLimit ? Math.min(count, this.inFlightLimit - this.inFlight) : count;
    const chosen = this.handsOutInAnyOrder ? this.drawn(visible, room) : visible.slice(0, Math.max(0, room));
    return chosen.map((message) => {
      message.visibleAt = this.now + hiddenSeconds * 1000;
      message.receivedAt = this.now;
      const receiveCount = (message.receiveCount ?? 0) + 1;
      message.receiveCount = receiveCount;
      // SQS moves to the back what was received three times.
      if (receiveCount > 2) {
        this.messages.delete(message.messageId);
        this.messages.set(message.messageId, message);
      }
      const { visibleAt: _, receivedAt: __, ...sent } = message;
      return { ...sent, receiveCount, receiptHandle: sent.messageId };
    });
  }

  /** One step of `provision` for each control message that is due. */
  async provision(): Promise<void> {
    const due = this.controls.filter(({ dueAt }) => dueAt <= this.now);
    for (const control of due) this.controls.splice(this.controls.indexOf(control), 1);
    for (const { message } of due) {
      const step = controlStep(message, this.state, this.now);
      if (step.kind === 'probe') await this.call({ probe: true });
      if (step.kind === 'send') {
        this.controls.push({ message: step.message, dueAt: this.now + step.delaySeconds * 1000 });
      }
    }
  }

  flow() {
    return desiredFlow(this.config, this.state, this.now);
  }

  /**
   * Lets time pass until `until`: the mapping hands over as many batches a second as its concurrency allows, and
   * `provision` does its work. Skips over the seconds in which nothing can happen.
   */
  async runUntil(until: number, everySecond: () => void = () => {}): Promise<void> {
    while (this.now < until) {
      everySecond();
      const minute = Math.floor(this.now / 60_000);
      if (minute !== this.lastMinute && this.nextDue() <= this.now + 75_000) await this.sweepDue();
      this.lastMinute = minute;
      await this.provision();
      const { enabled, maximumConcurrency } = this.flow();
      let busy = false;
      for (let batch = 0; enabled && batch < maximumConcurrency && (await this.deliverBatch()); batch++) busy = true;
      const next = busy ? this.now + 1000 : this.nextChange(enabled);
      this.now = Math.min(until, Math.max(this.now + 1000, next));
    }
  }

  /** Received, and hidden from the next receive. */
  get inFlight(): number {
    return [...this.messages.values()].filter(
      ({ visibleAt, receivedAt }) => receivedAt !== undefined && visibleAt > this.now,
    ).length;
  }

  private nextDue(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.records.values()) if (dueAt !== undefined && dueAt < least) least = dueAt;
    return least;
  }

  private nextChange(enabled: boolean): number {
    const visible = enabled ? [...this.messages.values()].map(({ visibleAt }) => visibleAt) : [];
    return [...visible, ...this.controls.map(({ dueAt }) => dueAt)].reduce((a, b) => Math.min(a, b), this.now + 60_000);
  }

  private drawn(messages: StoredMessage[], count: number): StoredMessage[] {
    const left = [...messages];
    return Array.from(
      { length: Math.min(count, left.length) },
      () => left.splice(Math.floor(this.random() * left.length), 1)[0] as StoredMessage,
    );
  }

  private forget(): void {
    for (const [handle, { sentAt, body }] of this.messages) {
      if (this.now - sentAt < queueRetentionSeconds * 1000) continue;
      this.messages.delete(handle);
      this.forgotten.push(body);
    }
  }
}

export function answered(status: number, headers: Record<string, string> = {}, responseHead = ''): AttemptResult {
  return { kind: 'answered', status, headers, responseHead, durationMs: 12 };
}

export function unreachable(): AttemptResult {
  return { kind: 'failed', errorClass: 'connect', message: 'ECONNREFUSED', durationMs: 3 };
}
