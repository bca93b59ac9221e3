import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { InMemoryRequestKeys } from '../../lab/support/in-memory/management.ts';
import { dynamoRequestKeys } from '../../lambdas/aws/dynamo-request-keys.ts';
import type { RequestKeys } from '../../lambdas/manage/ports.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

let count = 0;

// One suite, run against what is deployed and against what the other tests use in its place.
describe.each<[string, () => RequestKeys]>([
  ['DynamoDB', () => dynamoRequestKeys(dynamo.client, 'deliveries', 86_400)],
  ['memory', () => new InMemoryRequestKeys()],
])('idempotency keys kept in %s', (_, make) => {
  let keys: RequestKeys;
  let key: string;
  beforeEach(() => {
    keys = make();
    key = `key-${count++}`;
  });
  const first = { fingerprint: 'f', seed: 's', claimedAt: 1000, heldUntil: 31_000 };
  const second = { fingerprint: 'g', seed: 't', claimedAt: 2000, heldUntil: 32_000 };

  it('belong to who claims them first', async () => {
    expect(await keys.claim(key, first, 0)).toEqual(first);
    expect(await keys.claim(key, second, 0)).toEqual(first);
  });

  it('belong to one of many who claim them at once', async () => {
    const claims = Array.from({ length: 20 }, (_, index) => ({ ...first, seed: `s${index}` }));
    const claimed = await Promise.all(claims.map((claim) => keys.claim(key, claim, 0)));
    expect(new Set(claimed.map(({ seed }) => seed)).size).toBe(1);
  });

  it('are free again once the claim is old', async () => {
    await keys.claim(key, first, 0);
    expect(await keys.claim(key, second, first.claimedAt)).toEqual(second);
  });

  it('hold the answer', async () => {
    const done = { ...first, answer: '{"statusCode":201}' };
    await keys.claim(key, first, 0);
    await keys.release(key, done);
    expect(await keys.claim(key, second, 0)).toEqual(done);
    expect(await keys.takeUp(key, first, 60_000)).toBe(false);
  });

  it('are taken up by one of many once nobody holds them, and by nobody who looked before that', async () => {
    await keys.claim(key, first, 0);
    const taken = await Promise.all(Array.from({ length: 10 }, (_, index) => keys.takeUp(key, first, 60_000 + index)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const held = { ...first, heldUntil: 60_000 + taken.indexOf(true) };
    expect(await keys.claim(key, second, 0)).toEqual(held);
    await keys.release(key, { ...held, heldUntil: 0 });
    expect(await keys.takeUp(key, held, 90_000)).toBe(false);
    expect(await keys.takeUp(key, { ...held, heldUntil: 0 }, 90_000)).toBe(true);
  });
});
