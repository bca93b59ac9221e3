import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { subscriptionRecords, tableSchemas } from '../contracts/table-schemas.ts';
import type { BatchKnowledge, DeliveryLedger, LedgerWrite } from '../deliver/ports.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { SubscriptionConfig, SubscriptionState } from '../domain/subscriptions/subscription.ts';
import { deliveryAttributes } from './delivery-attributes.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, batchWriteAll } from './dynamo-batches.ts';
import { ifConditionHolds, projection } from './dynamo-expressions.ts';

/** What a batch needs: all that it writes again, but the event, which its message has. */
const recordFields: readonly (keyof DeliveryRecord)[] = [
  ...deliveryAttributes,
  'responseHead',
  'messageId',
  'queuedAt',
  'dueAt',
  'ttl',
];

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

  /** Where it is not put, its message stays in the queue all the same; when it comes again, the ledger says so. */
  async function putUnlessDelivered({ record, known, isBesidesRetries = false }: LedgerWrite): Promise<void> {
    // What was known is told from a later attempt by its time.
    const knownAt = known?.lastAttemptAt;
    const isKnown = knownAt === undefined ? 'attribute_not_exists(#lastAttemptAt)' : '#lastAttemptAt = :knownAt';
    const isNotDelivered = 'attribute_not_exists(#state) OR #state <> :delivered';
    const isComparing = isBesidesRetries || known?.state === 'delivered';
    const condition = isBesidesRetries
      ? `(${isNotDelivered}) AND ${isKnown}`
      : `${isNotDelivered}${isComparing ? ` OR ${isKnown}` : ''}`;
    await ifConditionHolds(
      client.send(
        new PutItemCommand({
          TableName: deliveriesTable,
          Item: toAttributes({ ...record }),
          ConditionExpression: condition,
          ExpressionAttributeNames: {
            '#state': 'state',
            ...(isComparing ? { '#lastAttemptAt': 'lastAttemptAt' } : {}),
          },
          ExpressionAttributeValues: toAttributes({
            ':delivered': 'delivered',
            ...(isComparing && knownAt !== undefined ? { ':knownAt': knownAt } : {}),
          }),
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

    async write(writes) {
      const { delivered = [], undelivered = [] } = Object.groupBy(writes, ({ record }) =>
        record.state === 'delivered' ? 'delivered' : 'undelivered',
      );
      await Promise.all([
        batchWriteAll(
          options,
          deliveriesTable,
          delivered.map(({ record }) => ({ PutRequest: { Item: toAttributes({ ...record }) } })),
        ),
        ...undelivered.map(putUnlessDelivered),
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
