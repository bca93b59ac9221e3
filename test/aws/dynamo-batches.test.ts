import {
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  BatchWriteItemCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { batchGetAll, batchWriteAll } from '../../lambdas/aws/dynamo-batches.ts';

const mock = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ region: 'us-east-1' });
let sleeps: number[] = [];
let random = 0;
const deps = {
  client,
  sleep: async (ms: number) => {
    sleeps.push(ms);
  },
  random: () => random,
};
const keys = (count: number) => Array.from({ length: count }, (_, index) => toAttributes({ id: String(index) }));

beforeEach(() => {
  mock.reset();
  sleeps = [];
  random = 0;
});
afterAll(() => mock.restore());

/** Answers `taken` keys of each call and leaves over the rest. */
function answering(taken: number): void {
  mock.on(BatchGetItemCommand).callsFake(({ RequestItems = {} }: BatchGetItemCommandInput) => {
    const asked = Object.entries(RequestItems).flatMap(([table, { Keys = [] }]) => Keys.map((key) => ({ table, key })));
    const byTable = (entries: typeof asked) => Object.groupBy(entries, ({ table }) => table);
    const Responses = byTable(asked.slice(0, taken));
    const left = byTable(asked.slice(taken));
    return {
      Responses: Object.fromEntries(
        Object.entries(Responses).map(([table, found = []]) => [table, found.map(({ key }) => key)]),
      ),
      UnprocessedKeys: Object.fromEntries(
        Object.entries(left).map(([table, rest = []]) => [
          table,
          { ...RequestItems[table], Keys: rest.map(({ key }) => key) },
        ]),
      ),
    };
  });
}

describe('reading many keys', () => {
  it('takes as few calls as hold them, and asks each table in its own way', async () => {
    answering(100);
    const found = await batchGetAll(deps, {
      one: { Keys: keys(130), ConsistentRead: true },
      other: { Keys: keys(20), ProjectionExpression: 'id' },
      none: { Keys: [] },
    });
    expect([...found].map(([table, items]) => [table, items.length])).toEqual([
      ['one', 130],
      ['other', 20],
      ['none', 0],
    ]);
    const calls = mock.commandCalls(BatchGetItemCommand).map((call) => call.args[0].input.RequestItems);
    expect(calls).toHaveLength(2);
    expect(calls[1]?.one).toMatchObject({ Keys: keys(130).slice(100), ConsistentRead: true });
    expect(calls[1]?.other).toMatchObject({ Keys: keys(20), ProjectionExpression: 'id' });
  });

  it('asks again for what a throttled table left over, after a pause', async () => {
    answering(15);
    const found = await batchGetAll(deps, { one: { Keys: keys(40), ConsistentRead: true } });
    expect(found.get('one')).toEqual(keys(40));
    expect(mock.commandCalls(BatchGetItemCommand)[2]?.args[0].input.RequestItems?.one).toMatchObject({
      Keys: keys(40).slice(30),
      ConsistentRead: true,
    });
    expect(sleeps).toEqual([50, 200]);
  });

  it('gives up after four more tries and says which table it was', async () => {
    answering(0);
    await expect(batchGetAll(deps, { conversations: { Keys: keys(1) } })).rejects.toThrow(
      'conversations could not be read in full',
    );
    expect(sleeps).toEqual([50, 200, 800, 2000]);
    expect(mock.commandCalls(BatchGetItemCommand)).toHaveLength(5);
  });

  it('does not come back in step with whoever was throttled beside it', async () => {
    answering(0);
    random = 1;
    await expect(batchGetAll(deps, { one: { Keys: keys(1) } })).rejects.toThrow();
    expect(sleeps).toEqual([25, 100, 400, 1000]);
  });
});

describe('writing many items', () => {
  const puts = (count: number) => keys(count).map((Item) => ({ PutRequest: { Item } }));

  it('takes as few calls as hold them', async () => {
    mock.on(BatchWriteItemCommand).resolves({});
    await batchWriteAll(deps, 'one', puts(30));
    const calls = mock.commandCalls(BatchWriteItemCommand).map((call) => call.args[0].input.RequestItems?.one);
    expect(calls).toEqual([puts(30).slice(0, 25), puts(30).slice(25)]);
    mock.resetHistory();
    await batchWriteAll(deps, 'one', []);
    expect(mock.commandCalls(BatchWriteItemCommand)).toHaveLength(0);
  });

  it('writes again what a throttled table left over, and gives up at last', async () => {
    mock
      .on(BatchWriteItemCommand)
      .resolvesOnce({ UnprocessedItems: { one: puts(1) } })
      .resolvesOnce({});
    await batchWriteAll(deps, 'one', puts(3));
    expect(mock.commandCalls(BatchWriteItemCommand)[1]?.args[0].input.RequestItems).toEqual({ one: puts(1) });
    expect(sleeps).toEqual([50]);
    mock.on(BatchWriteItemCommand).resolves({ UnprocessedItems: { one: puts(1) } });
    await expect(batchWriteAll(deps, 'one', puts(3))).rejects.toThrow('one could not be written in full');
  });
});
