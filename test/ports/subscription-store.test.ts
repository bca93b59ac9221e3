import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SubscriptionTable } from '../../lab/simulator/subscription-table.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { InMemorySubscriptions } from '../../lab/support/in-memory/subscriptions.ts';
import { fieldSamples } from '../../lab/support/subscription-samples.ts';
import { aSecret, itemRules } from '../../lab/support/subscriptions.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDeploymentGate, dynamoSubscriptionStore } from '../../lambdas/aws/dynamo-subscription-store.ts';
import type { SubscriptionConfig } from '../../lambdas/domain/subscriptions/subscription.ts';
import { fieldNames, type ReadFields } from '../../lambdas/domain/subscriptions/subscription-fields.ts';
import { readSubscriptionItem } from '../../lambdas/domain/subscriptions/subscription-item.ts';
import { type JsonObject, parseJson } from '../../lambdas/json/json.ts';
import type { SubscriptionStore } from '../../lambdas/ports/subscription-store.ts';
import { createChangeStream } from '../../local/aws/engine/change-stream.ts';
import { systemClock } from '../../local/aws/engine/engine-clock.ts';
import { calmInvocation } from './calm-invocation.ts';

const TableName = 'subscriptions';

let dynamo: EmbeddedDynamo;
let client: DynamoDBClient;

beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
  client = dynamo.client;
});
afterAll(() => dynamo.stop());

function aStore(): SubscriptionStore {
  return dynamoSubscriptionStore({ client, tableName: TableName, sleep: async () => undefined, random: () => 0 });
}

function aStream() {
  return createChangeStream({
    clock: systemClock(),
    region: 'us-east-1',
    tableArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/subscriptions',
  });
}

let count = 0;
function aConfig(fields: Partial<SubscriptionConfig> = {}): SubscriptionConfig {
  return {
    subscriptionId: `sub_${count++}`,
    url: 'https://hooks.example.com/',
    eventTypes: ['new_message', 'new_meeting'],
    orgIds: ['9007199254740993'],
    filter: parseJson('{"price":[300.0],"nested":{"id":[9007199254740993]}}') as JsonObject,
    headers: { authorization: 'Bearer x' },
    status: 'active',
    secrets: [{ secret: aSecret }, { secret: aSecret, expiresAt: 5 }],
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...fields,
  };
}

// One suite, run against what is deployed and against what the other tests and the simulator use in its place.
describe.each<[string, () => SubscriptionStore]>([
  ['DynamoDB', aStore],
  ['memory', () => new InMemorySubscriptions()],
  ['the simulator', () => new SubscriptionTable(aStream(), { onConfig() {}, onState() {} }).storeFor(calmInvocation())],
])('subscriptions kept in %s', (_, make) => {
  let store: SubscriptionStore;
  beforeEach(() => {
    store = make();
  });

  async function created(config = aConfig()): Promise<JsonObject> {
    expect(await store.create(config)).toBe(true);
    const { config: item } = await store.read(config.subscriptionId);
    if (item === undefined) throw new Error('not there');
    return item;
  }

  it('come back as they were written, to the last digit', async () => {
    const config = aConfig();
    const read = readSubscriptionItem(await created(config), itemRules());
    expect(JSON.stringify(read)).toBe(JSON.stringify({ kind: 'valid', config: read.kind === 'valid' && read.config }));
    expect(JSON.stringify(read.kind === 'valid' && read.config.filter)).toBe(
      '{"price":[300.0],"nested":{"id":[9007199254740993]}}',
    );
    expect(read.kind === 'valid' && read.config.secrets).toEqual(config.secrets);
  });

  it('are created once', async () => {
    const config = aConfig();
    await created(config);
    expect(await store.create(config)).toBe(false);
  });

  it('are replaced only as long as they are what was read', async () => {
    const config = aConfig();
    const first = await created(config);
    expect(await store.replace(first, { ...config, updatedAt: '2026-01-02T00:00:00.000Z' })).toBe(true);
    expect(await store.replace(first, { ...config, description: 'too late' })).toBe(false);
  });

  it.each<[string, Partial<SubscriptionConfig>]>([
    ['an entry of a list', { eventTypes: ['new_message', 'phone_captured'] }],
    ['the length of a list', { eventTypes: ['new_message'] }],
    ['a header', { headers: { authorization: 'Bearer y' } }],
    ['a new field', { description: 'new' }],
    ['a secret', { secrets: [{ secret: aSecret }] }],
  ])('are not replaced when somebody has changed %s', async (__, change) => {
    const config = aConfig();
    const item = await created(config);
    await store.replace(item, { ...config, ...change });
    expect(await store.replace(item, { ...config, url: 'https://late.example.com/' })).toBe(false);
    expect(await store.remove(config.subscriptionId, item)).toBe(false);
  });

  it.each([...fieldNames, 'secrets', 'createdAt'] as const)(
    'are not replaced once somebody has added %s meanwhile',
    async (name) => {
      const config = { ...aConfig({ createdAt: 'x' }), ...(fieldSamples as ReadFields) };
      const { [name]: _, ...without } = config;
      const item = await created(without as SubscriptionConfig);
      expect(await store.replace(item, config)).toBe(true);
      expect(await store.replace(item, without as SubscriptionConfig)).toBe(false);
    },
  );

  it('with more than a hundred values are still replaced, not after a change of the last, and once by two who race', async () => {
    const many = (length: number, prefix: string) => Array.from({ length }, (___, index) => `${prefix}${index}`);
    const config = aConfig({
      eventTypes: many(50, 'type_'),
      orgIds: many(50, '12345'),
      headers: Object.fromEntries(many(20, 'x-header-').map((name) => [name, 'v'])),
      secrets: many(20, '').map(() => ({ secret: aSecret, expiresAt: 5 })),
    });
    const item = await created(config);
    const headers = { ...config.headers, 'x-header-19': 'changed' };
    expect(await store.replace(item, { ...config, headers })).toBe(true);
    expect(await store.replace(item, { ...config, url: 'https://late.example.com/' })).toBe(false);
    const { config: changed = {} } = await store.read(config.subscriptionId);
    const outcomes = await Promise.all(
      [1, 2].map((day) => store.replace(changed, { ...config, updatedAt: `2026-02-0${day}T00:00:00.000Z` })),
    );
    expect(outcomes.sort()).toEqual([false, true]);
  });

  it('are removed once', async () => {
    const config = aConfig();
    await created(config);
    expect(await store.remove(config.subscriptionId)).toBe(true);
    expect(await store.remove(config.subscriptionId)).toBe(false);
  });

  it('have a state of their own, whose attributes are set and removed one by one', async () => {
    const { subscriptionId } = aConfig();
    await store.changeState(subscriptionId, { set: { provisioning: 'pending', reason: 'a quota' } });
    await store.changeState(subscriptionId, { set: { provisioning: 'ready' }, remove: ['reason', 'circuit'] });
    await store.changeState(subscriptionId, { remove: ['disabled'] });
    expect((await store.read(subscriptionId)).state).toEqual({ subscriptionId, provisioning: 'ready' });
    await store.removeState(subscriptionId);
    expect((await store.read(subscriptionId)).state).toBeUndefined();
  });

  it('count a state as pending whose provisioning nobody has written yet', async () => {
    const { subscriptionId } = aConfig();
    await store.changeState(subscriptionId, { set: { reason: 'a quota' } });
    expect((await store.read(subscriptionId)).state).toEqual({
      subscriptionId,
      provisioning: 'pending',
      reason: 'a quota',
    });
  });

  it('are not removed by who read them before a change, and by whoever has not read them', async () => {
    const config = aConfig();
    const item = await created(config);
    const { filter: _filter, ...plain } = config;
    expect(await store.replace(item, plain)).toBe(true);
    const { config: changed = {} } = await store.read(config.subscriptionId);
    expect(changed).not.toHaveProperty('filter');
    expect(await store.remove(config.subscriptionId, item)).toBe(false);
    expect(await store.remove(config.subscriptionId, changed)).toBe(true);
    expect((await store.read(config.subscriptionId)).config).toBeUndefined();
  });

  it('keep the first secret that was generated for them', async () => {
    const { subscriptionId } = aConfig();
    await store.keepGeneratedSecret(subscriptionId, 'whsec_first');
    await store.keepGeneratedSecret(subscriptionId, 'whsec_second');
    expect((await store.read(subscriptionId)).state?.generatedSecrets).toEqual([{ secret: 'whsec_first' }]);
  });

  it('change a state only where what they expect is still stored', async () => {
    const { subscriptionId } = aConfig();
    const first = { set: { cancelledReplays: ['a'] }, expected: { cancelledReplays: undefined } };
    expect(await store.changeState(subscriptionId, first)).toBe(true);
    expect(await store.changeState(subscriptionId, first)).toBe(false);
    const second = { set: { cancelledReplays: ['a', 'b'] }, expected: { cancelledReplays: ['a'] } };
    expect(await store.changeState(subscriptionId, second)).toBe(true);
    expect(await store.changeState(subscriptionId, { ...second, set: { reason: 'late' } })).toBe(false);
    expect((await store.read(subscriptionId)).state).toMatchObject({ cancelledReplays: ['a', 'b'] });
    expect((await store.read(subscriptionId)).state).not.toHaveProperty('reason');
  });

  it('are listed page by page, each once, with their states', async () => {
    const ids = new Set<string>();
    for (let index = 0; index < 7; index++) {
      const config = aConfig();
      ids.add(config.subscriptionId);
      await created(config);
      await store.changeState(config.subscriptionId, { set: { provisioning: 'ready' } });
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.list(3, after);
      expect(page.subscriptions.length).toBeLessThanOrEqual(3);
      for (const { subscriptionId, state } of page.subscriptions) {
        if (ids.has(subscriptionId)) expect(state?.provisioning).toBe('ready');
        seen.push(subscriptionId);
      }
      after = page.next;
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => ids.has(id)).length).toBe(7);

    const all = new Set<string>();
    for await (const page of store.allIds()) for (const id of page) all.add(id);
    expect([...ids].filter((id) => !all.has(id))).toEqual([]);
  });
});

describe('an item that somebody put into the table', () => {
  it('may hold sets, and can be replaced like any other', async () => {
    const store = aStore();
    const item = { subscriptionId: 'by-hand', record: 'config', url: 'https://hooks.example.com/' };
    await client.send(
      new PutItemCommand({
        TableName,
        Item: {
          ...toAttributes(item),
          eventTypes: { SS: ['new_message', 'new_meeting'] },
          orgIds: { NS: ['9007199254740993'] },
        },
      }),
    );
    const { config = {} } = await store.read('by-hand');
    const read = readSubscriptionItem(config, itemRules());
    if (read.kind === 'invalid') throw new Error(JSON.stringify(read.errors));
    expect([...read.config.eventTypes].sort()).toEqual(['new_meeting', 'new_message']);
    expect(read.config.orgIds).toEqual(['9007199254740993']);
    expect(await store.replace(config, { ...read.config, status: 'paused' })).toBe(true);
  });
});

describe('the deployment gate', () => {
  it('is open until it is closed, is no subscription, and opens again', async () => {
    const gate = dynamoDeploymentGate(client, TableName);
    const store = aStore();
    expect(await gate.isClosed()).toBe(false);
    const request = {
      RequestType: 'Delete' as const,
      ResponseURL: 'u',
      StackId: 's',
      RequestId: 'r',
      LogicalResourceId: 'l',
    };
    const teardown = { request, startedAt: 5 } as const;
    await gate.close(teardown);
    expect(await gate.isClosed()).toBe(true);
    expect(await gate.teardown()).toEqual(teardown);
    const ids: string[] = [];
    for await (const page of store.allIds()) ids.push(...page);
    expect(ids.filter((id) => id.startsWith('#'))).toEqual([]);
    await gate.open();
    expect(await gate.isClosed()).toBe(false);
    expect(await gate.teardown()).toBeUndefined();
  });

  it.each(['config', 'state', 'lease', 'deployment'])(
    'is not closed by an item of the id #deployment, record %s, that somebody puts there',
    async (record) => {
      const Item = {
        subscriptionId: { S: '#deployment' },
        record: { S: record },
        url: { S: 'https://x.example.com/' },
      };
      await client.send(new PutItemCommand({ TableName, Item }));
      await aStore().changeState('#deployment', { set: { provisioning: 'rejected' } });
      expect(await dynamoDeploymentGate(client, TableName).isClosed()).toBe(false);
    },
  );
});
