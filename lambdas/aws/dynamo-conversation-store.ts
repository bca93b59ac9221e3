import {
  type AttributeValue,
  ConditionalCheckFailedException,
  GetItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import {
  type Conversation,
  conversationRetentionSeconds,
  timerShardOf,
} from '../domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../inactivity/ports.ts';
import { type BatchDeps, batchGetAll } from './dynamo-batches.ts';

const { partitionKey, index } = tableSchemas.conversations;
const timersPerPage = 500;

/** Conversations in DynamoDB. Only arming and disarming touch the index: a message writes `lastActivityAt` alone. */
export function dynamoConversationStore(deps: BatchDeps & { readonly tableName: string }): ConversationStore {
  const { client, tableName } = deps;
  return {
    async readMany(keys) {
      const Keys = [...new Set(keys)].map((key) => ({ [partitionKey]: { S: key } }));
      const items = (await batchGetAll(deps, { [tableName]: { Keys } })).get(tableName) ?? [];
      return new Map(items.map((item) => [item[partitionKey]?.S ?? '', toTimer(item)]));
    },

    async read(key) {
      const { Item: item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: { [partitionKey]: { S: key } }, ConsistentRead: true }),
      );
      return item && toTimer(item);
    },

    async replace(key, expected, next) {
      const values: Record<string, AttributeValue> = {
        ':at': number(next.lastActivityAt),
        ':ttl': number(Math.floor(next.lastActivityAt / 1000) + conversationRetentionSeconds),
      };
      const sets = ['lastActivityAt = :at', '#ttl = :ttl'];
      let remove = '';
      if (next.dueAt !== expected?.dueAt) {
        if (next.dueAt === undefined) remove = ` REMOVE ${index.sortKey}, ${index.partitionKey}`;
        else {
          sets.push(`${index.sortKey} = :due`, `${index.partitionKey} = :shard`);
          values[':due'] = number(next.dueAt);
          values[':shard'] = number(timerShardOf(key));
        }
      }
      const condition = conditionOf(expected, values);
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: { [partitionKey]: { S: key } },
            UpdateExpression: `SET ${sets.join(', ')}${remove}`,
            ConditionExpression: condition,
            ExpressionAttributeNames: { '#ttl': timeToLiveAttribute },
            ExpressionAttributeValues: values,
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },

    async *dueTimers(shard, until) {
      const pages = paginateQuery(
        { client, pageSize: timersPerPage },
        {
          TableName: tableName,
          IndexName: index.name,
          KeyConditionExpression: `${index.partitionKey} = :shard AND ${index.sortKey} <= :until`,
          ExpressionAttributeValues: { ':shard': number(shard), ':until': number(until) },
        },
      );
      for await (const { Items: items } of pages) {
        yield (items ?? []).map(
          (item): DueTimer => ({ conversationKey: item[partitionKey]?.S ?? '', dueAt: Number(item[index.sortKey]?.N) }),
        );
      }
    },
  };
}

function conditionOf(expected: Conversation | undefined, values: Record<string, AttributeValue>): string {
  if (expected === undefined) return `attribute_not_exists(${partitionKey})`;
  values[':wasAt'] = number(expected.lastActivityAt);
  if (expected.dueAt === undefined) return `lastActivityAt = :wasAt AND attribute_not_exists(${index.sortKey})`;
  values[':wasDue'] = number(expected.dueAt);
  return `lastActivityAt = :wasAt AND ${index.sortKey} = :wasDue`;
}

function toTimer(item: Record<string, AttributeValue>): Conversation {
  const lastActivityAt = Number(item.lastActivityAt?.N);
  const due = item[index.sortKey]?.N;
  return due === undefined ? { lastActivityAt } : { lastActivityAt, dueAt: Number(due) };
}

function number(value: number): AttributeValue {
  return { N: String(value) };
}
