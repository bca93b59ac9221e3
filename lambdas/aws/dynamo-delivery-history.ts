import { type AttributeValue, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../contracts/table-schemas.ts';
import type { DeliveryRecord } from '../domain/deliveries/delivery-ledger.ts';
import { type JsonObject, safeInteger } from '../json/json.ts';
import type { DeliveryHistory, DeliveryPlace, DeliveryQuery } from '../manage/ports.ts';
import { deliveryAttributes } from './delivery-attributes.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, type Item } from './dynamo-batches.ts';
import { projection } from './dynamo-expressions.ts';

const { partitionKey, sortKey, index } = tableSchemas.deliveries;
/** Pages read for one answer at most: a filter can leave little of each. What is missing comes with the next answer. */
const maxPagesPerAnswer = 10;

interface Options extends BatchDeps {
  readonly tableName: string;
}

export function dynamoDeliveryHistory(options: Options): DeliveryHistory {
  const { client, tableName } = options;

  async function readKeys(
    keys: readonly Item[],
    fields: readonly string[],
    ConsistentRead = false,
  ): Promise<DeliveryRecord[]> {
    const found = await batchGetAll(options, {
      [tableName]: { Keys: [...keys], ConsistentRead, ...projection(fields) },
    });
    return (found.get(tableName) ?? []).map(recordOf);
  }

  /** What the index says of, in its order; without what has changed since the index was written. */
  async function readFound(found: readonly Item[], query: DeliveryQuery): Promise<DeliveryRecord[]> {
    const keys = found.map((item) => ({
      [partitionKey]: item[partitionKey] ?? { S: '' },
      [sortKey]: item[sortKey] ?? { S: '' },
    }));
    const records = await readKeys(keys, fieldsOf(query), true);
    const byId = new Map(records.map((record) => [record.webhookId, record]));
    return found.flatMap((item) => {
      const record = byId.get(item[sortKey]?.S ?? '');
      return record !== undefined && isAskedFor(record, query) ? [record] : [];
    });
  }

  return {
    async read(subscriptionId, webhookId) {
      const { Item } = await client.send(
        new GetItemCommand({
          TableName: tableName,
          Key: { [partitionKey]: { S: subscriptionId }, [sortKey]: { S: webhookId } },
          ConsistentRead: true,
        }),
      );
      return Item === undefined ? undefined : recordOf(Item);
    },

    async readMany(pairs) {
      const keys = pairs.map(({ subscriptionId, webhookId }) => ({
        [partitionKey]: { S: subscriptionId },
        [sortKey]: { S: webhookId },
      }));
      return readKeys(keys, shownFields);
    },

    async list(subscriptionId, query) {
      const deliveries: DeliveryRecord[] = [];
      let start = query.after === undefined ? undefined : keyOf(subscriptionId, query, query.after);
      for (let page = 0; page < maxPagesPerAnswer; page++) {
        const result = await client.send(
          new QueryCommand({
            TableName: tableName,
            ...expressions(subscriptionId, query),
            Limit: query.limit - deliveries.length,
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        );
        const items = result.Items ?? [];
        deliveries.push(...(readsIndex(query.state) ? await readFound(items, query) : items.map(recordOf)));
        start = result.LastEvaluatedKey;
        if (start === undefined || deliveries.length >= query.limit) break;
      }
      return start === undefined ? { deliveries } : { deliveries, next: placeOf(start) };
    },
  };
}

const shownFields: readonly string[] = [...deliveryAttributes, 'responseHead' satisfies keyof DeliveryRecord];

function fieldsOf({ withEvent = false }: DeliveryQuery): readonly string[] {
  return withEvent ? [...shownFields, 'event'] : shownFields;
}

/** As the query of the index asks. */
function isAskedFor(record: DeliveryRecord, query: DeliveryQuery): boolean {
  const { state, from = 0, to = Number.MAX_SAFE_INTEGER, replayName, eventType, lastStatus } = query;
  const { undeliveredAt, lastStatus: status = 0 } = record;
  return (
    undeliveredAt !== undefined &&
    undeliveredAt >= from &&
    undeliveredAt <= to &&
    (state === 'undelivered' || record.state === state) &&
    (replayName === undefined || record.replayName === replayName) &&
    (eventType === undefined || record.eventType === eventType) &&
    (lastStatus === undefined || (status >= lastStatus.from && status <= lastStatus.to))
  );
}

/** What was delivered has no `undeliveredAt`, so the index holds all the rest and nothing else. */
function readsIndex(state: DeliveryQuery['state']): boolean {
  return state !== undefined && state !== 'delivered';
}

/** The attributes that the table or the index has as its key, and no others: DynamoDB refuses another start. */
function keyOf(subscriptionId: string, { state }: DeliveryQuery, { webhookId, undeliveredAt = 0 }: DeliveryPlace) {
  return toAttributes({
    [partitionKey]: subscriptionId,
    [sortKey]: webhookId,
    ...(readsIndex(state) ? { [index.sortKey]: undeliveredAt } : {}),
  });
}

function placeOf(key: Record<string, AttributeValue>): DeliveryPlace {
  const { webhookId, undeliveredAt } = fromAttributes(key);
  return { webhookId: String(webhookId), undeliveredAt: safeInteger(undeliveredAt) };
}

function expressions(subscriptionId: string, query: DeliveryQuery) {
  const { state, from, to, replayName, eventType, lastStatus } = query;
  const names: Record<string, string> = { '#id': partitionKey };
  const values: Record<string, AttributeValue> = { ':id': { S: subscriptionId } };
  let KeyConditionExpression = '#id = :id';
  const usesIndex = readsIndex(state);
  if (usesIndex && (from !== undefined || to !== undefined)) {
    names['#at'] = index.sortKey;
    values[':from'] = { N: String(from ?? 0) };
    values[':to'] = { N: String(to ?? Number.MAX_SAFE_INTEGER) };
    KeyConditionExpression += ' AND #at BETWEEN :from AND :to';
  }
  const filters: string[] = [];
  if (state !== undefined && state !== 'undelivered') {
    filters.push('#state = :state');
    names['#state'] = 'state';
    values[':state'] = { S: state };
  }
  if (replayName !== undefined) {
    filters.push('replayName = :replay');
    values[':replay'] = { S: replayName };
  }
  if (eventType !== undefined) {
    filters.push('#eventType = :eventType');
    names['#eventType'] = 'eventType';
    values[':eventType'] = { S: eventType };
  }
  if (lastStatus !== undefined) {
    filters.push('#lastStatus BETWEEN :leastStatus AND :mostStatus');
    names['#lastStatus'] = 'lastStatus';
    values[':leastStatus'] = { N: String(lastStatus.from) };
    values[':mostStatus'] = { N: String(lastStatus.to) };
  }
  const shown = projection(usesIndex ? [partitionKey, sortKey] : fieldsOf(query));
  return {
    ...(usesIndex ? { IndexName: index.name, ScanIndexForward: false } : {}),
    KeyConditionExpression,
    ...(filters.length === 0 ? {} : { FilterExpression: filters.join(' AND ') }),
    ...shown,
    ExpressionAttributeNames: { ...names, ...shown.ExpressionAttributeNames },
    ExpressionAttributeValues: values,
  };
}

function recordOf(item: Item): DeliveryRecord {
  return { history: [], ...fromAttributes(item) } as unknown as DeliveryRecord & JsonObject;
}
