import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { leaseRecord, tableSchemas } from '../contracts/table-schemas.ts';
import type { RouteLeases, Unsettled } from '../provision/ports.ts';
import { toAttribute } from './dynamo-attributes.ts';

const { partitionKey, sortKey } = tableSchemas.subscriptions;
/** No run takes a subscription for longer; an item that says so was not written here, and binds nobody. */
const maxLeaseMs = 20 * 60 * 1000;

/**
 * A record of its own beside `config` and `state`: people write neither into it nor over it, and it outlives both, so that
 * what is deleted and made again is still one thing. The stream's filter keeps it from waking anybody.
 */
export function dynamoRouteLeases(client: DynamoDBClient, tableName: string): RouteLeases {
  const keyOf = (subscriptionId: string): Record<string, AttributeValue> => ({
    [partitionKey]: { S: subscriptionId },
    [sortKey]: { S: leaseRecord },
  });

  return {
    async take(subscriptionId, { holder, now, until }) {
      try {
        const { Attributes = {} } = await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(subscriptionId),
            UpdateExpression: 'SET holder = :holder, heldUntil = :until',
            // The same holder: an answer was lost, and the client has asked again.
            ConditionExpression: 'holder = :holder OR NOT (heldUntil BETWEEN :now AND :max)',
            ExpressionAttributeValues: {
              ':holder': { S: holder },
              ':until': { N: String(until) },
              ':now': { N: String(now) },
              ':max': { N: String(now + maxLeaseMs) },
            },
            ReturnValues: 'ALL_NEW',
          }),
        );
        const queueDeletedAt = instantOf(Attributes.queueDeletedAt);
        const rulePutAt = instantOf(Attributes.rulePutAt);
        return {
          ...(queueDeletedAt === undefined ? {} : { queueDeletedAt }),
          ...(rulePutAt === undefined ? {} : { rulePutAt }),
        };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw error;
      }
    },

    async release(subscriptionId, holder, unsettled) {
      const held = {
        TableName: tableName,
        Key: keyOf(subscriptionId),
        ConditionExpression: 'holder = :holder',
        ExpressionAttributeValues: { ':holder': { S: holder } },
      };
      try {
        const set = Object.entries(unsettled);
        if (set.length === 0) {
          await client.send(new DeleteItemCommand(held));
          return;
        }
        const forgotten = unsettledNames.filter((name) => unsettled[name] === undefined);
        await client.send(
          new UpdateItemCommand({
            ...held,
            UpdateExpression: `SET ${set.map(([name]) => `${name} = :${name}`).join(', ')} REMOVE ${['holder', 'heldUntil', ...forgotten].join(', ')}`,
            ExpressionAttributeValues: {
              ...held.ExpressionAttributeValues,
              ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, toAttribute(value)])),
            },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}

const unsettledNames = ['queueDeletedAt', 'rulePutAt'] as const satisfies readonly (keyof Unsettled)[];

function instantOf(attribute: AttributeValue | undefined): number | undefined {
  return attribute?.N === undefined ? undefined : Number(attribute.N);
}
