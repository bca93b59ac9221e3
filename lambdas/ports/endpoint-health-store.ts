import type { FailingNotice } from '../domain/endpoint-health.ts';
import type { Circuit, SubscriptionState } from '../domain/subscription.ts';

/**
 * The subscription's health, in its `state` record. Each call is one conditional update of attributes that only
 * delivery functions write. Nothing is written for a subscription that was deleted meanwhile.
 */
export interface EndpointHealthStore {
  /**
   * Counts failed attempts; returns what is stored then, or undefined where the subscription is gone. `failingSince` is
   * set where there is none yet, or where it moves (domain/endpoint-health.ts `failingSinceAfter`).
   */
  recordFailures(failures: {
    readonly count: number;
    readonly at: number;
    readonly failingSince: number;
    readonly movesFailingSince: boolean;
  }): Promise<SubscriptionState | undefined>;
  /** Never shortens a throttle; undefined where it would, or where the subscription is gone. */
  throttle(until: number): Promise<SubscriptionState | undefined>;
  /** Ends the failing streak. `circuit`: what follows an open one. */
  recordSuccess(at: number, circuit?: Circuit): Promise<void>;
  /** False: the circuit is not `expected` any more (compared by state and since), somebody else was first. */
  replaceCircuit(expected: Circuit | undefined, next: Circuit): Promise<boolean>;
  recordNotice(notice: FailingNotice): Promise<void>;
  /** False: it is disabled already. */
  disable(at: number, reason: string): Promise<boolean>;
}
