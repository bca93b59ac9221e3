import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../contracts/table-schemas.ts';
import { readQuietPeriodSeconds } from '../domain/inactivity/inactivity-timer.ts';
import type { SettingsStore } from '../manage/ports.ts';
import { fromAttributes } from './dynamo-attributes.ts';

export function dynamoSettingsStore(client: DynamoDBClient, tableName: string): SettingsStore {
  const keyOf = (orgId: string) => ({ [tableSchemas.settings.partitionKey]: { S: orgId } });
  return {
    async quietPeriodSeconds(orgId) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: keyOf(orgId), ConsistentRead: true }),
      );
      return Item && readQuietPeriodSeconds(fromAttributes(Item).quietPeriodSeconds);
    },
    async setQuietPeriodSeconds(orgId, seconds) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(orgId),
          ...(seconds === undefined
            ? { UpdateExpression: 'REMOVE quietPeriodSeconds' }
            : {
                UpdateExpression: 'SET quietPeriodSeconds = :seconds',
                ExpressionAttributeValues: { ':seconds': { N: String(seconds) } },
              }),
        }),
      );
    },
  };
}
