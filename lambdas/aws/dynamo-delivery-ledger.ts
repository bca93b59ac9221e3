import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  type KeysAndAttributes,
  PutItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { subscriptionRecords, tableSchemas } from '../contracts/table-schemas.ts';
import type { BatchKnowledge, DeliveryLedger } from '../deliver/ports.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { SubscriptionConfig, SubscriptionState } from '../domain/subscriptions/subscription.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';

/** Waits before each further try of what DynamoDB left over. Beyond them the batch fails, and comes again. */
const retryDelaysMs = [50, 200, 800, 2000];
const itemsPerWrite = 25;

/** All that a batch needs but the stored event and response, which may be large. */
const recordFields = [
  'subscriptionId',
  'webhookId',
  'state',
  'attempts',
  'reason',
  'eventType',
  'occurredAt',
  'firstAttemptAt',
  'lastAttemptAt',
  'lastStatus',
  'lastError',
  'lastErrorMessage',
  'durationMs',
  'history',
  'nextAttemptAt',
  'undeliveredAt',
  'messageId',
  'replayName',
  'ttl',
] as const satisfies readonly (keyof DeliveryRecord)[];
const projection = {
  ProjectionExpression: recordFields.map((field) => `#${field}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(recordFields.map((field) => [`#${field}`, field])),
};

interface Options {
  readonly client: DynamoDBClient;
  readonly deliveriesTable: string;
  readonly subscriptionsTable: string;
  readonly subscriptionId: string;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * One BatchGetItem over both tables before a batch, one BatchWriteItem after it for what was delivered. What was not is
 * put item by item, on the condition that no other copy of the event has been delivered meanwhile.
 */
export function dynamoDeliveryLedger(options: Options): DeliveryLedger {
  const { client, deliveriesTable, subscriptionsTable, subscriptionId, sleep } = options;
  const { partitionKey, sortKey } = tableSchemas.deliveries;

  async function readAll(first: Record<string, KeysAndAttributes>): Promise<Map<string, Record<string, unknown>[]>> {
    const found = new Map<string, Record<string, unknown>[]>([
      [deliveriesTable, []],
      [subscriptionsTable, []],
    ]);
    for (let pending = first, attempt = 0; ; attempt++) {
      const { Responses = {}, UnprocessedKeys = {} } = await client.send(
        new BatchGetItemCommand({ RequestItems: pending }),
      );
      for (const [table, items] of Object.entries(Responses))
        found.get(table)?.push(...items.map((item) => fromAttributes(item)));
      if (Object.keys(UnprocessedKeys).length === 0) return found;
      const delayMs = retryDelaysMs[attempt];
      if (delayMs === undefined) throw new Error('the ledger could not be read in full');
      await sleep(delayMs);
      pending = UnprocessedKeys;
    }
  }

  async function writeAll(first: readonly WriteRequest[]): Promise<void> {
    for (let pending = first, attempt = 0; pending.length > 0; attempt++) {
      const { UnprocessedItems = {} } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [deliveriesTable]: [...pending] } }),
      );
      pending = UnprocessedItems[deliveriesTable] ?? [];
      if (pending.length === 0) return;
      const delayMs = retryDelaysMs[attempt];
      if (delayMs === undefined) throw new Error('the ledger could not be written in full');
      await sleep(delayMs);
    }
  }

  /** Its message stays in the queue all the same; when it comes again, the ledger holds it back. */
  async function putUnlessDelivered(record: DeliveryRecord): Promise<void> {
    try {
      await client.send(
        new PutItemCommand({
          TableName: deliveriesTable,
          Item: toAttributes({ ...record }),
          ConditionExpression: 'attribute_not_exists(#state) OR #state <> :delivered',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':delivered': { S: 'delivered' } },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  return {
    async read(webhookIds) {
      const { partitionKey: subscriptionKey, sortKey: recordKey } = tableSchemas.subscriptions;
      const keys = [...new Set(webhookIds)].map(
        (id): Record<string, AttributeValue> => ({
          [partitionKey]: { S: subscriptionId },
          [sortKey]: { S: id },
        }),
      );
      const recordKeys = Object.values(subscriptionRecords).map((record) => ({
        [subscriptionKey]: { S: subscriptionId },
        [recordKey]: { S: record },
      }));
      const found = await readAll({
        [subscriptionsTable]: { Keys: recordKeys, ConsistentRead: true },
        ...(keys.length === 0 ? {} : { [deliveriesTable]: { Keys: keys, ConsistentRead: true, ...projection } }),
      });
      return knowledgeOf(found.get(subscriptionsTable) ?? [], found.get(deliveriesTable) ?? []);
    },

    async write(records) {
      const mayOverwrite = ({ state, replayName }: DeliveryRecord): boolean =>
        // A replay may send again what was delivered, and then its failure counts.
        state === 'delivered' || replayName !== undefined;
      const sure = records.filter(mayOverwrite);
      const parts: DeliveryRecord[][] = [];
      // A call takes 25 items; a batch has 10 at most, so this is one call.
      for (let start = 0; start < sure.length; start += itemsPerWrite)
        parts.push(sure.slice(start, start + itemsPerWrite));
      await Promise.all([
        ...parts.map((part) => writeAll(part.map((record) => ({ PutRequest: { Item: toAttributes({ ...record }) } })))),
        ...records.filter((record) => !mayOverwrite(record)).map(putUnlessDelivered),
      ]);
    },
  };
}

function knowledgeOf(subscriptionItems: Record<string, unknown>[], deliveryItems: Record<string, unknown>[]) {
  const recordKey = tableSchemas.subscriptions.sortKey;
  const config = subscriptionItems.find((item) => item[recordKey] === subscriptionRecords.config);
  const state = subscriptionItems.find((item) => item[recordKey] === subscriptionRecords.state);
  return {
    subscriber: {
      ...(config === undefined ? {} : { config: config as Partial<SubscriptionConfig> }),
      ...(state === undefined ? {} : { state: state as unknown as SubscriptionState }),
    },
    records: new Map(
      deliveryItems.map((item) => {
        const record = { history: [], ...item } as unknown as DeliveryRecord;
        return [record.webhookId, record];
      }),
    ),
  } satisfies BatchKnowledge;
}
