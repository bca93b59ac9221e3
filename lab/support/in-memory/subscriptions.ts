import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../../../lambdas/domain/subscriptions/subscription.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../../lambdas/json/json.ts';
import type { StateChange, SubscriptionStore } from '../../../lambdas/ports/subscription-store.ts';
import type { DeploymentGate } from '../../../lambdas/provision/ports.ts';

/** The subscriptions table. `configs` and `states` are there to be looked at, and written to as people do. */
export class InMemorySubscriptions implements SubscriptionStore {
  readonly configs = new Map<string, JsonObject>();
  readonly states = new Map<string, SubscriptionState>();
  stateWrites = 0;
  /** Runs before each write of a state: the process may end here. */
  beforeStep: () => void = () => undefined;
  /** Runs before each conditional write: somebody else's write, in between. */
  beforeWrite: () => void = () => undefined;

  /** As `aws dynamodb put-item`. */
  put(item: JsonObject & { subscriptionId: string }): void {
    this.configs.set(item.subscriptionId, { record: 'config', ...item });
  }

  async read(subscriptionId: string): Promise<StoredSubscription> {
    const config = this.configs.get(subscriptionId);
    const state = this.states.get(subscriptionId);
    return { subscriptionId, ...(config === undefined ? {} : { config }), ...(state === undefined ? {} : { state }) };
  }

  async list(limit: number, after?: string): Promise<{ subscriptions: StoredSubscription[]; next?: string }> {
    const ids = [...this.configs.keys()].sort().filter((id) => after === undefined || id > after);
    const subscriptions = await Promise.all(ids.slice(0, limit).map((id) => this.read(id)));
    const next = ids[limit - 1];
    return ids.length > limit && next !== undefined ? { subscriptions, next } : { subscriptions };
  }

  async *allIds(): AsyncIterable<readonly string[]> {
    yield [...new Set([...this.configs.keys(), ...this.states.keys()])];
  }

  async create(config: SubscriptionConfig): Promise<boolean> {
    if (this.configs.has(config.subscriptionId)) return false;
    this.configs.set(config.subscriptionId, itemOf(config));
    return true;
  }

  async replace(expected: JsonObject, next: SubscriptionConfig): Promise<boolean> {
    this.beforeWrite();
    if (!this.holds(next.subscriptionId, expected)) return false;
    this.configs.set(next.subscriptionId, itemOf(next));
    return true;
  }

  async remove(subscriptionId: string, expected?: JsonObject): Promise<boolean> {
    this.beforeWrite();
    if (expected !== undefined && !this.holds(subscriptionId, expected)) return false;
    return this.configs.delete(subscriptionId);
  }

  async changeState(subscriptionId: string, { set = {}, remove = [] }: StateChange): Promise<void> {
    this.beforeStep();
    this.stateWrites++;
    const removed: readonly string[] = remove;
    const kept = Object.entries(this.states.get(subscriptionId) ?? {}).filter(([name]) => !removed.includes(name));
    const state = { ...Object.fromEntries(kept), ...set, subscriptionId } as SubscriptionState;
    this.states.set(subscriptionId, state);
  }

  async keepGeneratedSecret(subscriptionId: string, secret: string): Promise<void> {
    this.beforeStep();
    const state = this.states.get(subscriptionId) ?? { subscriptionId, provisioning: 'pending' };
    this.states.set(subscriptionId, { ...state, generatedSecrets: state.generatedSecrets ?? [{ secret }] });
  }

  async removeState(subscriptionId: string): Promise<void> {
    this.beforeStep();
    this.states.delete(subscriptionId);
  }

  private holds(subscriptionId: string, expected: JsonObject): boolean {
    const config = this.configs.get(subscriptionId);
    return config !== undefined && canonicalJson(config) === canonicalJson(expected);
  }
}

function itemOf(config: SubscriptionConfig): JsonObject {
  const defined = Object.entries(config).filter(([, value]) => value !== undefined) as [string, JsonValue][];
  return { ...Object.fromEntries(defined), record: 'config' };
}

export class InMemoryGate implements DeploymentGate {
  closed = false;

  async isClosed(): Promise<boolean> {
    return this.closed;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async open(): Promise<void> {
    this.closed = false;
  }
}
