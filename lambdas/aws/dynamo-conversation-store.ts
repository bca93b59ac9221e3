import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import {
  acceptedNoteOf,
  type Conversation,
  conversationFields,
  conversationRetentionSeconds,
  isSameConversation,
  timerShardOf,
} from '../domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../inactivity/ports.ts';
import type { AcceptedActivities } from '../ingest/ports.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, type Item } from './dynamo-batches.ts';
import { conditionExpression, ifConditionHolds, updateExpression, withCondition } from './dynamo-expressions.ts';

const { partitionKey, index } = tableSchemas.conversations;
const timersPerPage = 500;
/** How long ingest waits for its note: Drift waits for the answer meanwhile. */
const noteTimeoutMs = 1_000;

/** Conversations in DynamoDB. Only arming and disarming touch the index: a message writes `lastActivityAt` alone. */
export function dynamoConversationStore(deps: BatchDeps & { readonly tableName: string }): ConversationStore {
  const { client, tableName } = deps;

  async function read(key: string): Promise<Conversation | undefined> {
    const { Item: item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key: { [partitionKey]: { S: key } }, ConsistentRead: true }),
    );
    return item && conversationOf(item);
  }

  return {
    read,

    async readMany(keys) {
      const Keys = [...new Set(keys)].map((key) => ({ [partitionKey]: { S: key } }));
      const items = (await batchGetAll(deps, { [tableName]: { Keys } })).get(tableName) ?? [];
      const found = new Map<string, Conversation>();
      for (const item of items) {
        const conversation = conversationOf(item);
        if (conversation !== undefined) found.set(item[partitionKey]?.S ?? '', conversation);
      }
      return found;
    },

    async replace(key, expected, next) {
      const before = expected === undefined ? {} : attributesOf(key, expected);
      const after = attributesOf(key, next);
      // The last activity always: where nothing changes, as for a look that came early, there is a write all the same.
      const changed = Object.entries(after).filter(
        ([name, value]) => name === 'lastActivityAt' || value !== before[name],
      );
      const removed = Object.keys(before).filter((name) => !(name in after));
      // Not the key: ingest may have noted an activity of a conversation of which nothing else is known yet.
      const condition = conditionExpression(
        toAttributes(written(expected)),
        conversationFields.filter((field) => expected?.[field] === undefined),
      );
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: { [partitionKey]: { S: key } },
            ...withCondition(updateExpression(Object.fromEntries(changed), removed), condition),
          }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // The SDK repeats a write whose answer was lost, and what it wrote the first time is no longer what was expected.
        return (error.$metadata.attempts ?? 1) > 1 && isSameConversation(await read(key), next);
      }
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

/** Where ingest notes what it accepted: beside the rest, so that a timer's look at its conversation reads both. */
export function dynamoAcceptedActivities(client: DynamoDBClient, tableName: string): AcceptedActivities {
  return {
    async note(key, activity) {
      const [field, at] = acceptedNoteOf(activity);
      // What is noted already may be as new, or newer.
      await ifConditionHolds(
        client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: { [partitionKey]: { S: key } },
            // Whoever knows the conversation says how long it is kept: this may be of long ago.
            UpdateExpression: 'SET #field = :at, #ttl = if_not_exists(#ttl, :ttl)',
            ConditionExpression: 'attribute_not_exists(#field) OR #field < :at',
            ExpressionAttributeNames: { '#field': field, '#ttl': timeToLiveAttribute },
            ExpressionAttributeValues: toAttributes({ ':at': at, ':ttl': timeToLive(at) }),
          }),
          { abortSignal: AbortSignal.timeout(noteTimeoutMs) },
        ),
      );
    },
  };
}

/** What is compared and stored: all but ingest's note, which changes in between. */
function written(conversation: Conversation | undefined): Record<string, number> {
  return Object.fromEntries(
    conversationFields.flatMap((field) => {
      const value = conversation?.[field];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** With the index's key of an armed one. */
function attributesOf(key: string, conversation: Conversation): Record<string, unknown> {
  return {
    ...written(conversation),
    [timeToLiveAttribute]: timeToLive(conversation.lastActivityAt),
    ...(conversation.dueAt === undefined ? {} : { [index.partitionKey]: timerShardOf(key) }),
  };
}

/** In epoch seconds. */
function timeToLive(lastActivityAt: number): number {
  return Math.floor(lastActivityAt / 1000) + conversationRetentionSeconds;
}

/** Undefined where there is ingest's note only. */
function conversationOf(item: Item): Conversation | undefined {
  const { [partitionKey]: _, [index.partitionKey]: __, [timeToLiveAttribute]: ___, ...fields } = fromAttributes(item);
  return fields.lastActivityAt === undefined ? undefined : (fields as unknown as Conversation);
}
