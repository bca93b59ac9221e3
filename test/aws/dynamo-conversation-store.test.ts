import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { dynamoConversationStore } from '../../lambdas/aws/dynamo-conversation-store.ts';

let dynamo: EmbeddedDynamo;
let afterWrite: (() => Promise<void>) | undefined;
let store: ReturnType<typeof dynamoConversationStore>;

beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
  const { client } = dynamo;
  // Beneath the SDK's retries: the write has its effect, and its answer does not arrive.
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (commandName !== UpdateItemCommand.name || afterWrite === undefined) return answer;
        const meanwhile = afterWrite;
        afterWrite = undefined;
        await meanwhile();
        throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
      },
    { step: 'deserialize', priority: 'high' },
  );
  store = dynamoConversationStore({
    client,
    tableName: 'conversations',
    sleep: async () => undefined,
    random: () => 0,
  });
});
afterAll(() => dynamo.stop());

describe('a write of a conversation whose answer is lost', () => {
  const armed = { lastActivityAt: 1, dueAt: 2 };
  const taken = { ...armed, dueAt: 60_002, publishing: 1 };

  it('was done by whoever asked for it: a timer that was taken is fired, and one that was set is handed over', async () => {
    afterWrite = async () => undefined;
    expect(await store.replace('1#1', undefined, armed)).toBe(true);
    afterWrite = async () => undefined;
    expect(await store.replace('1#1', armed, taken)).toBe(true);
    expect(await store.read('1#1')).toEqual(taken);
  });

  it('is no success where somebody else was first, or has been there since', async () => {
    await store.replace('1#2', undefined, armed);
    expect(await store.replace('1#2', { lastActivityAt: 1 }, taken)).toBe(false);
    const moved = { ...taken, lastActivityAt: 7 };
    afterWrite = async () => void (await store.replace('1#2', taken, moved));
    expect(await store.replace('1#2', armed, taken)).toBe(false);
    expect(await store.read('1#2')).toEqual(moved);
  });
});
