import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { InMemoryQueuedReplays } from '../../lab/support/in-memory/management.ts';
import { dynamoQueuedReplays } from '../../lambdas/aws/dynamo-queued-replays.ts';
import type { QueuedReplays } from '../../lambdas/manage/ports.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

// One suite, run against what is deployed and against what the other tests use in its place.
describe.each<[string, () => QueuedReplays]>([
  ['DynamoDB', () => dynamoQueuedReplays(dynamo.client, 'deliveries', 86_400)],
  ['memory', () => new InMemoryQueuedReplays()],
])('the replays that put events into a queue, kept in %s', (_, make) => {
  it('are known with the number of their events and the time of the last, empty ones too', async () => {
    const replays = make();
    await replays.add('one', 0, 1000);
    expect(await replays.read('one')).toEqual({ queued: 0, queuedAt: 1000 });
    await replays.add('one', 3, 2000);
    await replays.add('other', 1, 2000);
    await replays.add('one', 4, 3000);
    expect(await replays.read('one')).toEqual({ queued: 7, queuedAt: 3000 });
    expect(await replays.read('never')).toBeUndefined();
  });

  it('count all that is recorded under one name at once', async () => {
    const replays = make();
    await Promise.all([1, 2, 3, 4].map((queued) => replays.add('shared', queued, 1000)));
    expect(await replays.read('shared')).toEqual({ queued: 10, queuedAt: 1000 });
  });
});
