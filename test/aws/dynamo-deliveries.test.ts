import { type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aRecord, aSubscriber, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDeliveryHistory } from '../../lambdas/aws/dynamo-delivery-history.ts';
import { dynamoDeliveryLedger } from '../../lambdas/aws/dynamo-delivery-ledger.ts';
import { tableSchemas } from '../../lambdas/contracts/table-schemas.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';

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

async function write(subscriptionId: string, ...records: DeliveryRecord[]): Promise<void> {
  const writes = records.map((record) => ({ record: { ...record, subscriptionId }, known: undefined }));
  await aLedger(subscriptionId).write(writes);
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
    await write('sub_a', aRecord({ event: '{"id":9007199254740993}' }));
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
    await write(
      'sub_c',
      aRecord({
        webhookId: 'one',
        undeliveredAt: noon,
        state: 'exhausted',
        reason: 'all failed',
        event: '{}',
        responseHead: 'oops',
      }),
      aRecord({ webhookId: 'two', undeliveredAt: noon + 5 }),
      aRecord({ webhookId: 'three', state: 'delivered' }),
    );
    await write('sub_c', aRecord({ webhookId: 'two', state: 'delivered' }));
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

  it('lists nothing as undelivered that was delivered between the look into the index and that at the item', async () => {
    await write('sub_d', ...['one', 'two'].map((webhookId) => aRecord({ webhookId, undeliveredAt: noon })));
    const meanwhile = {
      async send(command: QueryCommand) {
        const answer = await client.send(command);
        if (command instanceof QueryCommand) {
          await write('sub_d', aRecord({ webhookId: 'two', state: 'delivered' }));
        }
        return answer;
      },
    } as DynamoDBClient;
    const history = dynamoDeliveryHistory({
      client: meanwhile,
      tableName: 'deliveries',
      sleep: async () => undefined,
      random: () => 0,
    });
    const { deliveries: listed } = await history.list('sub_d', { state: 'undelivered', limit: 10 });
    expect(listed.map(({ webhookId }) => webhookId)).toEqual(['one']);
  });
});
