import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import { timeKeyOf, timeShardOf } from '../domain/history/time-order.ts';
import { conversationKeyOf } from '../domain/inactivity/conversation-key.ts';
import type { EventRecorder } from '../record-events/ports.ts';
import { toAttributes } from './dynamo-attributes.ts';

const { partitionKey, byTime, byConversation } = tableSchemas.events;

/** One conditional put for each event: the same fact again changes nothing. */
export function dynamoEventRecorder(client: DynamoDBClient, tableName: string): EventRecorder {
  return {
    async record(event, expiresAt) {
      const { webhookId, recordedAt, orgId, conversationId } = event;
      const conversationKey =
        orgId === undefined || conversationId === undefined ? undefined : conversationKeyOf(orgId, conversationId);
      try {
        await client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: toAttributes({
              ...event,
              [byTime.partitionKey]: timeShardOf(recordedAt, webhookId),
              [byTime.sortKey]: timeKeyOf(recordedAt, webhookId),
              [byConversation.partitionKey]: conversationKey,
              [timeToLiveAttribute]: Math.floor(expiresAt / 1000),
            }),
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
