import type { EndpointHealth, EndpointHealthStore } from '../../lambdas/deliver/ports.ts';
import type {
  Circuit,
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../../lambdas/domain/subscriptions/subscription.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../lambdas/json/json.ts';
import type { StateChange, SubscriptionStore } from '../../lambdas/ports/subscription-store.ts';
import type { DeploymentGate } from '../../lambdas/provision/ports.ts';
import type { ChangeStream } from '../../local/aws/engine/change-stream.ts';
import type { Invocation } from './invocation.ts';

/** Told of each change after it was made. */
export interface SubscriptionWatch {
  onConfig(subscriptionId: string, config: JsonObject | undefined): void;
  onState(subscriptionId: string, state: SubscriptionState | undefined): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The subscriptions table: `config` and `state` records, and the stream of the former. */
export class SubscriptionTable {
  readonly configs = new Map<string, JsonObject>();
  readonly states = new Map<string, SubscriptionState>();
  readonly #stream: ChangeStream;
  readonly #watch: SubscriptionWatch;

  constructor(stream: ChangeStream, watch: SubscriptionWatch) {
    this.#stream = stream;
    this.#watch = watch;
  }

  get(subscriptionId: string): StoredSubscription {
    const config = this.configs.get(subscriptionId);
    const state = this.states.get(subscriptionId);
    return { subscriptionId, ...(config === undefined ? {} : { config }), ...(state === undefined ? {} : { state }) };
  }

  /** As `aws dynamodb put-item` and `delete-item`. */
  putConfig(subscriptionId: string, config: JsonObject | undefined): void {
    const before = this.configs.get(subscriptionId);
    if (config === undefined) this.configs.delete(subscriptionId);
    else this.configs.set(subscriptionId, { ...config, record: 'config' });
    this.#stream.append({
      keys: { subscriptionId: { S: subscriptionId }, record: { S: 'config' } },
      ...(before === undefined ? {} : { oldImage: { text: { S: canonicalJson(before) } } }),
      ...(config === undefined ? {} : { newImage: { text: { S: canonicalJson({ ...config, record: 'config' }) } } }),
    });
    this.#watch.onConfig(subscriptionId, config);
  }

  putState(subscriptionId: string, state: SubscriptionState | undefined): void {
    if (state === undefined) this.states.delete(subscriptionId);
    else this.states.set(subscriptionId, state);
    this.#watch.onState(subscriptionId, state);
  }

  storeFor(invocation: Invocation): SubscriptionStore {
    const call = <Result>(what: string, effect: () => Result) => invocation.call(what, effect);
    return {
      read: (id) => {
        invocation.about.add(id);
        return call('GetItem subscription', () => this.get(id));
      },
      list: (limit, after) =>
        call('Scan subscriptions', () => {
          const ids = [...this.configs.keys()].sort().filter((id) => after === undefined || id > after);
          const subscriptions = ids.slice(0, limit).map((id) => this.get(id));
          const next = ids[limit - 1];
          return ids.length > limit && next !== undefined ? { subscriptions, next } : { subscriptions };
        }),
      allIds: () => this.#allIds(invocation),
      create: (config) =>
        call('PutItem subscription', () => {
          if (this.configs.has(config.subscriptionId)) return false;
          this.putConfig(config.subscriptionId, itemOf(config));
          return true;
        }),
      replace: (expected, next) =>
        call('PutItem subscription', () => {
          if (!this.#holds(next.subscriptionId, expected)) return false;
          this.putConfig(next.subscriptionId, itemOf(next));
          return true;
        }),
      remove: (id, expected) =>
        call('DeleteItem subscription', () => {
          if (expected === undefined ? !this.configs.has(id) : !this.#holds(id, expected)) return false;
          this.putConfig(id, undefined);
          return true;
        }),
      changeState: (id, change) => call('UpdateItem state', () => this.#changeState(id, change)),
      keepGeneratedSecret: (id, secret) =>
        call('UpdateItem state', () => {
          if (this.states.get(id)?.generatedSecrets === undefined)
            this.#changeState(id, { set: { generatedSecrets: [{ secret }] } });
        }),
      removeState: (id) => call('DeleteItem state', () => this.putState(id, undefined)),
    };
  }

  gateFor(invocation: Invocation): DeploymentGate {
    return {
      isClosed: () => invocation.call('GetItem gate', () => false),
      close: () => Promise.reject(new Error('no deployment is deleted here')),
      open: () => Promise.reject(new Error('no deployment is made here')),
    };
  }

  healthFor(invocation: Invocation, id: string): EndpointHealth {
    return { ofEndpoint: (appliedEndpoint) => this.#healthOf(invocation, id, appliedEndpoint) };
  }

  #healthOf(invocation: Invocation, id: string, appliedEndpoint: string | undefined): EndpointHealthStore {
    /** Undefined where the record is gone, or the condition does not hold. */
    const update = (
      change: (state: Mutable<SubscriptionState>) => void,
      condition: (state: SubscriptionState) => boolean = () => true,
    ): Promise<SubscriptionState | undefined> =>
      invocation.call('UpdateItem health', () => {
        const stored = this.states.get(id);
        if (stored === undefined || stored.appliedEndpoint !== appliedEndpoint || !condition(stored)) return undefined;
        const next: Mutable<SubscriptionState> = { ...stored };
        change(next);
        this.putState(id, next);
        return next;
      });
    return {
      recordFailures: ({ count, at, failingSince, movesFailingSince }) =>
        update((state) => {
          if (movesFailingSince || state.failingSince === undefined) state.failingSince = failingSince;
          state.lastFailureAt = at;
          state.failures = (state.failures ?? 0) + count;
        }),
      throttle: (until) =>
        update(
          (state) => {
            state.throttledUntil = until;
          },
          ({ throttledUntil }) => throttledUntil === undefined || throttledUntil < until,
        ),
      endFailing: async ({ deliveredAt, circuit }) => {
        await update((state) => {
          if (deliveredAt !== undefined) state.lastSuccessAt = deliveredAt;
          if (circuit !== undefined) state.circuit = circuit;
          delete state.failingSince;
          delete state.lastFailureAt;
          delete state.failures;
          delete state.failingNotice;
        });
      },
      replaceCircuit: async (expected, next) => {
        const stored = await update(
          (state) => {
            state.circuit = next;
          },
          ({ circuit }) => sameCircuit(circuit, expected),
        );
        return stored !== undefined;
      },
      recordNotice: async (notice) => {
        await update((state) => {
          state.failingNotice = notice;
        });
      },
      disable: async (at, reason) => {
        const stored = await update(
          (state) => {
            state.disabled = { at, reason };
          },
          ({ disabled }) => disabled === undefined,
        );
        return stored !== undefined;
      },
    };
  }

  async *#allIds(invocation: Invocation): AsyncIterable<readonly string[]> {
    const ids = await invocation.call('Scan ids', () => [...new Set([...this.configs.keys(), ...this.states.keys()])]);
    const middle = Math.ceil(ids.length / 2);
    yield ids.slice(0, middle);
    yield ids.slice(middle);
  }

  #changeState(subscriptionId: string, { set = {}, remove = [] }: StateChange): void {
    const removed: readonly string[] = remove;
    const kept = Object.entries(this.states.get(subscriptionId) ?? {}).filter(([name]) => !removed.includes(name));
    this.putState(subscriptionId, {
      provisioning: 'pending',
      ...Object.fromEntries(kept),
      ...set,
      subscriptionId,
    });
  }

  #holds(subscriptionId: string, expected: JsonObject): boolean {
    const config = this.configs.get(subscriptionId);
    return config !== undefined && canonicalJson(config) === canonicalJson(expected);
  }
}

function sameCircuit(one: Circuit | undefined, other: Circuit | undefined): boolean {
  return one?.state === other?.state && one?.since === other?.since;
}

/** As the adapter stores it: the filter as its text. */
function itemOf({ filter, ...config }: SubscriptionConfig): JsonObject {
  const defined = Object.entries(config).filter(([, value]) => value !== undefined) as [string, JsonValue][];
  return { ...Object.fromEntries(defined), ...(filter === undefined ? {} : { filter: JSON.stringify(filter) }) };
}
