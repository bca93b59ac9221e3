import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryTable } from '../../lab/simulator/delivery-table.ts';
import type { SubscriptionTable } from '../../lab/simulator/subscription-table.ts';
import { aRecord, aSubscriber, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { DeliveryWorld } from '../../lab/support/in-memory/delivery-world.ts';
import { InMemoryDeliveries } from '../../lab/support/in-memory/management.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDeliveryHistory } from '../../lambdas/aws/dynamo-delivery-history.ts';
import { dynamoDeliveryLedger } from '../../lambdas/aws/dynamo-delivery-ledger.ts';
import type { DeliveryLedger, LedgerWrite } from '../../lambdas/deliver/ports.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { DeliveryHistory, DeliveryQuery } from '../../lambdas/manage/ports.ts';
import { calmInvocation } from './calm-invocation.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

const subscriptionId = 'sub_1';
let table = 0;

/** Each time with tables of its own. */
async function ledgerInDynamo(): Promise<DeliveryLedger> {
  const { client, createTable } = dynamo;
  const [deliveriesTable, subscriptionsTable] = [`deliveries-${++table}`, `subscriptions-${table}`];
  await createTable('deliveries', deliveriesTable);
  await createTable('subscriptions', subscriptionsTable);
  const { config, state } = aSubscriber();
  for (const [record, item] of Object.entries({ config, state })) {
    const Item = toAttributes({ ...item, subscriptionId, record });
    await client.send(new PutItemCommand({ TableName: subscriptionsTable, Item }));
  }
  return dynamoDeliveryLedger({
    client,
    deliveriesTable,
    subscriptionsTable,
    subscriptionId,
    sleep: async () => undefined,
    random: () => 0,
  });
}

function ledgerInTheSimulator(): DeliveryLedger {
  const subscriptions = { get: () => ({ subscriptionId, ...aSubscriber() }) } as unknown as SubscriptionTable;
  const deliveries = new DeliveryTable(subscriptions, { onRead() {}, onWrite() {} });
  return deliveries.ledgerFor(calmInvocation(), subscriptionId);
}

/** Of what was never tried when it was read. */
function write(parts: Partial<DeliveryRecord>): LedgerWrite {
  return { record: aRecord(parts), known: undefined };
}

describe.each<[string, () => DeliveryLedger | Promise<DeliveryLedger>]>([
  ['DynamoDB', ledgerInDynamo],
  ['memory', () => new DeliveryWorld().ledger],
  ['the simulator', ledgerInTheSimulator],
])('the ledger kept in %s', (_, make) => {
  let ledger: DeliveryLedger;
  beforeEach(async () => {
    ledger = await make();
  });
  const stateOf = async (id: string) => (await ledger.read([id])).records.get(id)?.state;

  it('gives back what was written, less the stored event, with the subscription beside it', async () => {
    const record = aRecord({
      attempts: 2,
      history: [{ at: noon, durationMs: 3, error: 'tls' }],
      nextAttemptAt: noon + 5,
      undeliveredAt: noon,
      messageId: 'sqs-1',
      replayName: 'replay-1',
      lastStatus: 500,
      responseHead: 'oops',
    });
    await ledger.write([write({ ...record, event: '{"id":9007199254740993}' })]);
    const { subscriber, records } = await ledger.read(['msg_1', 'msg_1', 'msg_unknown']);
    expect([...records]).toEqual([['msg_1', record]]);
    expect(subscriber.config).toMatchObject({ url: 'https://receiver.example/hooks', status: 'active' });
    expect(subscriber.state).toMatchObject({ provisioning: 'ready' });
    expect((await ledger.read([])).subscriber.config).toBeDefined();
  });

  it('never forgets a success: what another copy under way at once did not deliver does not overwrite it', async () => {
    await ledger.write([write({ webhookId: 'copied', state: 'delivered' })]);
    for (const replayName of [undefined, 'replay', 'resend']) {
      for (const state of ['retrying', 'exhausted', 'discarded'] as const) {
        const failed = { state, ...(replayName === undefined ? {} : { replayName }) };
        await ledger.write([write({ ...failed, webhookId: 'copied' }), write({ ...failed, webhookId: 'other' })]);
        expect(await stateOf('copied')).toBe('delivered');
        expect(await stateOf('other')).toBe(state);
      }
    }
    await ledger.write([]);
  });

  it('lets what was to be sent again fail in place of the success that was known, and of no later one', async () => {
    const first = aRecord({ state: 'delivered', lastAttemptAt: noon });
    const second = aRecord({ state: 'delivered', lastAttemptAt: noon + 7, replayName: 'one' });
    const failed = aRecord({ state: 'retrying', lastAttemptAt: noon + 9, replayName: 'other' });
    await ledger.write([{ record: first, known: undefined }]);
    await ledger.write([{ record: second, known: first }]);
    await ledger.write([{ record: failed, known: first }]);
    expect(await stateOf('msg_1')).toBe('delivered');
    await ledger.write([{ record: failed, known: second }]);
    expect(await stateOf('msg_1')).toBe('retrying');
    // Nor does what it was read from matter where nothing was delivered.
    await ledger.write([{ record: { ...failed, state: 'exhausted' }, known: first }]);
    expect(await stateOf('msg_1')).toBe('exhausted');
  });

  it('lets an attempt besides the retries say nothing of an event that was tried meanwhile', async () => {
    const first = aRecord({ state: 'retrying', attempts: 1, lastAttemptAt: noon });
    const second = aRecord({ state: 'retrying', attempts: 2, lastAttemptAt: noon + 7 });
    const besides = aRecord({ state: 'retrying', attempts: 1, lastAttemptAt: noon + 9 });
    const attemptsOf = async () => (await ledger.read(['msg_1'])).records.get('msg_1')?.attempts;
    await ledger.write([{ record: first, known: undefined }]);
    await ledger.write([{ record: second, known: first }]);
    await ledger.write([{ record: besides, known: first, isBesidesRetries: true }]);
    expect(await attemptsOf()).toBe(2);
    await ledger.write([{ record: besides, known: second, isBesidesRetries: true }]);
    expect(await attemptsOf()).toBe(1);
    await ledger.write([{ record: { ...besides, state: 'delivered' }, known: first, isBesidesRetries: true }]);
    expect(await stateOf('msg_1')).toBe('delivered');
  });

  it('lets it fail also where people wrote the success, without its time', async () => {
    const success = aRecord({ state: 'delivered' });
    await ledger.write([{ record: success, known: undefined }]);
    await ledger.write([{ record: aRecord({ state: 'retrying', replayName: 'resend' }), known: success }]);
    expect(await stateOf('msg_1')).toBe('retrying');
  });

  it('takes more in one go than a call of DynamoDB does', async () => {
    const ids = Array.from({ length: 130 }, (__, index) => `msg_${index}`);
    await ledger.write(ids.map((webhookId) => write({ webhookId, state: 'delivered' })));
    expect([...(await ledger.read(ids)).records.keys()].sort()).toEqual([...ids].sort());
  });
});

/** Of records that are there already. */
async function historyInDynamo(records: readonly DeliveryRecord[]): Promise<DeliveryHistory> {
  const name = `deliveries-${++table}`;
  await dynamo.createTable('deliveries', name);
  for (const record of records) {
    await dynamo.client.send(new PutItemCommand({ TableName: name, Item: toAttributes({ ...record }) }));
  }
  return dynamoDeliveryHistory({ client: dynamo.client, tableName: name, sleep: async () => {}, random: () => 0 });
}

async function historyInMemory(records: readonly DeliveryRecord[]): Promise<DeliveryHistory> {
  const history = new InMemoryDeliveries();
  history.records.push(...records);
  return history;
}

describe.each<[string, (records: readonly DeliveryRecord[]) => Promise<DeliveryHistory>]>([
  ['DynamoDB', historyInDynamo],
  ['memory', historyInMemory],
])('the history of deliveries kept in %s', (_, make) => {
  let history: DeliveryHistory;
  beforeEach(async () => {
    const states = ['delivered', 'retrying', 'exhausted', 'discarded'] as const;
    const records = Array.from({ length: 40 }, (__, index) => {
      const state = states[index % 4] ?? 'delivered';
      const { undeliveredAt: ___, ...record } = aRecord({ webhookId: `msg_${index}`, state, event: '{}' });
      if (state === 'delivered') return { ...record, lastStatus: 200, eventType: 'new_message' };
      return { ...record, undeliveredAt: index * 1000, replayName: 'r1', lastStatus: 500 + (index % 4) };
    });
    history = await make([...records, aRecord({ subscriptionId: 'sub_other' })]);
  });

  async function all(query: Omit<DeliveryQuery, 'limit'>, limit = 7): Promise<DeliveryRecord[]> {
    const found: DeliveryRecord[] = [];
    let after: DeliveryQuery['after'];
    do {
      const page = await history.list(subscriptionId, { ...query, limit, ...(after === undefined ? {} : { after }) });
      expect(page.deliveries.length).toBeLessThanOrEqual(limit);
      found.push(...page.deliveries);
      after = page.next;
    } while (after !== undefined);
    expect(new Set(found.map(({ webhookId }) => webhookId)).size).toBe(found.length);
    return found;
  }

  it('finds one, with its event, and none that was never tried', async () => {
    expect(await history.read(subscriptionId, 'msg_1')).toMatchObject({ webhookId: 'msg_1', event: '{}' });
    expect(await history.read(subscriptionId, 'msg_99')).toBeUndefined();
    expect(await history.read('sub_none', 'msg_1')).toBeUndefined();
  });

  it('lists what was not delivered, the newest failure first', async () => {
    const times = (await all({ state: 'undelivered' })).map(({ undeliveredAt = 0 }) => undeliveredAt);
    expect(times).toHaveLength(30);
    expect(times).toEqual([...times].sort((one, other) => other - one));
  });

  it('lists by state, time, replay, event type and the last status', async () => {
    expect(await all({})).toHaveLength(40);
    expect(await all({ state: 'delivered' })).toHaveLength(10);
    expect(await all({ state: 'exhausted' })).toHaveLength(10);
    expect(await all({ state: 'undelivered', from: 9_000, to: 11_000 })).toHaveLength(3);
    expect(await all({ replayName: 'r1' })).toHaveLength(30);
    expect(await all({ replayName: 'r2' })).toHaveLength(0);
    expect(await all({ eventType: 'new_message' })).toHaveLength(10);
    expect(await all({ lastStatus: { from: 500, to: 502 } })).toHaveLength(20);
    expect(await all({ state: 'undelivered', lastStatus: { from: 503, to: 503 } })).toHaveLength(10);
  });

  it('hands out the stored event only when it is asked for', async () => {
    expect((await all({ state: 'exhausted' }))[0]).not.toHaveProperty('event');
    expect((await all({ state: 'exhausted', withEvent: true }))[0]?.event).toBe('{}');
  });
});
