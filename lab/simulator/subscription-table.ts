import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import type { EndpointHealth } from '../../lambdas/deliver/ports.ts';
import type { SubscriptionStore } from '../../lambdas/ports/subscription-store.ts';
import type { DeploymentGate, RouteLeases } from '../../lambdas/provision/ports.ts';
import type { ChangeStream } from '../../local/aws/engine/change-stream.ts';
import { inMemoryEndpointHealth } from '../support/in-memory/endpoint-health.ts';
import { InMemoryLeases } from '../support/in-memory/route-leases.ts';
import { InMemorySubscriptions, type SubscriptionWatch } from '../support/in-memory/subscriptions.ts';
import type { Invocation } from './invocation.ts';

/** The subscriptions table, the stream of its `config` records, and the ports of one invocation to it. */
export class SubscriptionTable extends InMemorySubscriptions {
  readonly leases = new InMemoryLeases();

  constructor(stream: ChangeStream, watch: SubscriptionWatch) {
    super({
      onConfig(subscriptionId, config, before) {
        stream.append({
          keys: { subscriptionId: { S: subscriptionId }, record: { S: 'config' } },
          ...(before === undefined ? {} : { oldImage: toAttributes(before) }),
          ...(config === undefined ? {} : { newImage: toAttributes(config) }),
        });
        watch.onConfig(subscriptionId, config, before);
      },
      onState: (subscriptionId, state) => watch.onState(subscriptionId, state),
    });
  }

  storeFor(invocation: Invocation): SubscriptionStore {
    const call = <Result>(what: string, effect: () => Promise<Result>) => invocation.call(what, effect);
    const allIds = this.allIds.bind(this);
    const { leases } = this;
    return {
      read: (id) => {
        invocation.about.add(id);
        return call('GetItem subscription', () => this.read(id));
      },
      list: (limit, after) => call('Scan subscriptions', () => this.list(limit, after)),
      async *allIds() {
        yield* await call('Scan ids', () => Array.fromAsync(allIds()));
        yield await call('Scan ids', async () => [...leases.leases.keys()]);
      },
      create: (config) => call('PutItem subscription', () => this.create(config)),
      replace: (expected, next) => call('PutItem subscription', () => this.replace(expected, next)),
      remove: (id, expected) => call('DeleteItem subscription', () => this.remove(id, expected)),
      changeState: (id, change) => call('UpdateItem state', () => this.changeState(id, change)),
      keepGeneratedSecret: (id, secret) => call('UpdateItem state', () => this.keepGeneratedSecret(id, secret)),
      removeState: (id) => call('DeleteItem state', () => this.removeState(id)),
    };
  }

  leasesFor(invocation: Invocation): RouteLeases {
    return {
      take: (id, lease) => {
        invocation.about.add(id);
        return invocation.call('UpdateItem lease', () => this.leases.take(id, lease));
      },
      release: (id, holder, unsettled) =>
        invocation.call('UpdateItem lease', () => this.leases.release(id, holder, unsettled)),
    };
  }

  gateFor(invocation: Invocation): DeploymentGate {
    return {
      isClosed: () => invocation.call('GetItem gate', () => false),
      teardown: () => invocation.call('GetItem gate', () => undefined),
      close: () => Promise.reject(new Error('no deployment is deleted here')),
      open: () => Promise.reject(new Error('no deployment is made here')),
    };
  }

  healthFor(invocation: Invocation, id: string): EndpointHealth {
    return inMemoryEndpointHealth(
      { get: () => this.states.get(id), set: (state) => this.putState(id, state) },
      (effect) => invocation.call('UpdateItem health', effect),
    );
  }
}
