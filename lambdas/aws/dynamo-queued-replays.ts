import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import type { QueuedReplay, QueuedReplays } from '../manage/ports.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';

const { partitionKey, sortKey } = tableSchemas.deliveries;
/** No subscription's id: `#` is in none. */
const partition = '#replay';

/** In the deliveries table, beside the idempotency keys and for their reason: it forgets by itself. */
export function dynamoQueuedReplays(client: DynamoDBClient, tableName: string, lifetimeSeconds: number): QueuedReplays {
  const keyOf = (name: string) => toAttributes({ [partitionKey]: partition, [sortKey]: name });

  return {
    async add(name, queued, at) {
      const expiresAt = Math.ceil(at / 1000) + lifetimeSeconds;
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(name),
          // Tried again by the SDK, it may count twice: a cancel may be taken where nothing waits, but is not refused where something does.
          UpdateExpression: 'SET #queuedAt = :at, #expiresAt = :expiresAt ADD #queued :queued',
          ExpressionAttributeNames: { '#queued': 'queued', '#queuedAt': 'queuedAt', '#expiresAt': timeToLiveAttribute },
          ExpressionAttributeValues: toAttributes({ ':queued': queued, ':at': at, ':expiresAt': expiresAt }),
        }),
      );
    },

    async read(name) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: keyOf(name), ConsistentRead: true }),
      );
      if (Item === undefined) return undefined;
      const { queued, queuedAt } = fromAttributes(Item) as unknown as QueuedReplay;
      return { queued, queuedAt };
    },
  };
}
