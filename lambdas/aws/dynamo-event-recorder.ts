import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import type { RecordedEvent } from '../domain/history/recorded-event.ts';
import { timeKeyOf, timeShardOf } from '../domain/history/time-order.ts';
import { conversationKeyOf } from '../domain/inactivity/conversation-key.ts';
import type { EventRecorder } from '../record-events/ports.ts';
import { toAttributes } from './dynamo-attributes.ts';
import type { Item } from './dynamo-batches.ts';

const { partitionKey, byTime, byConversation } = tableSchemas.events;

/** One conditional put for each event: the same fact again changes nothing. */
export function dynamoEventRecorder(client: DynamoDBClient, tableName: string): EventRecorder {
  return {
    async record(event, expiresAt) {
      try {
        await client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: recordedItem(event, expiresAt),
            ConditionExpression: 'attribute_not_exists(#id)',
            ExpressionAttributeNames: { '#id': partitionKey },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}

/** The event as the table holds it. `expiresAt` in epoch ms. */
export function recordedItem(event: RecordedEvent, expiresAt: number): Item {
  const { webhookId, recordedAt, orgId, conversationId } = event;
  const conversationKey =
    orgId === undefined || conversationId === undefined ? undefined : conversationKeyOf(orgId, conversationId);
  return toAttributes({
    ...event,
    [byTime.partitionKey]: timeShardOf(recordedAt, webhookId),
    [byTime.sortKey]: timeKeyOf(recordedAt, webhookId),
    [byConversation.partitionKey]: conversationKey,
    [timeToLiveAttribute]: Math.floor(expiresAt / 1000),
  });
}
