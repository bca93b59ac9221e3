import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { subscriptionRecords, tableSchemas } from '../contracts/table-schemas.ts';
import type { BatchKnowledge, DeliveryLedger } from '../deliver/ports.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { SubscriptionConfig, SubscriptionState } from '../domain/subscriptions/subscription.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, batchWriteAll } from './dynamo-batches.ts';
import { ifConditionHolds, projection } from './dynamo-expressions.ts';

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
  'queuedAt',
  'dueAt',
  'replayName',
  'ttl',
] as const satisfies readonly (keyof DeliveryRecord)[];

interface Options extends BatchDeps {
  readonly deliveriesTable: string;
  readonly subscriptionsTable: string;
  readonly subscriptionId: string;
}

/**
 * One BatchGetItem over both tables before a batch, one BatchWriteItem after it for what was delivered. What was not is
 * put item by item, on the condition that no other copy of the event has been delivered meanwhile.
 */
export function dynamoDeliveryLedger(options: Options): DeliveryLedger {
  const { client, deliveriesTable, subscriptionsTable, subscriptionId } = options;
  const { partitionKey, sortKey } = tableSchemas.deliveries;

  /** Its message stays in the queue all the same; when it comes again, the ledger says so. */
  async function putUnlessDelivered(record: DeliveryRecord): Promise<void> {
    await ifConditionHolds(
      client.send(
        new PutItemCommand({
          TableName: deliveriesTable,
          Item: toAttributes({ ...record }),
          ConditionExpression: 'attribute_not_exists(#state) OR #state <> :delivered',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':delivered': { S: 'delivered' } },
        }),
      ),
    );
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
      const found = await batchGetAll(options, {
        [subscriptionsTable]: { Keys: recordKeys, ConsistentRead: true },
        [deliveriesTable]: { Keys: keys, ConsistentRead: true, ...projection(recordFields) },
      });
      const itemsOf = (table: string) => (found.get(table) ?? []).map(fromAttributes);
      return knowledgeOf(itemsOf(subscriptionsTable), itemsOf(deliveriesTable));
    },

    async write(records) {
      const mayOverwrite = ({ state, replayName }: DeliveryRecord): boolean =>
        // A replay may send again what was delivered, and then its failure counts.
        state === 'delivered' || replayName !== undefined;
      const sure = records.filter(mayOverwrite);
      await Promise.all([
        batchWriteAll(
          options,
          deliveriesTable,
          sure.map((record) => ({ PutRequest: { Item: toAttributes({ ...record }) } })),
        ),
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
