import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoAcceptedActivities, dynamoConversationStore } from '../../lambdas/aws/dynamo-conversation-store.ts';
import { dynamoQuietPeriods } from '../../lambdas/aws/dynamo-quiet-periods.ts';
import type { ConversationStore } from '../../lambdas/inactivity/ports.ts';
import type { AcceptedActivities } from '../../lambdas/ingest/ports.ts';

let dynamo: EmbeddedDynamo;
let store: ConversationStore;
let accepted: AcceptedActivities;
let key: string;
let conversations = 0;
const random = () => 0;
const sleep = async () => {};

beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());
beforeEach(() => {
  key = `1#${++conversations}`;
  store = dynamoConversationStore({ client: dynamo.client, sleep, random, tableName: 'conversations' });
  accepted = dynamoAcceptedActivities(dynamo.client, 'conversations');
});

describe('what ingest notes of a conversation', () => {
  it('makes it no known one: it can be written as if it were not there', async () => {
    await accepted.note(key, { at: 7 });
    expect(await store.read(key)).toBeUndefined();
    expect((await store.readMany([key])).size).toBe(0);
    expect(await store.replace(key, undefined, { lastActivityAt: 5, dueAt: 15 })).toBe(true);
    expect(await store.read(key)).toEqual({ lastActivityAt: 5, dueAt: 15, acceptedAt: 7 });
  });

  it('is the newest, and stands in the way of no write', async () => {
    await store.replace(key, undefined, { lastActivityAt: 5, dueAt: 15 });
    await accepted.note(key, { at: 9 });
    await accepted.note(key, { at: 8 });
    const read = await store.read(key);
    expect(read?.acceptedAt).toBe(9);
    await accepted.note(key, { at: 11 });
    expect(await store.replace(key, read, { lastActivityAt: 9, dueAt: 19 })).toBe(true);
    expect(await store.read(key)).toEqual({ lastActivityAt: 9, dueAt: 19, acceptedAt: 11 });
    await accepted.note(key, { at: 4, closedAt: 4 });
    await accepted.note(key, { at: 12, openedAt: 12 });
    await accepted.note(key, { settledAt: 10 });
    await accepted.note(key, { settledAt: 6 });
    expect(await store.read(key)).toMatchObject({
      acceptedAt: 11,
      acceptedClosedAt: 4,
      acceptedOpenedAt: 12,
      acceptedSettledAt: 10,
    });
    expect(await timeToLive()).toBeDefined();
  });

  it('of long ago does not shorten the time for which a conversation is kept', async () => {
    const lastActivityAt = Date.UTC(2026, 10, 22);
    await store.replace(key, undefined, { lastActivityAt, dueAt: lastActivityAt + 600_000 });
    const before = await timeToLive();
    await accepted.note(key, { settledAt: Date.UTC(2020, 5, 10) });
    await accepted.note(key, { at: Date.UTC(2020, 5, 10) });
    expect(await timeToLive()).toBe(before);
  });

  async function timeToLive(): Promise<string | undefined> {
    const { Item: item } = await dynamo.client.send(
      new GetItemCommand({ TableName: 'conversations', Key: toAttributes({ conversationKey: key }) }),
    );
    return item?.ttl?.N;
  }
});

describe('a quiet period that somebody wrote into the table', () => {
  it.each([
    [300, 300],
    ['300', 300],
    [1e20, 600],
    [0.001, 600],
    [-60, 600],
    ['soon', 600],
    [true, 600],
  ])('%j is %i seconds', async (value, seconds) => {
    await dynamo.client.send(
      new PutItemCommand({ TableName: 'settings', Item: toAttributes({ orgId: '7', quietPeriodSeconds: value }) }),
    );
    const periods = dynamoQuietPeriods({
      client: dynamo.client,
      sleep,
      random,
      tableName: 'settings',
      defaultSeconds: 600,
    });
    expect(await periods.ofOrgs(['7', '8'])).toEqual(
      new Map([
        ['7', seconds],
        ['8', 600],
      ]),
    );
  });
});
