import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EngineClock, systemClock } from '../../../../local/aws/engine/engine-clock.ts';
import { createDynamoTables } from '../../../../local/aws/wire/dynamodb.ts';
import { accountId, type LocalAws, region, startLocalAws } from './local-aws.ts';

let aws: LocalAws;
let tableNumber = 0;
beforeAll(async () => {
  aws = await startLocalAws();
});
afterAll(() => aws.stop());

/** A table with a stream, made with the real client. */
async function aTable(): Promise<{ TableName: string; streamArn: string }> {
  const TableName = `table-${++tableNumber}`;
  const { TableDescription } = await aws.dynamo.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'timerShard', AttributeType: 'N' },
        { AttributeName: 'dueAt', AttributeType: 'N' },
      ],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'due',
          KeySchema: [
            { AttributeName: 'timerShard', KeyType: 'HASH' },
            { AttributeName: 'dueAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  return { TableName, streamArn: TableDescription?.LatestStreamArn ?? '' };
}

/** What the stream's readers get, without what AWS makes up. */
function changesOf(streamArn: string): unknown[] {
  const records = aws.tables.stream(streamArn)?.read(0, 1000) ?? [];
  return records.map(({ record }) => {
    const { Keys, NewImage, OldImage } = record.dynamodb;
    return [record.eventName, Keys, OldImage, NewImage];
  });
}

const id = (text: string) => ({ id: { S: text } });

describe('a table', () => {
  test('compares lists and maps by what they hold, in any order of keys and spelling of numbers', async () => {
    const { TableName } = await aTable();
    const list = (first: string) => ({ L: [{ N: first }, { M: { a: { S: 'x' }, b: { L: [] } } }] });
    await aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('1'), deep: { M: { parts: list('1') } } } }));
    const holds = (condition: string, value: AttributeValue) =>
      aws.dynamo
        .send(
          new UpdateItemCommand({
            TableName,
            Key: id('1'),
            UpdateExpression: 'SET seen = :one',
            ConditionExpression: condition,
            ExpressionAttributeValues: { ':value': value, ':one': { N: '1' } },
          }),
        )
        .then(
          () => true,
          (error: unknown) => {
            if (error instanceof ConditionalCheckFailedException) return false;
            throw error;
          },
        );
    const otherOrder = { L: [{ N: '1.0' }, { M: { b: { L: [] }, a: { S: 'x' } } }] };
    expect(await holds('deep.parts = :value', otherOrder)).toBe(true);
    expect(await holds('deep = :value AND NOT seen <> :one', { M: { parts: otherOrder } })).toBe(true);
    expect(await holds('deep.parts = :value', list('2'))).toBe(false);
    expect(await holds('deep.parts = :value', { L: list('1').L.slice(1) })).toBe(false);
    expect(await holds('deep.parts <> :value', list('2'))).toBe(true);
    expect(await holds('deep = :value', list('1'))).toBe(false);
    expect(await holds('deep.absent = :value', list('1'))).toBe(false);
  });

  test('keeps items, digit for digit', async () => {
    const { TableName } = await aTable();
    const Item = {
      ...id('1'),
      n: { N: '9007199254740993' },
      b: { B: new Uint8Array([0, 255]) },
      m: { M: { l: { L: [{ BOOL: true }] } } },
    };
    await aws.dynamo.send(new PutItemCommand({ TableName, Item }));
    expect((await aws.dynamo.send(new GetItemCommand({ TableName, Key: id('1'), ConsistentRead: true }))).Item).toEqual(
      Item,
    );
  });

  test('refuses a conditional write with the exception that the client knows', async () => {
    const { TableName } = await aTable();
    const put = new PutItemCommand({ TableName, Item: id('1'), ConditionExpression: 'attribute_not_exists(id)' });
    await aws.dynamo.send(put);
    await expect(aws.dynamo.send(put)).rejects.toThrow(ConditionalCheckFailedException);
  });

  test('lets one of many racing conditional updates win', async () => {
    const { TableName } = await aTable();
    const race = Array.from({ length: 30 }, (_, index) =>
      aws.dynamo
        .send(
          new UpdateItemCommand({
            TableName,
            Key: id('1'),
            UpdateExpression: 'SET winner = :me',
            ConditionExpression: 'attribute_not_exists(winner)',
            ExpressionAttributeValues: { ':me': { N: String(index) } },
          }),
        )
        .then(
          () => 1,
          () => 0,
        ),
    );
    expect((await Promise.all(race)).reduce((sum: number, won) => sum + won, 0)).toBe(1);
  });

  test('answers queries of an index in order, page by page', async () => {
    const { TableName } = await aTable();
    for (const dueAt of [30, 10, 20]) {
      await aws.dynamo.send(
        new PutItemCommand({
          TableName,
          Item: { ...id(`c${dueAt}`), timerShard: { N: '1' }, dueAt: { N: String(dueAt) } },
        }),
      );
    }
    const query = {
      TableName,
      IndexName: 'due',
      KeyConditionExpression: 'timerShard = :s AND dueAt <= :t',
      ExpressionAttributeValues: { ':s': { N: '1' }, ':t': { N: '25' } },
      Limit: 1,
    };
    const first = await aws.dynamo.send(new QueryCommand(query));
    const second = await aws.dynamo.send(
      new QueryCommand({ ...query, ...(first.LastEvaluatedKey && { ExclusiveStartKey: first.LastEvaluatedKey }) }),
    );
    expect([first.Items, second.Items].flat().map((item) => item?.id?.S)).toEqual(['c10', 'c20']);
  });

  test('takes batches', async () => {
    const { TableName } = await aTable();
    const requests = ['1', '2'].map((key) => ({ PutRequest: { Item: id(key) } }));
    await aws.dynamo.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }));
    const got = await aws.dynamo.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [id('1'), id('2'), id('3')] } } }),
    );
    expect(got.Responses?.[TableName]).toHaveLength(2);
  });

  test('that is not there is a ResourceNotFoundException', async () => {
    const get = new GetItemCommand({ TableName: 'nothing', Key: id('1') });
    await expect(aws.dynamo.send(get)).rejects.toThrow(ResourceNotFoundException);
  });

  test('refuses an option that would be left out without a word', async () => {
    const { TableName } = await aTable();
    const put = new PutItemCommand({ TableName, Item: id('1'), ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
    await expect(aws.dynamo.send(put)).rejects.toThrow(
      'dynamodb.PutItem: ReturnValuesOnConditionCheckFailure is not served here',
    );
  });
});

describe('a request is refused as DynamoDB refuses it:', () => {
  const nested = (wrappers: number): AttributeValue =>
    wrappers === 0
      ? { S: 'x' }
      : wrappers % 2 === 0
        ? { M: { M: nested(wrappers - 1) } }
        : { L: [nested(wrappers - 1)] };

  test('more than 32 levels of nesting, in an item, a batch and the values of an expression', async () => {
    const { TableName } = await aTable();
    const put = (wrappers: number) => new PutItemCommand({ TableName, Item: { ...id('1'), deep: nested(wrappers) } });
    await aws.dynamo.send(put(31));
    const [Item, ExpressionAttributeValues] = [{ ...id('1'), deep: nested(32) }, { ':v': nested(32) }];
    const UpdateExpression = 'SET deep = :v';
    for (const refused of [
      aws.dynamo.send(put(32)),
      aws.dynamo.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item } }] } })),
      aws.dynamo.send(new UpdateItemCommand({ TableName, Key: id('1'), UpdateExpression, ExpressionAttributeValues })),
    ]) {
      await expect(refused).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining('Nesting Levels have exceeded supported limits'),
      });
    }
  });

  test.each<[string, AttributeValue, string]>([
    ['a < :v', { BOOL: true }, 'operator: <, operand type: BOOL'],
    ['NOT (id = :id OR :v >= a)', { L: [] }, 'operator: >=, operand type: L'],
    ['size(a) > :v', { SS: ['x'] }, 'operator: >, operand type: SS'],
    ['a BETWEEN :v AND :v', { NULL: true }, 'operator: BETWEEN, operand type: NULL'],
  ])('an order of what has none, whatever the item: %s', async (condition, value, message) => {
    const { TableName } = await aTable();
    const ExpressionAttributeValues = { ':v': value, ...(condition.includes(':id') ? { ':id': { S: '1' } } : {}) };
    const put = { TableName, Item: id('1'), ConditionExpression: condition, ExpressionAttributeValues };
    const scan = { TableName, FilterExpression: condition, ExpressionAttributeValues };
    const refusal = (kind: string) => `Invalid ${kind}: Incorrect operand type for operator or function; ${message}`;
    await expect(aws.dynamo.send(new PutItemCommand(put))).rejects.toThrow(refusal('ConditionExpression'));
    await expect(aws.dynamo.send(new ScanCommand(scan))).rejects.toThrow(refusal('FilterExpression'));
  });

  test('an order of what stands in the item only is false', async () => {
    const { TableName } = await aTable();
    await aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('1'), a: { BOOL: true } } }));
    const put = new PutItemCommand({
      TableName,
      Item: id('1'),
      ConditionExpression: 'a < :v',
      ExpressionAttributeValues: { ':v': { N: '1' } },
    });
    await expect(aws.dynamo.send(put)).rejects.toThrow(ConditionalCheckFailedException);
  });

  test.each(['begins_with(s, :e)', 's = :e', 's > :e', 's BETWEEN :e AND :z'])(
    'an empty text for a key: %s',
    async (condition) => {
      const TableName = `table-${++tableNumber}`;
      await aws.tables.create({
        definition: {
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: ['p', 's'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
          KeySchema: [
            { AttributeName: 'p', KeyType: 'HASH' },
            { AttributeName: 's', KeyType: 'RANGE' },
          ],
        },
      });
      const query = new QueryCommand({
        TableName,
        KeyConditionExpression: `p = :p AND ${condition}`,
        ExpressionAttributeValues: {
          ...{ ':p': { S: 'a' }, ':e': { S: '' } },
          ...(condition.includes(':z') ? { ':z': { S: 'z' } } : {}),
        },
      });
      await expect(aws.dynamo.send(query)).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining('cannot contain an empty string value. Key: s'),
      });
    },
  );

  test('an empty text for the key of an index, however it is written', async () => {
    const TableName = `table-${++tableNumber}`;
    await aws.tables.create({
      definition: {
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['id', 'g'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        GlobalSecondaryIndexes: [
          {
            IndexName: 'by-g',
            KeySchema: [{ AttributeName: 'g', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        ],
      },
    });
    await aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('1'), g: { S: 'x' } } }));
    for (const refused of [
      aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('2'), g: { S: '' } } })),
      aws.dynamo.send(
        new UpdateItemCommand({
          TableName,
          Key: id('1'),
          UpdateExpression: 'SET g = :e',
          ExpressionAttributeValues: { ':e': { S: '' } },
        }),
      ),
    ]) {
      await expect(refused).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining('IndexName: by-g, IndexKey: g'),
      });
    }
  });
});

test.each([undefined, 'NONE' as const])(
  'nobody hears of units who did not ask (%s)',
  async (ReturnConsumedCapacity) => {
    const measured: string[] = [];
    const tables = createDynamoTables({
      clock: systemClock(),
      region,
      accountId,
      measure: (_namespace, metric) => measured.push(metric),
    });
    const { name: TableName } = await tables.create({
      definition: {
        TableName: 'counted',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      },
    });
    const requests: Record<string, Record<string, unknown>> = {
      PutItem: { TableName, Item: id('1') },
      UpdateItem: { TableName, Key: id('1') },
      GetItem: { TableName, Key: id('1') },
      Query: { TableName, KeyConditionExpression: 'id = :id', ExpressionAttributeValues: { ':id': { S: '1' } } },
      Scan: { TableName },
      BatchGetItem: { RequestItems: { [TableName]: { Keys: [id('1')] } } },
      BatchWriteItem: { RequestItems: { [TableName]: [{ PutRequest: { Item: id('2') } }] } },
      DeleteItem: { TableName, Key: id('1') },
    };
    for (const [operation, request] of Object.entries(requests)) {
      const input = { ...request, ...(ReturnConsumedCapacity === undefined ? {} : { ReturnConsumedCapacity }) };
      const answer = await tables.service.operations[operation]?.answer(input, { accessKeyId: 'x', region });
      expect(Object.keys(answer as object), operation).not.toContain('ConsumedCapacity');
    }
    tables.stop();
    expect(measured).toContain('ConsumedReadCapacityUnits');
  },
);

describe('the stream of a table', () => {
  test('records a first write, a change and a deletion with both images', async () => {
    const { TableName, streamArn } = await aTable();
    await aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('1'), v: { N: '1' } } }));
    await aws.dynamo.send(
      new UpdateItemCommand({
        TableName,
        Key: id('1'),
        UpdateExpression: 'SET v = v + :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
    await aws.dynamo.send(new DeleteItemCommand({ TableName, Key: id('1') }));
    const [one, two] = [
      { ...id('1'), v: { N: '1' } },
      { ...id('1'), v: { N: '2' } },
    ];
    expect(changesOf(streamArn)).toEqual([
      ['INSERT', id('1'), undefined, one],
      ['MODIFY', id('1'), one, two],
      ['REMOVE', id('1'), two, undefined],
    ]);
  });

  test('records each item of a batch', async () => {
    const { TableName, streamArn } = await aTable();
    await aws.dynamo.send(new PutItemCommand({ TableName, Item: id('1') }));
    await aws.dynamo.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: [{ DeleteRequest: { Key: id('1') } }, { PutRequest: { Item: id('2') } }] },
      }),
    );
    expect(changesOf(streamArn).slice(1)).toEqual(
      expect.arrayContaining([
        ['REMOVE', id('1'), id('1'), undefined],
        ['INSERT', id('2'), undefined, id('2')],
      ]),
    );
  });

  test('is silent where nothing changes: the same item again, a deletion of nothing, a refused write', async () => {
    const { TableName, streamArn } = await aTable();
    const put = { TableName, Item: { ...id('1'), v: { N: '1' } } };
    await aws.dynamo.send(new PutItemCommand(put));
    await aws.dynamo.send(new PutItemCommand(put));
    await aws.dynamo.send(
      new UpdateItemCommand({
        TableName,
        Key: id('1'),
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': { N: '1' } },
      }),
    );
    await aws.dynamo.send(new DeleteItemCommand({ TableName, Key: id('2') }));
    const refused = new PutItemCommand({ TableName, Item: id('1'), ConditionExpression: 'attribute_not_exists(id)' });
    await expect(aws.dynamo.send(refused)).rejects.toThrow();
    expect(changesOf(streamArn)).toHaveLength(1);
  });

  test('keeps the order of racing writes: each old image is the new image before it', async () => {
    const { TableName, streamArn } = await aTable();
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        aws.dynamo.send(new PutItemCommand({ TableName, Item: { ...id('1'), v: { N: String(index) } } })),
      ),
    );
    const changes = changesOf(streamArn) as [string, unknown, unknown, unknown][];
    expect(changes).toHaveLength(50);
    for (const [index, [, , oldImage]] of changes.entries()) {
      expect(oldImage).toEqual(index === 0 ? undefined : changes[index - 1]?.[3]);
    }
  });
});

describe('the time to live', () => {
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  async function anExpiringTable(nowSeconds: () => number) {
    const clock: EngineClock = { ...systemClock(), now: () => nowSeconds() * 1000, setTimer: () => () => {} };
    const tables = createDynamoTables({ clock, region, accountId });
    stops.push(() => tables.stop());
    const { name, streamArn = '' } = await tables.create({
      definition: {
        TableName: 'expiring',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      },
      timeToLiveAttribute: 'ttl',
    });
    const call = { accessKeyId: 'x', region };
    const send = async (operation: string, input: Record<string, unknown>) =>
      (await tables.service.operations[operation]?.answer({ TableName: name, ...input }, call)) as Record<
        string,
        unknown
      >;
    const keys = async () =>
      ((await send('Scan', {})).Items as { id: { S: string } }[]).map((item) => item.id.S).sort();
    return { tables, send, keys, stream: tables.stream(streamArn) };
  }

  test('deletes what is due, says so in the stream, and leaves the rest', async () => {
    let now = 1_000_000_000;
    const { tables, send, keys, stream } = await anExpiringTable(() => now);
    const put = (key: string, ttl: Record<string, unknown>) => send('PutItem', { Item: { ...id(key), ...ttl } });
    await put('due', { ttl: { N: String(now + 10) } });
    await put('later', { ttl: { N: String(now + 1000) } });
    await put('never', {});
    await put('no number', { ttl: { S: 'soon' } });
    await put('prolonged', { ttl: { N: String(now + 10) } });
    await put('prolonged', { ttl: { N: String(now + 1000) } });
    await put('deleted', { ttl: { N: String(now + 10) } });
    await send('DeleteItem', { Key: id('deleted') });
    await put('ancient', { ttl: { N: '1' } });

    now += 11;
    expect(await tables.deleteExpired()).toBe(1);
    expect(await keys()).toEqual(['ancient', 'later', 'never', 'no number', 'prolonged']);
    expect(stream?.read(0, 100).at(-1)?.record).toMatchObject({
      eventName: 'REMOVE',
      userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
      dynamodb: { Keys: id('due') },
    });
    expect(await tables.deleteExpired()).toBe(0);
  });
});
