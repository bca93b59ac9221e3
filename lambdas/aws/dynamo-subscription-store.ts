import {
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
import { fieldNames } from '../domain/subscriptions/subscription-fields.ts';
import type { JsonObject } from '../json/json.ts';
import type { StateChange, SubscriptionStore } from '../ports/subscription-store.ts';
import type { DeploymentGate, Teardown } from '../provision/ports.ts';
import { fromAttributes, toAttribute, toAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll, type Item } from './dynamo-batches.ts';
import { conditionExpression, ifConditionHolds, updateExpression, withCondition } from './dynamo-expressions.ts';

const { partitionKey, sortKey } = tableSchemas.subscriptions;
/** Where the deployment's own record lies: no id of a subscription has a `#`, and no subscription a record of this name. */
const deploymentKey = keyOf('#deployment', 'deployment');

/** Subscriptions in their table. Every change is one conditional write of one item; every read is consistent. */
export function dynamoSubscriptionStore(deps: BatchDeps & { readonly tableName: string }): SubscriptionStore {
  const { client, tableName } = deps;
  // An item written by hand may hold sets, which a plain object does not tell from lists; a condition must.
  const storedItems = new WeakMap<JsonObject, Item>();

  function configOf(item: Item): JsonObject {
    const config = fromAttributes(item);
    storedItems.set(config, item);
    return config;
  }

  async function readStates(ids: readonly string[]): Promise<Map<string, SubscriptionState>> {
    const Keys = ids.map((id) => keyOf(id, subscriptionRecords.state));
    const items = (await batchGetAll(deps, { [tableName]: { Keys, ConsistentRead: true } })).get(tableName) ?? [];
    return new Map(items.map((item) => [idOf(item), stateOf(item)]));
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
        yield [...new Set((page.Items ?? []).map(idOf))].filter((id) => id !== idOf(deploymentKey));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
    },

    create(config) {
      return succeeds(
        client.send(
          new PutItemCommand({
            TableName: tableName,
            Item: itemOf(config),
            ...conditionExpression({}, [partitionKey]),
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

    changeState(subscriptionId, { set = {}, remove = [], expected }) {
      const update = updateExpression(
        set,
        remove.filter((name) => !(name in set)),
      );
      return succeeds(
        client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(subscriptionId, subscriptionRecords.state),
            ...(expected === undefined ? update : withCondition(update, stillStored(expected))),
          }),
        ),
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

/**
 * The mark lies in the subscriptions table and wakes nobody, since it is no `config`. Delivery functions may write a few
 * attributes of that table's items; none of the mark's is among them.
 */
export function dynamoDeploymentGate(client: DynamoDBClient, tableName: string): DeploymentGate {
  async function read(): Promise<Item | undefined> {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key: deploymentKey, ConsistentRead: true }),
    );
    // That there is an item says nothing: anybody who may write to the table can make one.
    return Item?.closed?.BOOL === true ? Item : undefined;
  }

  return {
    isClosed: async () => (await read()) !== undefined,
    async teardown() {
      const { teardown } = fromAttributes((await read()) ?? {});
      return teardown as Teardown | undefined;
    },
    async close(teardown) {
      const Item = {
        ...deploymentKey,
        closed: { BOOL: true },
        teardown: toAttribute({ ...teardown, request: { ...teardown.request } }),
      };
      await client.send(new PutItemCommand({ TableName: tableName, Item }));
    },
    async open() {
      await client.send(new DeleteItemCommand({ TableName: tableName, Key: deploymentKey }));
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

/** Holds while the stored item is this one and has nothing beside it. */
function unchanged(item: Item) {
  return conditionExpression(
    item,
    attributeNames.filter((name) => !(name in item)),
  );
}

function stillStored(expected: NonNullable<StateChange['expected']>) {
  const absent = Object.entries(expected).flatMap(([name, value]) => (value === undefined ? [name] : []));
  return conditionExpression(toAttributes(expected), absent);
}

/** A field that somebody has added meanwhile counts as a change too. */
const attributeNames: readonly (keyof SubscriptionConfig)[] = [...fieldNames, 'secrets', 'createdAt', 'updatedAt'];

async function succeeds(write: Promise<unknown>): Promise<boolean> {
  return (await ifConditionHolds(write)) !== undefined;
}
