import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { tableSchemas, timeToLiveAttribute } from '../contracts/table-schemas.ts';
import type { ClaimedRequest, RequestKeys } from '../manage/ports.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { ifConditionHolds } from './dynamo-expressions.ts';

const { partitionKey, sortKey } = tableSchemas.deliveries;
/** No subscription's id: `#` is in none. */
const partition = '#request';

/**
 * Idempotency keys, in the deliveries table: what they hold is short-lived like the ledger's items, and that table
 * forgets by itself.
 */
export function dynamoRequestKeys(client: DynamoDBClient, tableName: string, lifetimeSeconds: number): RequestKeys {
  const keyOf = (keyHash: string) => ({ [partitionKey]: partition, [sortKey]: keyHash });
  const itemOf = (keyHash: string, request: ClaimedRequest) =>
    toAttributes({
      ...keyOf(keyHash),
      ...request,
      [timeToLiveAttribute]: Math.ceil(request.claimedAt / 1000) + lifetimeSeconds,
    });

  return {
    async claim(keyHash, request, forgottenBefore) {
      try {
        await client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: itemOf(keyHash, request),
            // What DynamoDB has not got round to deleting is forgotten all the same.
            ConditionExpression: 'attribute_not_exists(#id) OR #claimedAt <= :forgottenBefore',
            ExpressionAttributeNames: { '#id': partitionKey, '#claimedAt': 'claimedAt' },
            ExpressionAttributeValues: { ':forgottenBefore': { N: String(forgottenBefore) } },
          }),
        );
        return request;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: toAttributes(keyOf(keyHash)), ConsistentRead: true }),
      );
      if (Item === undefined) throw new Error('an idempotency key was deleted between its claim and its reading');
      const { fingerprint, seed, claimedAt, heldUntil = 0, answer } = fromAttributes(Item) as unknown as ClaimedRequest;
      return { fingerprint, seed, claimedAt, heldUntil, ...(answer === undefined ? {} : { answer }) };
    },

    async takeUp(keyHash, request, heldUntil) {
      const put = new PutItemCommand({
        TableName: tableName,
        Item: itemOf(keyHash, { ...request, heldUntil }),
        // Another one has been given an answer since, or is held.
        ConditionExpression:
          'seed = :seed AND attribute_not_exists(answer) AND (attribute_not_exists(heldUntil) OR heldUntil = :before)',
        ExpressionAttributeValues: { ':seed': { S: request.seed }, ':before': { N: String(request.heldUntil) } },
      });
      return (await ifConditionHolds(client.send(put))) !== undefined;
    },

    async release(keyHash, request) {
      await client.send(new PutItemCommand({ TableName: tableName, Item: itemOf(keyHash, request) }));
    },
  };
}
