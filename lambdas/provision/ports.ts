import type { DeliveryRecord, RetryPlace } from '../domain/deliveries/delivery-ledger.ts';
import type { RouteNames } from '../domain/routes/desired-route.ts';
import type { ExistingRoute, RouteAction } from '../domain/routes/route-plan.ts';

/** Answers CloudFormation for a custom resource. */
export interface CustomResourceResponder {
  /** Throws when it could not be reached after all tries. */
  respond(responseUrl: string, response: CustomResourceResponse): Promise<void>;
}

/** Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html */
export interface CustomResourceResponse {
  readonly Status: 'SUCCESS' | 'FAILED';
  /** Needed with `FAILED`; people see it in the stack's events. */
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
}

/** What CloudFormation asks of a custom resource. */
export interface CustomResourceRequest {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
}

/** The deletion of the deployment that is under way. */
export interface Teardown {
  readonly request: CustomResourceRequest;
  /** Epoch ms. */
  readonly startedAt: number;
}

/** Whether the deployment is being deleted. While it is, no route is made, whoever asks. */
export interface DeploymentGate {
  isClosed(): Promise<boolean>;
  /** Undefined while the gate is open. */
  teardown(): Promise<Teardown | undefined>;
  close(teardown: Teardown): Promise<void>;
  open(): Promise<void>;
}

/**
 * Which run works on a subscription. There is one at a time: taken by a conditional write, and held until the run gives it
 * back, or until nothing that the run has begun can have an effect any more.
 */
export interface RouteLeases {
  /** What earlier runs left unsettled; undefined: another run has the subscription. The same holder may ask twice. */
  take(subscriptionId: string, lease: RouteLease): Promise<Unsettled | undefined>;
  /** Gives it back with what the next run must know. Does nothing where it is not this holder's any more. */
  release(subscriptionId: string, holder: string, unsettled: Unsettled): Promise<void>;
}

export interface RouteLease {
  readonly holder: string;
  /** Epoch milliseconds, as all here. */
  readonly now: number;
  readonly until: number;
}

/** What was done a moment ago and is not in effect yet, or may still answer though it is gone. */
export interface Unsettled {
  /** Queues whose names SQS does not give out again, and which may still answer. */
  readonly queueDeletedAt?: number;
  /** A rule that may not match yet. */
  readonly rulePutAt?: number;
}

/** Makes and unmakes what a subscriber's route consists of: rule, queues, function, mapping. */
export interface RouteControlPlane {
  /** What is there now. */
  describe(names: RouteNames): Promise<ExistingRoute>;
  /** Does one action. Already there, or already gone, is done. Throws where running again may help. */
  apply(action: RouteAction): Promise<ActionOutcome>;
  /** The ids of all subscriptions of this deployment for which anything exists, a page at a time; ids may repeat. */
  subscriptionIds(): AsyncIterable<readonly string[]>;
  /** Invokes a delivery function and does not wait for its end: `{"probe":true}` or `{"park":true}`. */
  invoke(functionName: string, payload: { readonly probe: true } | { readonly park: true }): Promise<void>;
  /** How many invocations the account leaves to all functions for which nothing is set aside. */
  unreservedConcurrency(): Promise<number>;
  /** What lies in the queues of these subscriptions, in their order; nothing where there is no queue. */
  depths(subscriptionIds: readonly string[]): Promise<readonly RouteDepth[]>;
}

/** Messages, as many as SQS believes there are. */
export interface RouteDepth {
  /** That nobody has received. */
  readonly waiting: number;
  /** That are being delivered, or hidden until their next attempt. */
  readonly inFlight: number;
  readonly deadLetters: number;
}

export type ActionOutcome =
  | { readonly kind: 'done' }
  /** Not possible yet: a queue of that name was deleted less than 60 s ago, a mapping is still changing. */
  | { readonly kind: 'later'; readonly reason: string; readonly retryAfterSeconds: number }
  /** Only a person can help: a quota is reached, a pattern is not taken. `reason` is for that person. */
  | { readonly kind: 'blocked'; readonly reason: string };

export interface DeliveryKey {
  readonly subscriptionId: string;
  readonly webhookId: string;
}

/** What of the ledger is `retrying`, by when the sweep looks after it. */
export interface DueDeliveries {
  /** What is due up to `until` (epoch ms), the longest due first, a page at a time; a moment behind what is stored. */
  due(shard: number, until: number): AsyncIterable<readonly DeliveryKey[]>;
  /** What of one subscription is `retrying` and waits in the ledger, without the events; a moment behind what is stored. */
  waiting(subscriptionId: string): AsyncIterable<readonly DeliveryRecord[]>;
  /** With their events, as they are stored now; in no order. */
  read(keys: readonly DeliveryKey[]): Promise<readonly DeliveryRecord[]>;
  /**
   * Moves an item that is still as `record` was read, by `state` and `dueAt`; false: it is not. `place` given in full takes
   * the place of what carried the event before.
   */
  move(record: DeliveryRecord, place: RetryPlace | { readonly dueAt: number }): Promise<boolean>;
  /** Ends such an item. */
  exhaust(record: DeliveryRecord, reason: string): Promise<boolean>;
}

/** The subscribers' queues. */
export interface RetryQueues {
  /** The messages' ids, in their order, undefined for one that was not taken. Undefined: there is no such queue. */
  send(
    subscriptionId: string,
    messages: readonly {
      readonly body: string;
      readonly delaySeconds: number;
      readonly traceHeader?: string | undefined;
    }[],
  ): Promise<readonly (string | undefined)[] | undefined>;
}
