import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IndexedConversations } from '../../lab/bench/indexed-conversations.ts';
import { ConversationTable } from '../../lab/simulator/conversation-table.ts';
import { Random } from '../../lab/simulator/random.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { InMemoryConversations } from '../../lab/support/in-memory/conversations.ts';
import { dynamoConversationStore } from '../../lambdas/aws/dynamo-conversation-store.ts';
import { type Conversation, timerShardOf, timerShards } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../../lambdas/inactivity/ports.ts';
import { calmInvocation } from './calm-invocation.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

const inDynamo = (): ConversationStore =>
  dynamoConversationStore({
    client: dynamo.client,
    tableName: 'conversations',
    sleep: async () => undefined,
    random: () => 0,
  });

describe.each<[string, () => ConversationStore]>([
  ['DynamoDB', inDynamo],
  ['memory', () => new InMemoryConversations()],
  ['the bench', () => new IndexedConversations()],
  ['the simulator', () => new ConversationTable(() => 0, new Random(1)).portsFor(calmInvocation())],
])('conversations kept in %s', (_, make) => {
  let store: ConversationStore;
  // Their table is shared, their keys are not.
  let organisation = 0;
  let count = 0;
  beforeEach(() => {
    store = make();
    organisation++;
  });
  const aKey = () => `${organisation}#${++count}`;

  async function stored(conversation: Conversation, key = aKey()): Promise<string> {
    expect(await store.replace(key, undefined, conversation)).toBe(true);
    return key;
  }
  async function dueBy(until: number): Promise<DueTimer[]> {
    const found: DueTimer[] = [];
    for (let shard = 0; shard < timerShards; shard++) {
      let before = Number.NEGATIVE_INFINITY;
      for await (const page of store.dueTimers(shard, until)) {
        for (const timer of page) {
          expect(timerShardOf(timer.conversationKey)).toBe(shard);
          expect(timer.dueAt).toBeGreaterThanOrEqual(before);
          before = timer.dueAt;
          if (timer.conversationKey.startsWith(`${organisation}#`)) found.push(timer);
        }
      }
    }
    return found;
  }

  it('come back as they were written, and one that is not known does not', async () => {
    const armed = await stored({ lastActivityAt: 1_000, dueAt: 2_000 });
    const quiet = await stored({ lastActivityAt: 3_000 });
    expect(await store.read(armed)).toEqual({ lastActivityAt: 1_000, dueAt: 2_000 });
    expect(await store.read(quiet)).toEqual({ lastActivityAt: 3_000 });
    expect(await store.read(aKey())).toBeUndefined();
    const read = await store.readMany([armed, quiet, aKey(), armed]);
    expect(read).toEqual(
      new Map([
        [armed, { lastActivityAt: 1_000, dueAt: 2_000 }],
        [quiet, { lastActivityAt: 3_000 }],
      ]),
    );
    expect(await store.readMany([])).toEqual(new Map());
  });

  it('come back together however many are asked for', async () => {
    const keys = await Promise.all(Array.from({ length: 130 }, (__, at) => stored({ lastActivityAt: at })));
    const read = await store.readMany(keys);
    expect(keys.map((key) => read.get(key)?.lastActivityAt)).toEqual(keys.map((__, at) => at));
  });

  it.each<[string, Conversation | undefined, boolean]>([
    ['is what is stored', { lastActivityAt: 1, dueAt: 2 }, true],
    ['is not known', undefined, false],
    ['has another activity', { lastActivityAt: 2, dueAt: 2 }, false],
    ['has another timer', { lastActivityAt: 1, dueAt: 3 }, false],
    ['has no timer', { lastActivityAt: 1 }, false],
  ])('are replaced only where what was expected %s', async (__, expected, isReplaced) => {
    const key = await stored({ lastActivityAt: 1, dueAt: 2 });
    expect(await store.replace(key, expected, { lastActivityAt: 9 })).toBe(isReplaced);
    expect(await store.read(key)).toEqual(isReplaced ? { lastActivityAt: 9 } : { lastActivityAt: 1, dueAt: 2 });
  });

  it('that have no timer are not taken for one that has', async () => {
    const key = await stored({ lastActivityAt: 1 });
    expect(await store.replace(key, { lastActivityAt: 1, dueAt: 2 }, { lastActivityAt: 9 })).toBe(false);
    expect(await store.replace(aKey(), { lastActivityAt: 1 }, { lastActivityAt: 9 })).toBe(false);
  });

  it('may be replaced by what they are: a look that came early changes nothing', async () => {
    const armed = { lastActivityAt: 1, dueAt: 2 };
    const key = await stored(armed);
    expect(await store.replace(key, armed, armed)).toBe(true);
    expect(await store.replace(key, { lastActivityAt: 1 }, { lastActivityAt: 1 })).toBe(false);
    expect(await store.read(key)).toEqual(armed);
  });

  it('are replaced by one of many who expect the same', async () => {
    const key = await stored({ lastActivityAt: 1, dueAt: 2 });
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (__, at) =>
        store.replace(key, { lastActivityAt: 1, dueAt: 2 }, { lastActivityAt: 1, dueAt: 100 + at }),
      ),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });

  it('keep each of their fields, compare it, and lose it when it is taken away', async () => {
    const whole = { lastActivityAt: 1, dueAt: 2, closedAt: 3, openedAt: 4, settledAt: 5, publishing: 6 };
    const key = await stored(whole);
    expect(await store.replace(key, { lastActivityAt: 1, dueAt: 2 }, { lastActivityAt: 9 })).toBe(false);
    const next = { ...whole, lastActivityAt: 5 };
    expect(await store.replace(key, whole, next)).toBe(true);
    expect(await store.read(key)).toEqual(next);
    expect(await store.replace(key, next, { lastActivityAt: 5, dueAt: 2 })).toBe(true);
    expect(await store.read(key)).toEqual({ lastActivityAt: 5, dueAt: 2 });
  });

  it('are due by the time of their timer, the earliest first, each in its shard, until it is taken away', async () => {
    const keys = await Promise.all([70, 10, 50, 90, 30].map((dueAt) => stored({ lastActivityAt: 0, dueAt })));
    await stored({ lastActivityAt: 0 });
    const [late = '', early = '', middle = '', , soon = ''] = keys;
    const due = await dueBy(70);
    expect(new Set(due.map(({ conversationKey }) => conversationKey))).toEqual(new Set([late, early, middle, soon]));
    expect(due.find(({ conversationKey }) => conversationKey === middle)?.dueAt).toBe(50);
    await store.replace(early, { lastActivityAt: 0, dueAt: 10 }, { lastActivityAt: 5 });
    await store.replace(soon, { lastActivityAt: 0, dueAt: 30 }, { lastActivityAt: 5, dueAt: 71 });
    await store.replace(middle, { lastActivityAt: 0, dueAt: 50 }, { lastActivityAt: 5, dueAt: 50 });
    const after = await dueBy(70);
    expect(new Set(after.map(({ conversationKey }) => conversationKey))).toEqual(new Set([late, middle]));
  });
});
