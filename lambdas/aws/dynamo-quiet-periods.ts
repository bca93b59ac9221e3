import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../contracts/table-schemas.ts';
import type { QuietPeriods } from '../inactivity/ports.ts';

/** DynamoDB's limit for BatchGetItem. */
const maxKeysPerRead = 100;

/** Read with every batch and not remembered, so that a change holds from the next activity on. */
export function dynamoQuietPeriods(client: DynamoDBClient, tableName: string, defaultSeconds: number): QuietPeriods {
  const { partitionKey } = tableSchemas.settings;
  return {
    async ofOrgs(orgIds) {
      const unique = [...new Set(orgIds)];
      const seconds = new Map(unique.map((orgId) => [orgId, defaultSeconds]));
      for (let start = 0; start < unique.length; start += maxKeysPerRead) {
        let pending = unique.slice(start, start + maxKeysPerRead).map((orgId) => ({ [partitionKey]: { S: orgId } }));
        while (pending.length > 0) {
          const result = await client.send(
            new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: pending, ConsistentRead: true } } }),
          );
          for (const item of result.Responses?.[tableName] ?? []) {
            const value = Number(item.quietPeriodSeconds?.N);
            if (value > 0) seconds.set(item[partitionKey]?.S ?? '', value);
          }
          pending = (result.UnprocessedKeys?.[tableName]?.Keys ?? []) as typeof pending;
        }
      }
      return seconds;
    },
  };
}
