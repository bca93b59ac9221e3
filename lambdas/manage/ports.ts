import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { ResentMessage } from '../domain/deliveries/endpoint-health.ts';
import type { EventSummary, RecordedEvent } from '../domain/history/recorded-event.ts';
import type { Conversation } from '../domain/inactivity/inactivity-timer.ts';

/** Reads what became of a subscription's events. */
export interface DeliveryHistory {
  /** Undefined: it was never tried. */
  read(subscriptionId: string, webhookId: string): Promise<DeliveryRecord | undefined>;
  /** Those that were tried, in no order; without the stored event. Each pair stands there once. */
  readMany(pairs: readonly Pick<DeliveryRecord, 'subscriptionId' | 'webhookId'>[]): Promise<readonly DeliveryRecord[]>;
  /** Undelivered ones newest failure first; others in no order that means anything. */
  list(
    subscriptionId: string,
    query: DeliveryQuery,
  ): Promise<{ readonly deliveries: DeliveryRecord[]; readonly next?: DeliveryPlace }>;
}

export interface DeliveryQuery {
  /** `undelivered`: all but `delivered`. Absent: all. */
  readonly state?: DeliveryRecord['state'] | 'undelivered';
  /** Undelivered ones that first failed within this time; epoch ms, both inclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Of one replay only. */
  readonly replayName?: string;
  readonly eventType?: string;
  readonly lastStatus?: StatusRange;
  /** The stored event too, which may be large. */
  readonly withEvent?: boolean;
  readonly limit: number;
  readonly after?: DeliveryPlace;
}

/** Status codes of HTTP, both inclusive. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** Where a page of deliveries ended: its last one. */
export interface DeliveryPlace {
  readonly webhookId: string;
  /** In lists of what is undelivered, which are in the order of these times. */
  readonly undeliveredAt?: number | undefined;
}

/** Replays what the bus's archive holds, to one subscriber's rule. */
export interface Replays {
  /** `too-many`: the quota of replays under way is reached; wait for one to end. Times in epoch ms. */
  start(replay: {
    readonly name: string;
    readonly ruleName: string;
    readonly from: number;
    readonly to: number;
  }): Promise<{ readonly kind: 'started' } | { readonly kind: 'too-many' }>;
  /** Undefined: there is none of that name (EventBridge forgets them after 90 days). */
  describe(name: string): Promise<ReplayProgress | undefined>;
  /** Those whose names begin so, newest first. */
  list(namePrefix: string): Promise<readonly ReplayProgress[]>;
  /** False: there is none under way. */
  cancel(name: string): Promise<boolean>;
}

export interface ReplayProgress {
  readonly name: string;
  readonly state: 'starting' | 'running' | 'cancelling' | 'completed' | 'cancelled' | 'failed';
  readonly reason?: string;
  /** Epoch ms, as all of these. The time whose events are replayed. */
  readonly from?: number;
  readonly to?: number;
  /** Up to where it has come. */
  readonly lastReplayedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** A request that came with an Idempotency-Key. */
export interface ClaimedRequest {
  /** Of its body: what comes under the same key must have the same. */
  readonly fingerprint: string;
  /** What was random in it. */
  readonly seed: string;
  /** Epoch ms. */
  readonly claimedAt: number;
  /** Epoch ms: until then somebody is carrying it out. */
  readonly heldUntil: number;
  /** As JSON. Absent: it is not done, or broke off. */
  readonly answer?: string;
}

/** What was put into a subscriber's queue under the name of a replay; the bus knows only the replays of its archive. */
export interface QueuedReplays {
  /**
   * Adds `queued` messages, in one step: others may at the same moment. Call it before they are sent. 0: the replay exists, and
   * may stay empty. `at`: epoch ms.
   */
  add(name: string, queued: number, at: number): Promise<void>;
  /** Undefined: nothing was, or it is forgotten by now. */
  read(name: string): Promise<QueuedReplay | undefined>;
}

export interface QueuedReplay {
  readonly queued: number;
  /** When the last of them were, epoch ms. */
  readonly queuedAt: number;
}

/** Remembers requests by a hash of their Idempotency-Key. */
export interface RequestKeys {
  /** Gives back `request`, or what was claimed under the key since `forgottenBefore` (epoch ms). */
  claim(keyHash: string, request: ClaimedRequest, forgottenBefore: number): Promise<ClaimedRequest>;
  /** One of many who take up what nobody holds any more gets it, until `heldUntil` (epoch ms). */
  takeUp(keyHash: string, request: ClaimedRequest, heldUntil: number): Promise<boolean>;
  /** By whoever holds it: that it is done, or free. */
  release(keyHash: string, request: ClaimedRequest): Promise<void>;
}

/** What organisations set for themselves. */
export interface SettingsStore {
  /** Undefined: it set none. */
  quietPeriodSeconds(orgId: string): Promise<number | undefined>;
  /** Undefined: back to the default. */
  setQuietPeriodSeconds(orgId: string, seconds: number | undefined): Promise<void>;
}

/** The queues of subscribers, for whoever puts an event into one directly. */
export interface SubscriberQueues {
  /** Undefined: the subscriber has no queue (yet). */
  depth(subscriptionId: string): Promise<QueueDepth | undefined>;
  /**
   * Envelopes as JSON texts; the messages' ids, in their order. Undefined: the subscriber has no queue (yet). Throws where some
   * could not be put. `delaySeconds`: whole, 0 to 900.
   */
  put(
    subscriptionId: string,
    envelopes: readonly string[],
    delaySeconds?: number,
  ): Promise<readonly string[] | undefined>;
}

/** The delivery functions of subscribers, for what they do not read from their queues just now. */
export interface DeliveryFunctions {
  /** Does not wait for its end. Throws where there is no such function. */
  resend(subscriptionId: string, message: ResentMessage): Promise<void>;
}

/** Messages, as many as SQS believes there are. */
export interface QueueDepth {
  readonly waiting: number;
  readonly inFlight: number;
  readonly deadLetters: number;
}

/** Reads what the functions and AWS count of a subscription's deliveries. */
export interface SubscriptionMetrics {
  /** Periods in order, the oldest first, whole ones around the time that is asked for (epoch ms). */
  read(
    subscriptionId: string,
    query: { readonly from: number; readonly to: number; readonly periodSeconds: number },
  ): Promise<{ readonly kind: 'read'; readonly periods: readonly MetricPeriod[] } | { readonly kind: 'throttled' }>;
}

export interface MetricPeriod {
  /** Its beginning; epoch ms. */
  readonly at: number;
  /** Attempts that ended so. */
  readonly delivered: number;
  readonly failed: number;
  /** From an event's arrival on the bus to the subscriber's 2xx. Absent: nothing was delivered. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  /** Messages in its queue, at most. Absent: not measured. */
  readonly waiting?: number;
}

/** Reads what is known of a conversation's inactivity. */
export interface ConversationReader {
  read(conversationKey: string): Promise<Conversation | undefined>;
}

/** Reads the event history. */
export interface EventHistory {
  read(webhookId: string): Promise<RecordedEvent | undefined>;
  /** By webhook id; what is not kept is missing. Throws where it could not be read in full. */
  readMany(webhookIds: readonly string[]): Promise<ReadonlyMap<string, RecordedEvent>>;
  /** Newest first. A page reads a bounded amount: `next` without events means that it has to be asked again. */
  list(query: EventQuery): Promise<EventPage>;
}

export interface EventQuery {
  /** Of `recordedAt`; epoch ms, both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly type?: string | undefined;
  readonly orgId?: string | undefined;
  /** With `orgId` by an index of its own. */
  readonly conversationId?: string | undefined;
  readonly limit: number;
  /** The place at which the page before ended (domain/history/time-order.ts `timeKeyOf`). */
  readonly before?: string | undefined;
}

export interface EventPage {
  readonly events: readonly EventSummary[];
  /** All that is newer than this place, and nothing else, was looked at. Absent: all of it. */
  readonly next?: string;
}
