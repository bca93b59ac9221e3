import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import type { QueuedReplay, QueuedReplays } from '../manage/ports.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';

const { partitionKey, sortKey } = tableSchemas.deliveries;
/** No subscription's id: `#` is in none. */
const partition = '#replay';

/** In the deliveries table, beside the idempotency keys and for their reason: it forgets by itself. */
export function dynamoQueuedReplays(client: DynamoDBClient, tableName: string, lifetimeSeconds: number): QueuedReplays {
  const keyOf = (name: string) => ({ [partitionKey]: partition, [sortKey]: name });

  async function read(name: string): Promise<QueuedReplay | undefined> {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key: toAttributes(keyOf(name)), ConsistentRead: true }),
    );
    if (Item === undefined) return undefined;
    const { queued, queuedAt } = fromAttributes(Item) as unknown as QueuedReplay;
    return { queued, queuedAt };
  }

  return {
    read,
    // Whoever goes on with a replay sends one page after the other: nobody else adds to it meanwhile.
    async add(name, queued, at) {
      const before = await read(name);
      const Item = toAttributes({
        ...keyOf(name),
        queued: (before?.queued ?? 0) + queued,
        queuedAt: at,
        [timeToLiveAttribute]: Math.ceil(at / 1000) + lifetimeSeconds,
      });
      await client.send(new PutItemCommand({ TableName: tableName, Item }));
    },
  };
}
