import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { CreateTableCommand, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InMemoryLeases } from '../../lab/support/in-memory/route-leases.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoRouteLeases } from '../../lambdas/aws/dynamo-route-leases.ts';
import type { RouteLeases } from '../../lambdas/provision/ports.ts';

// dynalite brings no types.
const dynalite: (options: { createTableMs: number }) => Server = createRequire(import.meta.url)('dynalite');
const TableName = 'subscriptions';

let server: Server;
let client: DynamoDBClient;

beforeAll(async () => {
  server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address !== 'string' ? address.port : 0;
  client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'subscriptionId', AttributeType: 'S' },
        { AttributeName: 'record', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'subscriptionId', KeyType: 'HASH' },
        { AttributeName: 'record', KeyType: 'RANGE' },
      ],
    }),
  );
});
afterAll(async () => {
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

let count = 0;
let id: string;
beforeEach(() => {
  id = `sub_${count++}`;
});

const kinds: [string, () => RouteLeases][] = [
  ['in the table', () => dynamoRouteLeases(client, TableName)],
  ['in memory', () => new InMemoryLeases()],
];

describe.each(kinds)('a lease %s', (_, make) => {
  it('goes to one of many that ask at once, and to the next when it is given back', async () => {
    const leases = make();
    const ask = (holder: string) => leases.take(id, { holder, now: 1_000, until: 2_000 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`run-${index}`)));
    expect(answers.filter((answer) => answer !== undefined)).toEqual([{}]);
    const winner = `run-${answers.findIndex((answer) => answer !== undefined)}`;
    await leases.release(id, 'somebody else', {});
    expect(await ask('next')).toBeUndefined();
    await leases.release(id, winner, {});
    expect(await ask('next')).toEqual({});
  });

  it('is given again to its holder, whose answer was lost', async () => {
    const leases = make();
    const lease = { holder: 'run', now: 1_000, until: 2_000 };
    await leases.take(id, lease);
    expect(await leases.take(id, lease)).toEqual({});
  });

  it('ends by itself, and what its holder did not settle is known to the next', async () => {
    const leases = make();
    await leases.take(id, { holder: 'one', now: 1_000, until: 2_000 });
    expect(await leases.take(id, { holder: 'two', now: 2_000, until: 3_000 })).toBeUndefined();
    expect(await leases.take(id, { holder: 'two', now: 2_001, until: 3_000 })).toEqual({});
    await leases.release(id, 'one', { queueDeletedAt: 1 });
    await leases.release(id, 'two', { queueDeletedAt: 1_500, rulePutAt: 1_600 });
    expect(await leases.take(id, { holder: 'three', now: 2_100, until: 3_000 })).toEqual({
      queueDeletedAt: 1_500,
      rulePutAt: 1_600,
    });
    await leases.release(id, 'three', { rulePutAt: 1_600 });
    expect(await leases.take(id, { holder: 'four', now: 2_200, until: 3_000 })).toEqual({ rulePutAt: 1_600 });
  });
});

describe('a lease in the table', () => {
  it('leaves no item when it is given back with nothing to know', async () => {
    const leases = dynamoRouteLeases(client, TableName);
    await leases.take(id, { holder: 'one', now: 1_000, until: 2_000 });
    await leases.release(id, 'one', {});
    const { Items = [] } = await client.send(new ScanCommand({ TableName }));
    expect(Items.filter(({ subscriptionId }) => subscriptionId?.S === id)).toEqual([]);
  });

  it.each([
    ['a text for a time', { holder: 'me', heldUntil: '9999-12-31' }],
    ['the year 5138', { holder: 'me', heldUntil: 99_999_999_999_999 }],
    ['nothing', {}],
  ])('that somebody has written by hand, with %s, binds nobody', async (_, fields) => {
    const Item = toAttributes({ subscriptionId: id, record: 'lease', ...fields });
    await client.send(new PutItemCommand({ TableName, Item }));
    expect(await dynamoRouteLeases(client, TableName).take(id, { holder: 'one', now: 1_000, until: 2_000 })).toEqual(
      {},
    );
  });
});
