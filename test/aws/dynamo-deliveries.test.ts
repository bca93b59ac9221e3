import { type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aRecord, aSubscriber, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDeliveryLedger } from '../../lambdas/aws/dynamo-delivery-ledger.ts';
import { tableSchemas } from '../../lambdas/contracts/table-schemas.ts';

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

async function storeSubscription(subscriptionId: string): Promise<void> {
  const { config, state } = aSubscriber();
  for (const [record, item] of Object.entries({ config, state })) {
    const Item = toAttributes({ ...item, subscriptionId, record });
    await client.send(new PutItemCommand({ TableName: 'subscriptions', Item }));
  }
}

describe('the ledger in DynamoDB', () => {
  it('stores the event to the last digit', async () => {
    await aLedger('sub_a').write([aRecord({ subscriptionId: 'sub_a', event: '{"id":9007199254740993}' })]);
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
        event: '{}',
        responseHead: 'oops',
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
    // The event and what came back are stored once, with the item.
    expect(Object.keys(Items[0] ?? {}).sort()).toEqual(
      ['subscriptionId', 'webhookId', 'undeliveredAt', 'state', 'reason', 'eventType'].sort(),
    );
  });
});
