import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aSubscriber, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { inMemoryEndpointHealth } from '../../lab/support/in-memory/endpoint-health.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoEndpointHealth } from '../../lambdas/aws/dynamo-endpoint-health.ts';
import { dynamoSubscriptionStore } from '../../lambdas/aws/dynamo-subscription-store.ts';
import type { EndpointHealth, EndpointHealthStore } from '../../lambdas/deliver/ports.ts';
import type { SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

interface Subject {
  readonly health: EndpointHealth;
  readonly stored: () => Promise<SubscriptionState | undefined>;
}

let count = 0;
const freshState = (subscriptionId: string, appliedEndpoint: string | undefined) =>
  ({
    ...aSubscriber().state,
    subscriptionId,
    ...(appliedEndpoint === undefined ? {} : { appliedEndpoint }),
  }) as SubscriptionState;

async function inDynamo(isThere: boolean, appliedEndpoint?: string): Promise<Subject> {
  const subscriptionId = `sub_${++count}`;
  const { client } = dynamo;
  const Item = toAttributes({ ...freshState(subscriptionId, appliedEndpoint), record: 'state' });
  if (isThere) await client.send(new PutItemCommand({ TableName: 'subscriptions', Item }));
  const store = dynamoSubscriptionStore({
    client,
    tableName: 'subscriptions',
    sleep: async () => undefined,
    random: () => 0,
  });
  return {
    health: dynamoEndpointHealth(client, 'subscriptions', subscriptionId),
    stored: async () => (await store.read(subscriptionId)).state,
  };
}

/** What the functions' tests and the simulator use. */
async function inMemory(isThere: boolean, appliedEndpoint?: string): Promise<Subject> {
  let state = isThere ? freshState('sub_1', appliedEndpoint) : undefined;
  const record = {
    get: () => state,
    set: (next: SubscriptionState) => {
      state = next;
    },
  };
  return { health: inMemoryEndpointHealth(record), stored: async () => state };
}

describe.each<[string, (isThere: boolean, appliedEndpoint?: string) => Promise<Subject>]>([
  ['DynamoDB', inDynamo],
  ['memory', inMemory],
])("an endpoint's health kept in %s", (_, make) => {
  let health: EndpointHealthStore;
  let stored: Subject['stored'];
  beforeEach(async () => {
    const made = await make(true);
    health = made.health.ofEndpoint(undefined);
    stored = made.stored;
  });
  const failure = { count: 2, at: noon, failingSince: noon };

  it('counts failures from their first, also when several functions count at once', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (__, index) => health.recordFailures({ ...failure, failingSince: noon + index })),
    );
    const state = await stored();
    expect(state?.failures).toBe(40);
    const after = await health.recordFailures({ ...failure, failingSince: noon + 999 });
    expect(after).toMatchObject({ failures: 42, failingSince: state?.failingSince, provisioning: 'ready' });
    const before = { failingSince: state?.failingSince ?? 0 };
    const moved = await health.recordFailures({ ...failure, failingSince: noon + 999 }, before);
    expect(moved).toMatchObject({ failures: 44, failingSince: noon + 999 });
    // That streak has ended.
    expect(await health.recordFailures({ ...failure, failingSince: noon + 1999 }, before)).toBeUndefined();
    expect(await stored()).toMatchObject({ failures: 44, failingSince: noon + 999 });
  });

  it('ends the streak with a success and leaves what others write', async () => {
    const before = await stored();
    await health.recordFailures(failure);
    await health.recordNotice(1);
    await health.endFailing({ deliveredAt: noon + 5, circuit: { state: 'ramping', since: noon + 5, probes: 1 } });
    expect(await stored()).toEqual({
      ...before,
      lastSuccessAt: noon + 5,
      circuit: { state: 'ramping', since: noon + 5, probes: 1 },
    });
  });

  it('never shortens a throttle', async () => {
    expect((await health.throttle(noon + 100))?.throttledUntil).toBe(noon + 100);
    expect(await health.throttle(noon + 50)).toBeUndefined();
    expect((await stored())?.throttledUntil).toBe(noon + 100);
    // An older version believed a `Retry-After` of a year.
    await health.throttle(noon + 365 * 24 * 3600 * 1000);
    expect((await health.throttle(noon + 50))?.throttledUntil).toBe(noon + 50);
  });

  it('ends the streak, and nothing else, where the endpoint works but took no event', async () => {
    const before = await stored();
    await health.recordFailures(failure);
    await health.endFailing({ deliveredAt: undefined, circuit: undefined });
    expect(await stored()).toEqual(before);
  });

  it('is not written about an endpoint that has been changed since', async () => {
    const made = await make(true, 'hash of the new url');
    const ofTheOld = made.health.ofEndpoint('hash of the old url');
    const circuit = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 30, probes: 0 } as const;
    expect(await ofTheOld.recordFailures(failure)).toBeUndefined();
    expect(await made.health.ofEndpoint(undefined).throttle(noon + 100)).toBeUndefined();
    expect(await ofTheOld.replaceCircuit(undefined, circuit)).toBe(false);
    expect(await ofTheOld.disable(noon, 'gone')).toBe(false);
    await ofTheOld.endFailing({ deliveredAt: noon, circuit: undefined });
    expect(await made.stored()).not.toHaveProperty('lastSuccessAt');
    expect(await made.health.ofEndpoint('hash of the new url').disable(noon, 'gone')).toBe(true);
  });

  it('lets one of many open the circuit, and one disable the subscription', async () => {
    const open = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 30, probes: 0 } as const;
    const won = await Promise.all(
      Array.from({ length: 10 }, (__, index) => health.replaceCircuit(undefined, { ...open, since: noon + index })),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    const circuit = { ...open, since: noon + won.indexOf(true) };
    expect(await health.replaceCircuit({ ...circuit, since: 1 }, { ...circuit, probes: 1 })).toBe(false);
    expect(await health.replaceCircuit(circuit, { state: 'ramping', since: noon + 60, probes: 0 })).toBe(true);
    expect(await health.replaceCircuit(circuit, circuit)).toBe(false);
    const disabled = await Promise.all(Array.from({ length: 10 }, (__, index) => health.disable(noon + index, 'gone')));
    expect(disabled.filter(Boolean)).toHaveLength(1);
    expect((await stored())?.disabled).toEqual({ at: noon + disabled.indexOf(true), reason: 'gone' });
  });

  it('takes a change that is done for done: the SDK repeats a write whose answer was lost', async () => {
    const during = { failingSince: noon };
    await health.recordFailures(failure);
    const open = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 60, probes: 0 } as const;
    const later = { ...open, probeAt: noon + 120, probes: 1 };
    for (const expected of [undefined, open]) {
      const next = expected === undefined ? open : later;
      for (const _time of [1, 2]) expect(await health.replaceCircuit(expected, next, during)).toBe(true);
    }
    // Somebody has been there since.
    expect(await health.replaceCircuit(undefined, open, during)).toBe(false);
    for (const _time of [1, 2]) expect((await health.throttle(noon + 100))?.throttledUntil).toBe(noon + 100);
    for (const _time of [1, 2]) expect(await health.disable(noon, 'gone', during)).toBe(true);
    expect(await health.disable(noon + 1, 'gone', during)).toBe(false);
  });

  it('opens no circuit, disables nothing and keeps no notice for a streak that a success has ended', async () => {
    const circuit = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 30, probes: 0 } as const;
    const during = { failingSince: noon };
    await health.recordFailures(failure);
    await health.endFailing({ deliveredAt: noon + 1, circuit: undefined });
    const ended = await stored();
    for (const failsAgain of [false, true]) {
      if (failsAgain) await health.recordFailures({ ...failure, at: noon + 2, failingSince: noon + 2 });
      expect(await health.replaceCircuit(undefined, circuit, during)).toBe(false);
      expect(await health.disable(noon, 'no delivery succeeded', during)).toBe(false);
      await health.recordNotice(2, during);
    }
    const { failingSince, lastFailureAt, failures, ...rest } = (await stored()) ?? {};
    expect(rest).toEqual(ended);
    expect({ failingSince, lastFailureAt, failures }).toEqual({
      failingSince: noon + 2,
      lastFailureAt: noon + 2,
      failures: 2,
    });
    const lasting = { failingSince: noon + 2 };
    await health.recordNotice(1, lasting);
    expect(await health.replaceCircuit(undefined, circuit, lasting)).toBe(true);
    expect(await health.disable(noon, 'no delivery succeeded', lasting)).toBe(true);
    expect(await stored()).toMatchObject({ failingNotice: 1, circuit });
  });

  it('brings no record back of a subscription that was deleted', async () => {
    const made = await make(false);
    health = made.health.ofEndpoint(undefined);
    expect(await health.recordFailures(failure)).toBeUndefined();
    expect(await health.throttle(noon)).toBeUndefined();
    await health.endFailing({ deliveredAt: noon, circuit: undefined });
    await health.recordNotice(1);
    expect(await health.replaceCircuit(undefined, { state: 'ramping', since: noon, probes: 0 })).toBe(false);
    expect(await health.disable(noon, 'x')).toBe(false);
    expect(await made.stored()).toBeUndefined();
  });
});
