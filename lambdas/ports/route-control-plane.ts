import type { RouteNames } from '../domain/desired-route.ts';
import type { ExistingRoute, RouteAction } from '../domain/route-plan.ts';

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
  /** How many messages lie in the dead-letter queues of these subscriptions together. */
  countDeadLetters(subscriptionIds: readonly string[]): Promise<number>;
}

export type ActionOutcome =
  | { readonly kind: 'done' }
  /** Not possible yet: a queue of that name was deleted less than 60 s ago, a mapping is still changing. */
  | { readonly kind: 'later'; readonly reason: string; readonly retryAfterSeconds: number }
  /** Only a person can help: a quota is reached, a pattern is not taken. `reason` is for that person. */
  | { readonly kind: 'blocked'; readonly reason: string };
