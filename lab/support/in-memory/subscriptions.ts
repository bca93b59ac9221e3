import { isDeepStrictEqual } from 'node:util';
import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../../../lambdas/domain/subscriptions/subscription.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../../lambdas/json/json.ts';
import type { StateChange, SubscriptionStore } from '../../../lambdas/ports/subscription-store.ts';
import type { DeploymentGate, Teardown } from '../../../lambdas/provision/ports.ts';

/** Told of each change after it was made; undefined: it was deleted. */
export interface SubscriptionWatch {
  onConfig(subscriptionId: string, config: JsonObject | undefined, before: JsonObject | undefined): void;
  onState(subscriptionId: string, state: SubscriptionState | undefined): void;
}

/** The subscriptions table. `configs` and `states` are there to be looked at, and written to as people do. */
export class InMemorySubscriptions implements SubscriptionStore {
  readonly configs = new Map<string, JsonObject>();
  readonly states = new Map<string, SubscriptionState>();
  stateWrites = 0;
  /** Runs before each write of a state: the process may end here. */
  beforeStep: () => void = () => undefined;
  /** Runs before each conditional write: somebody else's write, in between. */
  beforeWrite: () => void = () => undefined;
  readonly #watch: SubscriptionWatch | undefined;

  constructor(watch?: SubscriptionWatch) {
    this.#watch = watch;
  }

  get(subscriptionId: string): StoredSubscription {
    const config = this.configs.get(subscriptionId);
    const state = this.states.get(subscriptionId);
    return { subscriptionId, ...(config === undefined ? {} : { config }), ...(state === undefined ? {} : { state }) };
  }

  /** As `aws dynamodb put-item`. */
  put(item: JsonObject & { subscriptionId: string }): void {
    this.putConfig(item.subscriptionId, item);
  }

  /** As `aws dynamodb put-item` and `delete-item`. */
  putConfig(subscriptionId: string, config: JsonObject | undefined): void {
    const before = this.configs.get(subscriptionId);
    if (config === undefined) this.configs.delete(subscriptionId);
    else this.configs.set(subscriptionId, { record: 'config', ...config });
    this.#watch?.onConfig(subscriptionId, this.configs.get(subscriptionId), before);
  }

  putState(subscriptionId: string, state: SubscriptionState | undefined): void {
    if (state === undefined) this.states.delete(subscriptionId);
    else this.states.set(subscriptionId, state);
    this.#watch?.onState(subscriptionId, state);
  }

  async read(subscriptionId: string): Promise<StoredSubscription> {
    return this.get(subscriptionId);
  }

  async list(limit: number, after?: string): Promise<{ subscriptions: StoredSubscription[]; next?: string }> {
    const ids = [...this.configs.keys()].sort().filter((id) => after === undefined || id > after);
    const subscriptions = ids.slice(0, limit).map((id) => this.get(id));
    const next = ids[limit - 1];
    return ids.length > limit && next !== undefined ? { subscriptions, next } : { subscriptions };
  }

  async *allIds(): AsyncIterable<readonly string[]> {
    const ids = [...new Set([...this.configs.keys(), ...this.states.keys()])];
    const middle = Math.ceil(ids.length / 2);
    yield ids.slice(0, middle);
    yield ids.slice(middle);
  }

  async create(config: SubscriptionConfig): Promise<boolean> {
    if (this.configs.has(config.subscriptionId)) return false;
    this.putConfig(config.subscriptionId, itemOf(config));
    return true;
  }

  async replace(expected: JsonObject, next: SubscriptionConfig): Promise<boolean> {
    this.beforeWrite();
    if (!this.#holds(next.subscriptionId, expected)) return false;
    this.putConfig(next.subscriptionId, itemOf(next));
    return true;
  }

  async remove(subscriptionId: string, expected?: JsonObject): Promise<boolean> {
    this.beforeWrite();
    if (expected === undefined ? !this.configs.has(subscriptionId) : !this.#holds(subscriptionId, expected))
      return false;
    this.putConfig(subscriptionId, undefined);
    return true;
  }

  async changeState(subscriptionId: string, { set = {}, remove = [], expected = {} }: StateChange): Promise<boolean> {
    this.beforeStep();
    const stored: Partial<SubscriptionState> = this.states.get(subscriptionId) ?? {};
    const names = Object.keys(expected) as (keyof SubscriptionState)[];
    if (!names.every((name) => isDeepStrictEqual(stored[name], expected[name]))) return false;
    this.stateWrites++;
    const removed: readonly string[] = remove;
    const kept = Object.entries(this.states.get(subscriptionId) ?? {}).filter(([name]) => !removed.includes(name));
    this.putState(subscriptionId, { provisioning: 'pending', ...Object.fromEntries(kept), ...set, subscriptionId });
    return true;
  }

  async keepGeneratedSecret(subscriptionId: string, secret: string): Promise<void> {
    this.beforeStep();
    const state = this.states.get(subscriptionId) ?? { subscriptionId, provisioning: 'pending' };
    if (state.generatedSecrets === undefined)
      this.putState(subscriptionId, { ...state, generatedSecrets: [{ secret }] });
  }

  async removeState(subscriptionId: string): Promise<void> {
    this.beforeStep();
    this.putState(subscriptionId, undefined);
  }

  #holds(subscriptionId: string, expected: JsonObject): boolean {
    const config = this.configs.get(subscriptionId);
    return config !== undefined && canonicalJson(config) === canonicalJson(expected);
  }
}

/** As the adapter stores it: the filter as its text. */
function itemOf({ filter, ...config }: SubscriptionConfig): JsonObject {
  const defined = Object.entries(config).filter(([, value]) => value !== undefined) as [string, JsonValue][];
  return { ...Object.fromEntries(defined), ...(filter === undefined ? {} : { filter: JSON.stringify(filter) }) };
}

export class InMemoryGate implements DeploymentGate {
  #teardown: Teardown | undefined;

  async isClosed(): Promise<boolean> {
    return this.#teardown !== undefined;
  }

  async teardown(): Promise<Teardown | undefined> {
    return this.#teardown;
  }

  async close(teardown: Teardown): Promise<void> {
    this.#teardown = teardown;
  }

  async open(): Promise<void> {
    this.#teardown = undefined;
  }
}
