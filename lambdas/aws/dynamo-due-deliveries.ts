import { ConditionalCheckFailedException, paginateQuery, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../contracts/table-schemas.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import type { JsonValue } from '../json/json.ts';
import type { DueDeliveries } from '../provision/ports.ts';
import { fromAttributes, toAttribute } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, type Item } from './dynamo-batches.ts';
import { projection } from './dynamo-expressions.ts';

const { partitionKey, sortKey, index, dueIndex } = tableSchemas.deliveries;
/**
 * Of keys of what is due; the items are read with their events for as many at a time, in each shard at once. Of 256 KB each, a
 * hundred took 700 MB; the function has 512.
 */
const duePerPage = 25;
/** Of keys of what waits; the items are read without their events. */
const waitingPerPage = 100;
/** Of what is retrying, without its event and what came back. */
const waitingFields: readonly (keyof DeliveryRecord)[] = [
  'subscriptionId',
  'webhookId',
  'state',
  'messageId',
  'dueAt',
  'nextAttemptAt',
  'lastAttemptAt',
];

/** The ledger of all subscribers, by what is due. */
export function dynamoDueDeliveries(deps: BatchDeps & { readonly tableName: string }): DueDeliveries {
  const { client, tableName } = deps;
  const keyOf = ({ subscriptionId, webhookId }: Pick<DeliveryRecord, 'subscriptionId' | 'webhookId'>) => ({
    [partitionKey]: { S: subscriptionId },
    [sortKey]: { S: webhookId },
  });

  async function readFields(
    items: readonly Item[],
    fields: readonly (keyof DeliveryRecord)[],
  ): Promise<DeliveryRecord[]> {
    const keys = items.map((item) =>
      keyOf({ subscriptionId: item[partitionKey]?.S ?? '', webhookId: item[sortKey]?.S ?? '' }),
    );
    const found = await batchGetAll(deps, {
      [tableName]: { Keys: keys, ConsistentRead: true, ...projection(fields) },
    });
    return (found.get(tableName) ?? []).map((item) => fromAttributes(item) as unknown as DeliveryRecord);
  }

  /** Sets what has a value and removes the rest, if the item is still due when `record` was. */
  async function change(
    record: DeliveryRecord,
    next: { readonly [Name in keyof DeliveryRecord]?: DeliveryRecord[Name] | undefined },
  ): Promise<boolean> {
    const entries = Object.entries(next);
    const sets = entries.filter(([, value]) => value !== undefined);
    const removes = entries.filter(([, value]) => value === undefined);
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(record),
          UpdateExpression: [
            ...(sets.length === 0 ? [] : [`SET ${sets.map(([name]) => `#${name} = :${name}`).join(', ')}`]),
            ...(removes.length === 0 ? [] : [`REMOVE ${removes.map(([name]) => `#${name}`).join(', ')}`]),
          ].join(' '),
          ConditionExpression: `#state = :retrying AND ${record.dueAt === undefined ? 'attribute_not_exists(#dueAt)' : '#dueAt = :readDueAt'}`,
          ExpressionAttributeNames: Object.fromEntries(
            ['state', 'dueAt', ...entries.map(([name]) => name)].map((name) => [`#${name}`, name]),
          ),
          ExpressionAttributeValues: {
            ...Object.fromEntries(sets.map(([name, value]) => [`:${name}`, toAttribute(value as JsonValue)])),
            ':retrying': { S: 'retrying' },
            ...(record.dueAt === undefined ? {} : { ':readDueAt': { N: String(record.dueAt) } }),
          },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  return {
    async *due(shard, until) {
      const pages = paginateQuery(
        { client, pageSize: duePerPage },
        {
          TableName: tableName,
          IndexName: dueIndex.name,
          KeyConditionExpression: '#shard = :shard AND #due <= :until',
          ExpressionAttributeNames: { '#shard': dueIndex.partitionKey, '#due': dueIndex.sortKey },
          ExpressionAttributeValues: { ':shard': { N: String(shard) }, ':until': { N: String(until) } },
        },
      );
      for await (const { Items = [] } of pages) {
        yield Items.map((item) => ({ subscriptionId: item[partitionKey]?.S ?? '', webhookId: item[sortKey]?.S ?? '' }));
      }
    },

    async *waiting(subscriptionId) {
      const pages = paginateQuery(
        { client, pageSize: waitingPerPage },
        {
          TableName: tableName,
          IndexName: index.name,
          KeyConditionExpression: '#id = :id',
          FilterExpression: '#state = :retrying',
          ProjectionExpression: '#id, #webhookId',
          ExpressionAttributeNames: { '#id': partitionKey, '#webhookId': sortKey, '#state': 'state' },
          ExpressionAttributeValues: { ':id': { S: subscriptionId }, ':retrying': { S: 'retrying' } },
        },
      );
      for await (const { Items = [] } of pages) {
        const records = await readFields(Items, waitingFields);
        yield records.filter(
          // An item of an earlier version is not in the index `due`, wherever its event waits.
          ({ state, messageId, dueAt }) => state === 'retrying' && (messageId === undefined || dueAt === undefined),
        );
      }
    },

    async read(keys) {
      const found = await batchGetAll(deps, { [tableName]: { Keys: keys.map(keyOf), ConsistentRead: true } });
      return (found.get(tableName) ?? []).map(
        (item) => ({ history: [], ...fromAttributes(item) }) as unknown as DeliveryRecord,
      );
    },

    move: (record, place) =>
      change(record, 'nextAttemptAt' in place ? { messageId: undefined, queuedAt: undefined, ...place } : place),

    exhaust: (record, reason) =>
      change(record, {
        state: 'exhausted',
        reason,
        nextAttemptAt: undefined,
        messageId: undefined,
        queuedAt: undefined,
        dueAt: undefined,
        dueShard: undefined,
      }),
  };
}
