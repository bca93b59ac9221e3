import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { subscriptionRecords, tableSchemas } from '../contracts/table-schemas.ts';
import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../domain/subscriptions/subscription.ts';
import type { JsonObject } from '../json/json.ts';
import type { StateChange, SubscriptionStore } from '../ports/subscription-store.ts';
import type { DeploymentGate } from '../provision/ports.ts';
import { fromAttributes, toAttribute, toAttributes } from './dynamo-attributes.ts';

type Item = Record<string, AttributeValue>;

const { partitionKey, sortKey } = tableSchemas.subscriptions;
/** DynamoDB's limit for BatchGetItem. */
const maxKeysPerRead = 100;
/** Holds the mark of a deployment that is being deleted. `#` is in no subscription's id. */
const deploymentId = '#deployment';

/** Subscriptions in their table. Every change is one conditional write of one item; every read is consistent. */
export function dynamoSubscriptionStore(client: DynamoDBClient, tableName: string): SubscriptionStore {
  // An item written by hand may hold sets, which a plain object does not tell from lists; a condition must.
  const storedItems = new WeakMap<JsonObject, Item>();

  function configOf(item: Item): JsonObject {
    const config = fromAttributes(item);
    storedItems.set(config, item);
    return config;
  }

  async function readStates(ids: readonly string[]): Promise<Map<string, SubscriptionState>> {
    const states = new Map<string, SubscriptionState>();
    for (let start = 0; start < ids.length; start += maxKeysPerRead) {
      let keys = ids.slice(start, start + maxKeysPerRead).map((id) => keyOf(id, subscriptionRecords.state));
      while (keys.length > 0) {
        const result = await client.send(
          new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } }),
        );
        for (const item of result.Responses?.[tableName] ?? []) {
          const state = stateOf(item);
          states.set(state.subscriptionId, state);
        }
        keys = result.UnprocessedKeys?.[tableName]?.Keys ?? [];
      }
    }
    return states;
  }

  return {
    async read(subscriptionId) {
      const [config, state] = await Promise.all(
        [subscriptionRecords.config, subscriptionRecords.state].map((record) =>
          client.send(
            new GetItemCommand({ TableName: tableName, Key: keyOf(subscriptionId, record), ConsistentRead: true }),
          ),
        ),
      );
      return {
        subscriptionId,
        ...(config?.Item === undefined ? {} : { config: configOf(config.Item) }),
        ...(state?.Item === undefined ? {} : { state: stateOf(state.Item) }),
      };
    },

    async list(limit, after) {
      const items: Item[] = [];
      let start = after === undefined ? undefined : keyOf(after, subscriptionRecords.config);
      do {
        const page = await client.send(
          new ScanCommand({
            TableName: tableName,
            ConsistentRead: true,
            FilterExpression: '#record = :config',
            ExpressionAttributeNames: { '#record': sortKey },
            ExpressionAttributeValues: { ':config': { S: subscriptionRecords.config } },
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        );
        items.push(...(page.Items ?? []));
        start = page.LastEvaluatedKey;
      } while (start !== undefined && items.length <= limit);

      const shown = items.slice(0, limit);
      const states = await readStates(shown.map(idOf));
      const subscriptions = shown.map((item): StoredSubscription => {
        const subscriptionId = idOf(item);
        const state = states.get(subscriptionId);
        return { subscriptionId, config: configOf(item), ...(state === undefined ? {} : { state }) };
      });
      const last = shown.at(-1);
      return items.length > limit && last !== undefined ? { subscriptions, next: idOf(last) } : { subscriptions };
    },

    async *allIds() {
      let start: Item | undefined;
      do {
        const page = await client.send(
          new ScanCommand({
            TableName: tableName,
            ConsistentRead: true,
            ProjectionExpression: '#id',
            ExpressionAttributeNames: { '#id': partitionKey },
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        );
        yield [...new Set((page.Items ?? []).map(idOf))].filter((id) => id !== deploymentId);
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
    },

    create(config) {
      return succeeds(
        client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: itemOf(config),
            ConditionExpression: 'attribute_not_exists(#id)',
            ExpressionAttributeNames: { '#id': partitionKey },
          }),
        ),
      );
    },

    replace(expected, next) {
      return succeeds(
        client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: itemOf(next),
            ...unchanged(storedItems.get(expected) ?? toAttributes(expected)),
          }),
        ),
      );
    },

    remove(subscriptionId, expected) {
      const condition =
        expected === undefined
          ? { ConditionExpression: 'attribute_exists(#id)', ExpressionAttributeNames: { '#id': partitionKey } }
          : unchanged(storedItems.get(expected) ?? toAttributes(expected));
      return succeeds(
        client.send(
          new DeleteItemCommand({
            TableName: tableName,
            Key: keyOf(subscriptionId, subscriptionRecords.config),
            ...condition,
          }),
        ),
      );
    },

    async changeState(subscriptionId, change) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(subscriptionId, subscriptionRecords.state),
          ...updateExpression(change),
        }),
      );
    },

    async keepGeneratedSecret(subscriptionId, secret) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(subscriptionId, subscriptionRecords.state),
          UpdateExpression: 'SET generatedSecrets = if_not_exists(generatedSecrets, :secrets)',
          ExpressionAttributeValues: { ':secrets': toAttribute([{ secret }]) },
        }),
      );
    },

    async removeState(subscriptionId) {
      await client.send(
        new DeleteItemCommand({ TableName: tableName, Key: keyOf(subscriptionId, subscriptionRecords.state) }),
      );
    },
  };
}

/** The mark lies in the subscriptions table, as a `state` record, so that it wakes nobody. */
export function dynamoDeploymentGate(client: DynamoDBClient, tableName: string): DeploymentGate {
  const Key = keyOf(deploymentId, subscriptionRecords.state);
  return {
    async isClosed() {
      const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }));
      return Item !== undefined;
    },
    async close() {
      await client.send(new PutItemCommand({ TableName: tableName, Item: { ...Key, closed: { BOOL: true } } }));
    },
    async open() {
      await client.send(new DeleteItemCommand({ TableName: tableName, Key }));
    },
  };
}

function keyOf(subscriptionId: string, record: string): Item {
  return { [partitionKey]: { S: subscriptionId }, [sortKey]: { S: record } };
}

function idOf(item: Item): string {
  return item[partitionKey]?.S ?? '';
}

function stateOf(item: Item): SubscriptionState {
  const { [sortKey]: _, ...state } = fromAttributes(item);
  return { provisioning: 'pending', ...state } as unknown as SubscriptionState;
}

function itemOf({ filter, ...config }: SubscriptionConfig): Item {
  return toAttributes({
    ...config,
    [sortKey]: subscriptionRecords.config,
    // As its text: DynamoDB writes `300.0` as `300`, and a pattern tells them apart.
    filter: filter === undefined ? undefined : JSON.stringify(filter),
  });
}

/** DynamoDB takes expressions of 4 KB and 300 operators; a leaf below costs about 20 characters and two operators. */
const maxLeaves = 100;

/**
 * Holds while the stored item is this one. Lists and maps are compared leaf by leaf: DynamoDB could compare them whole,
 * the embedded engine cannot. Of an item with very many leaves the last ones are compared by their number only; every
 * change that is made here moves `updatedAt` as well.
 */
function unchanged(item: Item): {
  ConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Item;
} {
  const names: Record<string, string> = {};
  const values: Item = {};
  const nameOf = (name: string): string => {
    const placeholder = `#n${Object.keys(names).length}`;
    names[placeholder] = name;
    return placeholder;
  };
  const bind = (value: AttributeValue): string => {
    const placeholder = `:v${Object.keys(values).length}`;
    values[placeholder] = value;
    return placeholder;
  };
  const sizeIs = (path: string, size: number): string => `size(${path}) = ${bind({ N: String(size) })}`;

  /** `pathOf` is called only where the path is used: DynamoDB refuses a name that no expression has. */
  function equals(pathOf: () => string, value: AttributeValue): string[] {
    const isFull = Object.keys(values).length >= maxLeaves;
    if (value.L !== undefined) {
      const path = pathOf();
      const elements = isFull ? [] : value.L.flatMap((element, index) => equals(() => `${path}[${index}]`, element));
      return [sizeIs(path, value.L.length), ...elements];
    }
    if (value.M !== undefined) {
      const path = pathOf();
      const members = Object.entries(value.M);
      const parts = isFull ? [] : members.flatMap(([name, member]) => equals(() => `${path}.${nameOf(name)}`, member));
      return [sizeIs(path, members.length), ...parts];
    }
    return isFull ? [] : [`${pathOf()} = ${bind(value)}`];
  }

  // What changes with every write first, in case not all of it fits.
  const attributes = Object.entries(item).sort(([one], [other]) => rank(one) - rank(other));
  const conditions = [
    ...attributes.flatMap(([name, value]) => equals(() => nameOf(name), value)),
    ...optionalAttributes.filter((name) => !(name in item)).map((name) => `attribute_not_exists(${nameOf(name)})`),
  ];
  return {
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}

function rank(name: string): number {
  const first = ['updatedAt', 'url', 'status', 'secrets'].indexOf(name);
  return first === -1 ? 4 : first;
}

const optionalAttributes: readonly (keyof SubscriptionConfig)[] = [
  'orgIds',
  'filter',
  'headers',
  'description',
  'status',
  'maxConcurrency',
  'maxBatchingWindowSeconds',
  'secrets',
  'createdAt',
  'updatedAt',
];

function updateExpression({ set = {}, remove = [] }: StateChange) {
  const values = Object.entries(toAttributes(set));
  const removed = remove.filter((name) => !(name in set));
  const sets = values.map((_, index) => `#s${index} = :s${index}`);
  const removes = removed.map((_, index) => `#r${index}`);
  return {
    UpdateExpression: [
      ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
      ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(', ')}`]),
    ].join(' '),
    ExpressionAttributeNames: Object.fromEntries([
      ...values.map(([name], index) => [`#s${index}`, name]),
      ...removed.map((name, index) => [`#r${index}`, name]),
    ]),
    ...(values.length === 0
      ? {}
      : { ExpressionAttributeValues: Object.fromEntries(values.map(([, value], index) => [`:s${index}`, value])) }),
  };
}

async function succeeds(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
