import { GetItemCommand, paginateQuery, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import {
  type Conversation,
  conversationRetentionSeconds,
  timerShardOf,
} from '../domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../inactivity/ports.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, type Item } from './dynamo-batches.ts';
import { conditionExpression, ifConditionHolds, updateExpression, withCondition } from './dynamo-expressions.ts';

const { partitionKey, index } = tableSchemas.conversations;
const timersPerPage = 500;

/** Conversations in DynamoDB. Only arming and disarming touch the index: a message writes `lastActivityAt` alone. */
export function dynamoConversationStore(deps: BatchDeps & { readonly tableName: string }): ConversationStore {
  const { client, tableName } = deps;
  return {
    async readMany(keys) {
      const Keys = [...new Set(keys)].map((key) => ({ [partitionKey]: { S: key } }));
      const items = (await batchGetAll(deps, { [tableName]: { Keys } })).get(tableName) ?? [];
      return new Map(items.map((item) => [item[partitionKey]?.S ?? '', conversationOf(item)]));
    },

    async read(key) {
      const { Item: item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: { [partitionKey]: { S: key } }, ConsistentRead: true }),
      );
      return item && conversationOf(item);
    },

    async replace(key, expected, next) {
      const before = expected === undefined ? {} : attributesOf(key, expected);
      const after = attributesOf(key, next);
      const changed = Object.entries(after).filter(([name, value]) => value !== before[name]);
      const removed = Object.keys(before).filter((name) => !(name in after));
      const condition =
        expected === undefined
          ? conditionExpression({}, [partitionKey])
          : conditionExpression(toAttributes({ ...expected }), expected.dueAt === undefined ? [index.sortKey] : []);
      const output = await ifConditionHolds(
        client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: { [partitionKey]: { S: key } },
            ...withCondition(updateExpression(Object.fromEntries(changed), removed), condition),
          }),
        ),
      );
      return output !== undefined;
    },

    async *dueTimers(shard, until) {
      const pages = paginateQuery(
        { client, pageSize: timersPerPage },
        {
          TableName: tableName,
          IndexName: index.name,
          KeyConditionExpression: `${index.partitionKey} = :shard AND ${index.sortKey} <= :until`,
          ExpressionAttributeValues: toAttributes({ ':shard': shard, ':until': until }),
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

/** Its fields, with the index's key of an armed one. All of them are plain values. */
function attributesOf(key: string, conversation: Conversation): Record<string, unknown> {
  return {
    ...conversation,
    [timeToLiveAttribute]: Math.floor(conversation.lastActivityAt / 1000) + conversationRetentionSeconds,
    ...(conversation.dueAt === undefined ? {} : { [index.partitionKey]: timerShardOf(key) }),
  };
}

function conversationOf(item: Item): Conversation {
  const { [partitionKey]: _, [index.partitionKey]: __, [timeToLiveAttribute]: ___, ...fields } = fromAttributes(item);
  return fields as unknown as Conversation;
}
