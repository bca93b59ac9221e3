import type { AttemptResult } from '../domain/deliveries/attempt-outcome.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { QueuedMessage } from '../domain/deliveries/delivery-message.ts';
import type { DeliverableSubscription } from '../domain/deliveries/delivery-plan.ts';
import type { FailingNotice } from '../domain/deliveries/endpoint-health.ts';
import type { WebhookRequest } from '../domain/deliveries/webhook-request.ts';
import type { Circuit, SubscriptionState } from '../domain/subscriptions/subscription.ts';

/** Adds attempts to the traces of the posts that they come from. */
export interface AttemptTraces {
  /** Never rejects: a trace that is not told must not hold up a delivery. Attempts of traces that are not kept cost nothing. */
  record(attempts: readonly TracedAttempt[]): Promise<void>;
}

export interface TracedAttempt {
  /** X-Ray's, of the message. */
  readonly traceHeader: string;
  readonly subscriptionId: string;
  readonly webhookId: string;
  readonly eventType: string;
  readonly attempt: number;
  /** Without path and query, which may hold secrets. */
  readonly host: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly result: AttemptResult;
}

/** What a batch needs to know before it is delivered. */
export interface BatchKnowledge {
  readonly subscriber: DeliverableSubscription;
  /** By webhook id; without the stored event. What was never tried is missing. */
  readonly records: ReadonlyMap<string, DeliveryRecord>;
}

/** Keeps what became of each event, and is read together with the subscription. */
export interface DeliveryLedger {
  /** One read for all of it. Throws where it could not be read in full. */
  read(webhookIds: readonly string[]): Promise<BatchKnowledge>;
  /**
   * One write for all that was delivered. Throws where not all could be written: then some may have been. What was not
   * delivered never overwrites a success that another copy of the event has had meanwhile.
   */
  write(writes: readonly LedgerWrite[]): Promise<void>;
}

export interface LedgerWrite {
  readonly record: DeliveryRecord;
  /** The item as `read` found it. One that was `delivered`, and was sent again, may give way to a failure. */
  readonly known: DeliveryRecord | undefined;
  /** The attempt was made besides the retries that `known` counts: where another one was written meanwhile, that stands. */
  readonly isBesidesRetries?: boolean;
}

/** The subscriber's own queue. */
export interface DeliveryQueue {
  /** Hides messages, each for whole seconds. One that could not be hidden comes again when its visibility timeout ends. */
  hide(messages: readonly { readonly receiptHandle: string; readonly seconds: number }[]): Promise<void>;
  /** Up to `count` messages (1 to 10) that nobody else sees for `hiddenSeconds`. */
  receive(count: number, hiddenSeconds: number): Promise<readonly QueuedMessage[]>;
  acknowledge(receiptHandles: readonly string[]): Promise<void>;
}

/** The subscription's health, in its `state` record. */
export interface EndpointHealth {
  /**
   * `appliedEndpoint` as it was read before the attempts. Where it is another by now, somebody has changed the endpoint or
   * given it another chance: what was learnt of the old one is not written onto its successor.
   */
  ofEndpoint(appliedEndpoint: string | undefined): EndpointHealthStore;
}

/** The streak that a verdict was found for: a success that came meanwhile has ended it. */
export interface FailingStreak {
  readonly failingSince: number;
}

/**
 * Each call is one conditional update of attributes that only delivery functions write. Nothing is written for a
 * subscription that was deleted meanwhile.
 */
export interface EndpointHealthStore {
  /**
   * Counts events that failed; returns what is stored then, or undefined where nothing was written. `failingSince` is
   * set where there is none yet, or in place of that of `moved` (domain/deliveries/endpoint-health.ts `failingSinceAfter`):
   * nothing is written where that has ended.
   */
  recordFailures(
    failures: { readonly count: number; readonly at: number; readonly failingSince: number },
    moved?: FailingStreak,
  ): Promise<SubscriptionState | undefined>;
  /** Never shortens a throttle; undefined where it would, or where nothing may be written. */
  throttle(until: number): Promise<SubscriptionState | undefined>;
  /** Ends the failing streak. `deliveredAt`: by a delivery. `circuit`: what follows an open one. */
  endFailing(end: { readonly deliveredAt: number | undefined; readonly circuit: Circuit | undefined }): Promise<void>;
  /** False: the circuit is not `expected` any more (compared by state and since), somebody else was first; or `during` has ended. */
  replaceCircuit(expected: Circuit | undefined, next: Circuit, during?: FailingStreak): Promise<boolean>;
  /** Nothing is written where `during` has ended. */
  recordNotice(notice: FailingNotice, during?: FailingStreak): Promise<void>;
  /** False: it is disabled already, or `during` has ended. */
  disable(at: number, reason: string, during?: FailingStreak): Promise<boolean>;
}

/** Makes one attempt. */
export interface WebhookSender {
  /** Never throws: whatever the receiver does is a result, and it comes within the attempt's timeout. */
  send(request: WebhookRequest): Promise<AttemptResult>;
}
