import { type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aRecord, aSubscriber, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { fromAttributes, toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDeliveryLedger } from '../../lambdas/aws/dynamo-delivery-ledger.ts';
import { dynamoEndpointHealth } from '../../lambdas/aws/dynamo-endpoint-health.ts';
import { tableSchemas } from '../../lambdas/contracts/table-schemas.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';

let dynamo: EmbeddedDynamo;
let client: DynamoDBClient;
const { deliveries } = tableSchemas;

beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
  client = dynamo.client;
});
afterAll(() => dynamo.stop());

function aLedger(subscriptionId: string, on = client) {
  return dynamoDeliveryLedger({
    client: on,
    deliveriesTable: 'deliveries',
    subscriptionsTable: 'subscriptions',
    subscriptionId,
    sleep: async () => undefined,
    random: () => 0,
  });
}

async function storeSubscription(subscriptionId: string, more: Partial<SubscriptionState> = {}): Promise<void> {
  const { config, state } = aSubscriber({ state: more });
  for (const [record, item] of Object.entries({ config, state })) {
    const Item = toAttributes({ ...item, subscriptionId, record });
    await client.send(new PutItemCommand({ TableName: 'subscriptions', Item }));
  }
}

async function storedState(subscriptionId: string) {
  const Key = toAttributes({ subscriptionId, record: 'state' });
  const { Item } = await client.send(new GetItemCommand({ TableName: 'subscriptions', Key, ConsistentRead: true }));
  return Item && fromAttributes(Item);
}

describe('the ledger in DynamoDB', () => {
  it('gives back what was written, less the stored event and response, with the subscription beside it', async () => {
    await storeSubscription('sub_a');
    const record: DeliveryRecord = aRecord({
      subscriptionId: 'sub_a',
      attempts: 2,
      history: [{ at: noon, durationMs: 3, error: 'tls' }],
      nextAttemptAt: noon + 5,
      undeliveredAt: noon,
      messageId: 'sqs-1',
      replayName: 'replay-1',
      lastStatus: 500,
    });
    await aLedger('sub_a').write([{ ...record, event: '{"id":9007199254740993}', responseHead: 'oops' }]);
    const { subscriber, records } = await aLedger('sub_a').read(['msg_1', 'msg_1', 'msg_unknown']);
    expect([...records]).toEqual([['msg_1', record]]);
    expect(subscriber.config).toMatchObject({ url: 'https://receiver.example/hooks', status: 'active' });
    expect(subscriber.state).toMatchObject({ provisioning: 'ready' });
    const Key = toAttributes({ subscriptionId: 'sub_a', webhookId: 'msg_1' });
    const { Item } = await client.send(new GetItemCommand({ TableName: 'deliveries', Key }));
    expect(Item?.event).toEqual({ S: '{"id":9007199254740993}' });
  });

  it('knows nothing of other subscriptions, and reads the subscription alone for a probe', async () => {
    await storeSubscription('sub_b');
    const { records } = await aLedger('sub_b').read(['msg_1']);
    expect(records.size).toBe(0);
    expect((await aLedger('sub_b').read([])).subscriber.config).toBeDefined();
    expect((await aLedger('sub_none').read([])).subscriber).toEqual({});
  });

  it('answers "what was never delivered, and why" with one query', async () => {
    const ledger = aLedger('sub_c');
    await ledger.write([
      aRecord({
        subscriptionId: 'sub_c',
        webhookId: 'one',
        undeliveredAt: noon,
        state: 'exhausted',
        reason: 'all failed',
      }),
      aRecord({ subscriptionId: 'sub_c', webhookId: 'two', undeliveredAt: noon + 5 }),
      aRecord({ subscriptionId: 'sub_c', webhookId: 'three', state: 'delivered' }),
    ]);
    await ledger.write([aRecord({ subscriptionId: 'sub_c', webhookId: 'two', state: 'delivered' })]);
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: 'deliveries',
        IndexName: deliveries.index.name,
        KeyConditionExpression: 'subscriptionId = :id AND undeliveredAt >= :since',
        ExpressionAttributeValues: toAttributes({ ':id': 'sub_c', ':since': noon }),
      }),
    );
    expect(Items.map(({ webhookId, reason }) => [webhookId?.S, reason?.S])).toEqual([['one', 'all failed']]);
  });

  it('never forgets a success: the failure of another copy does not overwrite it, that of a replay does', async () => {
    const ledger = aLedger('sub_d');
    const stateOf = async (id: string) => (await ledger.read([id])).records.get(id)?.state;
    await ledger.write([aRecord({ subscriptionId: 'sub_d', webhookId: 'copied', state: 'delivered' })]);
    await ledger.write([
      aRecord({ subscriptionId: 'sub_d', webhookId: 'copied', state: 'retrying' }),
      aRecord({ subscriptionId: 'sub_d', webhookId: 'other', state: 'retrying' }),
    ]);
    expect(await stateOf('copied')).toBe('delivered');
    expect(await stateOf('other')).toBe('retrying');
    await ledger.write([aRecord({ subscriptionId: 'sub_d', webhookId: 'other', state: 'exhausted' })]);
    expect(await stateOf('other')).toBe('exhausted');
    await ledger.write([
      aRecord({ subscriptionId: 'sub_d', webhookId: 'copied', state: 'retrying', replayName: 'again' }),
    ]);
    expect(await stateOf('copied')).toBe('retrying');
  });
});

describe("an endpoint's health in DynamoDB", () => {
  const health = (subscriptionId: string, appliedEndpoint?: string) =>
    dynamoEndpointHealth(client, 'subscriptions', subscriptionId).ofEndpoint(appliedEndpoint);
  const failure = { count: 2, at: noon, failingSince: noon, movesFailingSince: false };

  it('counts failures from their first, also when several functions count at once', async () => {
    await storeSubscription('sub_d');
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        health('sub_d').recordFailures({ ...failure, failingSince: noon + index }),
      ),
    );
    const state = await storedState('sub_d');
    expect(state?.failures).toBe(40);
    const after = await health('sub_d').recordFailures({ ...failure, failingSince: noon + 999 });
    expect(after).toMatchObject({ failures: 42, failingSince: state?.failingSince, provisioning: 'ready' });
    const moved = await health('sub_d').recordFailures({
      ...failure,
      failingSince: noon + 999,
      movesFailingSince: true,
    });
    expect(moved?.failingSince).toBe(noon + 999);
  });

  it('ends the streak with a success and leaves what others write', async () => {
    await storeSubscription('sub_e');
    await health('sub_e').recordFailures(failure);
    await health('sub_e').recordNotice(1);
    await health('sub_e').endFailing({
      deliveredAt: noon + 5,
      circuit: { state: 'ramping', since: noon + 5, probes: 1 },
    });
    expect(await storedState('sub_e')).toEqual({
      subscriptionId: 'sub_e',
      record: 'state',
      provisioning: 'ready',
      lastSuccessAt: noon + 5,
      circuit: { state: 'ramping', since: noon + 5, probes: 1 },
    });
  });

  it('ends the streak, and nothing else, where the endpoint works but took no event', async () => {
    await storeSubscription('sub_e2');
    await health('sub_e2').recordFailures(failure);
    await health('sub_e2').endFailing({ deliveredAt: undefined, circuit: undefined });
    expect(await storedState('sub_e2')).toEqual({ subscriptionId: 'sub_e2', record: 'state', provisioning: 'ready' });
  });

  it('is not written about an endpoint that has been changed since', async () => {
    await storeSubscription('sub_e3', { appliedEndpoint: 'hash of the new url' });
    const ofTheOld = health('sub_e3', 'hash of the old url');
    const circuit = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 30, probes: 0 } as const;
    expect(await ofTheOld.recordFailures(failure)).toBeUndefined();
    expect(await health('sub_e3').throttle(noon + 100)).toBeUndefined();
    expect(await ofTheOld.replaceCircuit(undefined, circuit)).toBe(false);
    expect(await ofTheOld.disable(noon, 'gone')).toBe(false);
    await ofTheOld.endFailing({ deliveredAt: noon, circuit: undefined });
    expect(await storedState('sub_e3')).not.toHaveProperty('lastSuccessAt');
    expect(await health('sub_e3', 'hash of the new url').disable(noon, 'gone')).toBe(true);
  });

  it('never shortens a throttle', async () => {
    await storeSubscription('sub_f');
    expect((await health('sub_f').throttle(noon + 100))?.throttledUntil).toBe(noon + 100);
    expect(await health('sub_f').throttle(noon + 50)).toBeUndefined();
    expect((await storedState('sub_f'))?.throttledUntil).toBe(noon + 100);
    // An older version believed a `Retry-After` of a year.
    await health('sub_f').throttle(noon + 365 * 24 * 3600 * 1000);
    expect((await health('sub_f').throttle(noon + 50))?.throttledUntil).toBe(noon + 50);
  });

  it('lets one of many open the circuit, and one disable the subscription', async () => {
    await storeSubscription('sub_g');
    const open = { state: 'open', reason: 'failing', since: noon, probeAt: noon + 30, probes: 0 } as const;
    const won = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        health('sub_g').replaceCircuit(undefined, { ...open, since: noon + index }),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    const stored = { ...open, since: noon + won.indexOf(true) };
    expect(await health('sub_g').replaceCircuit({ ...stored, since: 1 }, stored)).toBe(false);
    expect(await health('sub_g').replaceCircuit(stored, { state: 'ramping', since: noon + 60, probes: 0 })).toBe(true);
    const disabled = await Promise.all(Array.from({ length: 10 }, () => health('sub_g').disable(noon, 'gone')));
    expect(disabled.filter(Boolean)).toHaveLength(1);
  });

  it('brings no record back of a subscription that was deleted', async () => {
    expect(await health('sub_gone').recordFailures(failure)).toBeUndefined();
    await health('sub_gone').endFailing({ deliveredAt: noon, circuit: undefined });
    await health('sub_gone').recordNotice(1);
    expect(await health('sub_gone').disable(noon, 'x')).toBe(false);
    expect(await storedState('sub_gone')).toBeUndefined();
  });
});
