import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../domain/subscriptions/subscription.ts';
import type { JsonObject } from '../json/json.ts';

export interface StateChange {
  readonly set?: Partial<Omit<SubscriptionState, 'subscriptionId'>>;
  readonly remove?: readonly (keyof SubscriptionState)[];
  /** What must be stored as it was read; undefined: must not be stored. Left out: whatever is stored. */
  readonly expected?: { readonly [Name in keyof SubscriptionState]?: SubscriptionState[Name] | undefined };
}

/** Keeps subscriptions. Reads are of what is stored now. */
export interface SubscriptionStore {
  read(subscriptionId: string): Promise<StoredSubscription>;
  /** In no order that means anything. `after`: the id with which the page before ended. */
  list(
    limit: number,
    after?: string,
  ): Promise<{ readonly subscriptions: StoredSubscription[]; readonly next?: string }>;
  /** The ids of all that have a record of either kind, a page at a time. */
  allIds(): AsyncIterable<readonly string[]>;
  /** False: there is one of that id. */
  create(config: SubscriptionConfig): Promise<boolean>;
  /** False: what is stored is not `expected` any more. */
  replace(expected: JsonObject, next: SubscriptionConfig): Promise<boolean>;
  /** False: it was gone, or is not `expected` any more. */
  remove(subscriptionId: string, expected?: JsonObject): Promise<boolean>;
  /** False: what is stored is not `expected` any more, and nothing was changed. */
  changeState(subscriptionId: string, change: StateChange): Promise<boolean>;
  /** Sets `generatedSecrets` unless there are some, so that two runs that meet agree on one. */
  keepGeneratedSecret(subscriptionId: string, secret: string): Promise<void>;
  removeState(subscriptionId: string): Promise<void>;
}
