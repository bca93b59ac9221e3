import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { aRecord, signingSecret } from '../../lab/support/deliveries.ts';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';

const seconds = (count: number) => count * 1000;
const hours = (count: number) => count * 3600 * 1000;

async function delivered(world: DeliveryWorld, ...messages: ReturnType<DeliveryWorld['enqueue']>[]) {
  return world.invoke(messages);
}

describe('a delivery that succeeds', () => {
  it('is one signed POST of exactly orgId, type and data, with every number as it came', async () => {
    const world = new DeliveryWorld();
    world.now = Date.now();
    const data = '{"conversationId":9007199254740993,"ratio":1.50,"name":"Zoë"}';
    const kept = await delivered(world, world.enqueue({ orgId: '9223372036854775807', data }));
    const [request] = world.requests;
    expect(request?.body).toBe(`{"orgId":9223372036854775807,"type":"conversation_push","data":${data}}`);
    expect(() => new Webhook(signingSecret).verify(request?.body ?? '', { ...request?.headers })).not.toThrow();
    expect(request?.headers).toMatchObject({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(world.now / 1000)),
      'content-type': 'application/json',
    });
    expect(kept).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 200 });
    expect(world.records.get('msg_1')).not.toHaveProperty('event');
    expect(world.records.get('msg_1')).not.toHaveProperty('undeliveredAt');
  });

  it('costs one read and one write for a batch of ten, and no other call', async () => {
    const world = new DeliveryWorld();
    await delivered(world, ...Array.from({ length: 10 }, () => world.enqueue()));
    expect(world.requests).toHaveLength(10);
    expect(world.calls).toEqual({ reads: 1, writes: 1, hides: 0, health: 0 });
    expect([...world.controls, ...world.publisher.published]).toEqual([]);
  });

  it("carries the subscription's own headers, which override none of the delivery's", async () => {
    const world = new DeliveryWorld();
    world.config.headers = {
      Authorization: 'Bearer abc',
      'Webhook-Id': 'forged',
      'WEBHOOK-SIGNATURE': 'forged',
      Host: 'elsewhere',
      'Content-Length': '1',
      'Transfer-Encoding': 'chunked',
      'X-Bad': 'a\r\nInjected: 1',
      'bad name': 'x',
    };
    await delivered(world, world.enqueue());
    const { headers = {} } = world.requests[0] ?? {};
    expect(Object.keys(headers).sort()).toEqual([
      'Authorization',
      'content-type',
      'user-agent',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ]);
    expect(headers['webhook-id']).toBe('msg_1');
  });

  it('is made once when the event is in the batch twice, and once when it comes again later', async () => {
    const world = new DeliveryWorld();
    const twice = [world.enqueue({ id: 'msg_1' }), world.enqueue({ id: 'msg_1' })];
    expect(await world.invoke(twice)).toEqual([]);
    expect(await delivered(world, world.enqueue({ id: 'msg_1' }))).toEqual([]);
    expect(world.requests).toHaveLength(1);
  });

  it('is logged in one line that holds neither body, secret, path nor query', async () => {
    const world = new DeliveryWorld();
    world.config.url = 'https://receiver.example/hooks/s3cret?token=s3cret';
    world.config.headers = { Authorization: 's3cret' };
    world.receiver = () => answered(200, {}, 's3cret');
    await delivered(world, world.enqueue({ data: '{"text":"s3cret"}' }));
    const lines = world.log.lines.filter(({ message }) => message === 'attempt');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.fields).toMatchObject({ host: 'receiver.example', attempt: 1, status: 200, outcome: 'delivered' });
    const all = JSON.stringify(world.log.lines);
    expect(all).not.toContain('s3cret');
    expect(all).not.toContain(signingSecret);
  });

  it('is counted once, with the time from the bus to the 2xx', async () => {
    const world = new DeliveryWorld();
    const message = world.enqueue();
    world.now += 250;
    await delivered(world, message);
    expect(world.metrics.added).toEqual([
      { name: 'EventToDelivered', value: 250, dimensions: { subscriptionId: 'sub_1' } },
    ]);
  });

  it.each([
    [59_999, []],
    [60_000, [60]],
  ])('that has waited for %i ms counts as late from a minute on', async (waitedMs, told) => {
    const world = new DeliveryWorld();
    const message = world.enqueue();
    world.now += waitedMs;
    await delivered(world, message);
    expect(world.metrics.valuesOf('OldestDueDelivery')).toEqual(told);
  });

  it('signs with every secret that is in force, so that both sides of a rotation can verify it', async () => {
    const world = new DeliveryWorld();
    const other = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    world.config.secrets = [
      { secret: other },
      { secret: signingSecret, expiresAt: world.now + 1 },
      { secret: `whsec_${Buffer.alloc(32, 4).toString('base64')}`, expiresAt: world.now },
    ];
    await delivered(world, world.enqueue());
    expect(world.requests[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(2);
  });

  it('signs with the generated secret when the config has none', async () => {
    const world = new DeliveryWorld();
    delete (world.config as { secrets?: unknown }).secrets;
    world.state.generatedSecrets = [{ secret: signingSecret }];
    await delivered(world, world.enqueue());
    expect(world.requests[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  });
});

describe('a delivery that fails', () => {
  it('stays in the queue, hidden until its next attempt, and the ledger keeps the event', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, {}, 'out of order');
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.hidden).toEqual([{ receiptHandle: message.receiptHandle, seconds: 5 }]);
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'retrying',
      attempts: 1,
      lastStatus: 500,
      responseHead: 'out of order',
      event: message.body,
      nextAttemptAt: world.now + seconds(5),
      undeliveredAt: world.now,
    });
  });

  it('is exhausted after as many attempts as its subscription allows', async () => {
    const world = new DeliveryWorld();
    world.config.maxAttempts = 2;
    world.receiver = () => answered(500);
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([message.messageId]);
    world.now += hours(1);
    expect(await delivered(world, message)).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'exhausted',
      attempts: 2,
      reason: 'all 2 attempts failed',
    });
  });

  it('is not tried before its time, and that counts as no attempt', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const message = world.enqueue();
    await delivered(world, message);
    world.now += seconds(2);
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.hidden.at(-1)?.seconds).toBe(3);
    expect(world.records.get('msg_1')?.attempts).toBe(1);
    expect(world.requests).toHaveLength(1);
    world.now += seconds(3);
    await delivered(world, message);
    expect(world.records.get('msg_1')?.attempts).toBe(2);
  });

  it('ends as exhausted after 16 attempts over 75 hours, told once, with the event kept', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(400);
    world.enqueue({ orgId: '42' });
    const startedAt = world.now;
    // Beside it another event succeeds now and then, so the endpoint itself is not down.
    for (let hour = 0; hour < 90; hour++) {
      await world.runUntil(startedAt + hours(hour));
      delete world.state.failingSince;
      delete world.state.failures;
    }
    const record = world.records.get('msg_1');
    expect(record).toMatchObject({ state: 'exhausted', attempts: 16, reason: 'all 16 attempts failed' });
    expect(((record?.lastAttemptAt ?? 0) - startedAt) / hours(1)).toBeGreaterThan(75);
    expect(record?.event).toBeDefined();
    expect(record?.history).toHaveLength(16);
    expect(world.requests).toHaveLength(16);
    expect(world.messages.size).toBe(0);
    const told = world.publisher.published.filter(({ detail }) => detail.type === 'webhook_delivery_exhausted');
    expect(told).toHaveLength(1);
    expect(told[0]?.detail).toMatchObject({
      orgId: 42,
      data: { subscriptionId: 'sub_1', webhookId: 'msg_1', eventType: 'conversation_push', attempts: 16 },
    });
  });

  it('stays until its end has been told: publish, then mark', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const message = world.enqueue();
    world.records.set('msg_1', {
      subscriptionId: 'sub_1',
      webhookId: 'msg_1',
      state: 'retrying',
      attempts: 15,
      eventType: 'conversation_push',
      occurredAt: 0,
      history: [],
      ttl: 0,
    });
    world.publisher.nextOutcomes.push({ kind: 'failed', reason: 'throttled' });
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.records.get('msg_1')?.state).toBe('retrying');
    expect(await delivered(world, message)).toEqual([]);
    expect(world.records.get('msg_1')?.state).toBe('exhausted');
  });

  it('is not told when it was an operational event itself', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const message = world.enqueue({ type: 'webhook_delivery_exhausted', source: 'webhook-fanout', orgId: 'null' });
    for (let attempt = 1; attempt <= 16; attempt++) {
      await delivered(world, message);
      world.now += hours(13);
      world.state.circuit = undefined as never;
      delete world.state.failingSince;
    }
    expect(world.records.get('msg_1')?.state).toBe('exhausted');
    expect(world.publisher.published).toEqual([]);
  });

  it('waits as long as Retry-After asks for, out of the queue', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, { 'retry-after': String(20 * 3600) });
    const startedAt = world.now;
    world.enqueue();
    await world.runUntil(startedAt + hours(20) - 1000);
    expect(world.requests).toHaveLength(1);
    expect(world.hidden).toEqual([]);
    await world.runUntil(startedAt + hours(20) + 10_000);
    expect(world.requests).toHaveLength(2);
  });

  it('waits for a day where Retry-After asks for more, and the log says so', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, { 'retry-after': String(world.now / 1000) });
    const startedAt = world.now;
    world.enqueue();
    await world.runUntil(startedAt + hours(24) - 1000);
    expect(world.requests).toHaveLength(1);
    await world.runUntil(startedAt + hours(24) + 10_000);
    expect(world.requests).toHaveLength(2);
    expect(world.log.lines.find(({ message }) => message === 'attempt')?.fields).toMatchObject({
      isRetryAfterCut: true,
    });
  });

  it('tells in the log and in the ledger that it was sent twice', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => ({ ...answered(200), resentOnFreshConnection: true });
    await delivered(world, world.enqueue());
    expect(world.log.lines.find(({ message }) => message === 'attempt')?.fields).toMatchObject({
      resentOnFreshConnection: true,
    });
    expect(world.records.get('msg_1')?.history).toEqual([expect.objectContaining({ status: 200, resent: true })]);
  });

  it('is discarded when the receiver does not want it', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(422, { 'webhook-delivery': 'abort-message' });
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'discarded', attempts: 1 });
    expect(world.records.get('msg_1')?.reason).toContain('abort-message');
    expect(await delivered(world, world.enqueue({ id: 'msg_1' }))).toEqual([]);
    expect(world.requests).toHaveLength(1);
  });

  it('is carried on by one message: a second one of the same event is dropped', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const first = world.enqueue({ id: 'msg_1' });
    await delivered(world, first);
    world.now += seconds(5);
    expect(await delivered(world, world.enqueue({ id: 'msg_1' }))).toEqual([]);
    expect(world.requests).toHaveLength(1);
    world.receiver = () => answered(200);
    expect(await delivered(world, first)).toEqual([]);
    expect(world.records.get('msg_1')?.state).toBe('delivered');
  });

  it.each([
    ['answers 404', answered(404), 'status'],
    ['is unreachable', unreachable(), 'connect'],
  ])('is counted by its kind: the receiver %s', async (_what, result, outcome) => {
    const world = new DeliveryWorld();
    world.receiver = () => result;
    await delivered(world, world.enqueue());
    expect(world.metrics.added).toContainEqual({
      name: 'AttemptsFailed',
      value: 1,
      dimensions: { subscriptionId: 'sub_1', outcome },
    });
  });
});

describe('a batch', () => {
  it('is tried though the record of its circuit does not say since when it ramps', async () => {
    const world = new DeliveryWorld();
    Object.assign(world.state, { circuit: { state: 'ramping' } });
    expect(await world.invoke([world.enqueue()])).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered' });
    expect(world.flow()).toEqual({ enabled: true, maximumConcurrency: 2 });
  });

  it.each([[null], ['x-key: 1'], [7]])('is sent without headers where its item has %j for them', async (headers) => {
    const world = new DeliveryWorld();
    Object.assign(world.config, { headers });
    expect(await world.invoke([world.enqueue()])).toEqual([]);
    expect(Object.keys(world.requests[0]?.headers ?? {})).toEqual([
      'content-type',
      'user-agent',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
    ]);
  });

  it('comes again as a whole when the ledger cannot be written, so that nothing is lost', async () => {
    const world = new DeliveryWorld();
    world.failingWrites = 1;
    const messages = [world.enqueue(), world.enqueue()];
    expect(await world.invoke(messages)).toEqual(messages.map(({ messageId }) => messageId));
    expect(world.records.size).toBe(0);
    expect(await world.invoke(messages)).toEqual([]);
    expect(world.records.size).toBe(2);
  });

  it('is in the ledger as delivered, though the function ends while it waits for the bus to take what has ended', async () => {
    const world = new DeliveryWorld();
    world.config.maxAttempts = 1;
    world.receiver = ({ headers }) => answered(headers['webhook-id'] === 'msg_1' ? 200 : 500);
    const messages = [world.enqueue(), world.enqueue()];
    const ended = Promise.withResolvers<void>();
    world.publisher.publish = () => {
      ended.resolve();
      return new Promise(() => {});
    };
    void world.invoke(messages);
    await ended.promise;
    expect([...world.records.values()]).toMatchObject([{ webhookId: 'msg_1', state: 'delivered' }]);
  });

  it('that the ledger does not take for eight hours is delivered again every eight minutes, not every half minute', async () => {
    const world = new DeliveryWorld();
    world.enqueue();
    world.failingWrites = Number.POSITIVE_INFINITY;
    await world.runUntil(world.now + hours(8));
    const { receiveCount } = [...world.messages.values()][0] ?? {};
    world.failingWrites = 0;
    await world.runUntil(world.now + seconds(480));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered' });
    // After 0, 30, 90, 210 and 450 s, and each 480 s from then on.
    expect(receiveCount).toBe(5 + 59);
    expect(world.requests).toHaveLength(5 + 59 + 1);
  });

  it('comes again as a whole, untried, when the ledger cannot be read', async () => {
    const world = new DeliveryWorld();
    world.failingReads = 1;
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.requests).toEqual([]);
    // Not after the visibility timeout of nine minutes.
    expect(world.hidden).toEqual([{ receiptHandle: message.receiptHandle, seconds: 30 }]);
    // The line alone says what to look for, and where.
    expect(world.log.lines).toContainEqual({
      level: 'error',
      message: 'batch failed, it will come again',
      fields: {
        subscriptionId: 'sub_1',
        messageIds: [message.messageId],
        error: new Error('the ledger could not be read'),
      },
    });
  });

  it('delivers the others when one message makes no sense, which stays for the dead-letter queue', async () => {
    const world = new DeliveryWorld();
    const good = world.enqueue();
    const bad = ['not json', '{}', '{"detail":{}}', '{"detail":{"id":"x"}}', '[]', 'null'].map((body, index) => ({
      messageId: `bad-${index}`,
      receiptHandle: `bad-${index}`,
      body,
      sentAt: world.now,
    }));
    expect(await world.invoke([good, ...bad])).toEqual(bad.map(({ messageId }) => messageId));
    expect(world.records.get('msg_1')?.state).toBe('delivered');
    expect(world.log.lines.filter(({ level }) => level === 'error')).toHaveLength(bad.length);
  });

  it('is delivered in parallel', async () => {
    const world = new DeliveryWorld();
    let underWay = 0;
    let most = 0;
    world.receiver = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return answered(200);
    };
    await world.invoke(Array.from({ length: 10 }, () => world.enqueue()));
    expect(most).toBe(10);
  });

  it('begins no attempt that would not end before the function is stopped', async () => {
    const world = new DeliveryWorld();
    world.remainingMs = 20_000;
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.requests).toEqual([]);
  });

  it('is done with its delivered messages even when the endpoint’s state cannot be written', async () => {
    const world = new DeliveryWorld();
    world.receiver = ({ headers }) => answered(headers['webhook-id'] === 'msg_1' ? 200 : 503);
    Object.defineProperty(world.state, 'throttledUntil', {
      get: () => 0,
      set: () => {
        throw new Error('DynamoDB is away');
      },
    });
    const messages = [world.enqueue(), world.enqueue()];
    expect(await world.invoke(messages)).toEqual([messages[1]?.messageId]);
  });
});

describe('an event that is in a batch twice', () => {
  const replayed = (name: string) => ({ id: 'msg_1', extra: `"replay-name":"${name}",` });

  it('is delivered though its younger copy is of a replay that was cancelled', async () => {
    const world = new DeliveryWorld();
    const original = world.enqueue({ id: 'msg_1' });
    world.now += seconds(60);
    const copy = world.enqueue(replayed('R'));
    world.state.cancelledReplays = ['R'];
    expect(await world.invoke([original, copy])).toEqual([]);
    expect(world.requests).toHaveLength(1);
    expect(world.records.get('msg_1')?.state).toBe('delivered');
  });

  it('is tried on when its retries meet the copy of a replay that was cancelled', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const original = world.enqueue({ id: 'msg_1' });
    await world.invoke([original]);
    world.now += seconds(60);
    world.enqueue(replayed('R'));
    world.state.cancelledReplays = ['R'];
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(1));
    expect(world.records.get('msg_1')?.state).toBe('delivered');
    expect(world.messages.size).toBe(0);
  });

  it('is replayed though a plain repetition of it is younger than the replay', async () => {
    const world = new DeliveryWorld();
    world.records.set('msg_1', aRecord({ state: 'exhausted', reason: 'all 16 attempts failed', attempts: 16 }));
    const replay = world.enqueue(replayed('R'));
    world.now += seconds(1);
    const repetition = world.enqueue({ id: 'msg_1' });
    expect(await world.invoke([replay, repetition])).toEqual([]);
    expect(world.requests).toHaveLength(1);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', replayName: 'R' });
  });

  it('ends with its replay when that is cancelled between two attempts, and the ledger says so', async () => {
    const world = new DeliveryWorld();
    world.records.set('msg_1', aRecord({ state: 'exhausted', reason: 'all 16 attempts failed', attempts: 16 }));
    world.receiver = unreachable;
    const replay = world.enqueue(replayed('R'));
    await world.invoke([replay]);
    world.state.cancelledReplays = ['R'];
    world.now += seconds(10);
    expect(await world.invoke([replay])).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'discarded', reason: 'its replay R was cancelled' });
    expect(world.requests).toHaveLength(1);
  });

  it.each([3, 20, 200])(
    'is delivered, each of %i that waited while a replay was begun and cancelled',
    async (count) => {
      const world = new DeliveryWorld();
      let seed = 7;
      world.random = () => {
        seed = (seed * 16807) % 2147483647;
        return seed / 2147483647;
      };
      world.handsOutInAnyOrder = true;
      world.config.status = 'paused';
      for (let event = 0; event < count; event++) world.enqueue({ id: `waits_${event}` });
      for (let event = 0; event < count; event++) {
        world.enqueue({ id: `waits_${event}`, extra: '"replay-name":"R",' });
      }
      world.state.cancelledReplays = ['R'];
      world.config.status = 'active';
      await world.runUntil(world.now + hours(1));
      expect(world.requests).toHaveLength(count);
      expect(world.messages.size).toBe(0);
    },
  );

  it('goes on when a cancelled replay had tried it before its own message came', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const original = world.enqueue({ id: 'msg_1' });
    const copy = world.enqueue(replayed('R'));
    await world.invoke([copy]);
    world.state.cancelledReplays = ['R'];
    world.now += seconds(10);
    await world.invoke([copy]);
    world.receiver = () => answered(200);
    expect(await world.invoke([original])).toEqual([]);
    expect(world.records.get('msg_1')?.state).toBe('delivered');
  });

  it.each([
    ['before', true],
    ['after', false],
  ])(
    'goes on without the replay that had tried it first, and was cancelled %s its own message came',
    async (_, early) => {
      const world = new DeliveryWorld();
      world.receiver = unreachable;
      const original = world.enqueue({ id: 'msg_1' });
      const copy = world.enqueue(replayed('R'));
      await world.invoke([copy]);
      if (early) world.state.cancelledReplays = ['R'];
      expect(await world.invoke([original])).toEqual([]);
      world.state.cancelledReplays = ['R'];
      world.now += seconds(10);
      expect(await world.invoke([copy])).toEqual([]);
      expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', event: original.body });
      world.receiver = () => answered(200);
      await world.runUntil(world.now + hours(1));
      expect(world.records.get('msg_1')?.state).toBe('delivered');
      expect(world.requests).toHaveLength(2);
    },
  );

  it('belongs to its own message when that is tried after a replay, and to no replay that is then cancelled', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const original = world.enqueue({ id: 'msg_1' });
    const copy = world.enqueue(replayed('R'));
    await world.invoke([copy]);
    world.now += seconds(10);
    expect(await world.invoke([copy, original])).toEqual([original.messageId]);
    world.state.cancelledReplays = ['R'];
    expect(await world.invoke([copy])).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 2 });
  });

  it('is carried on by a replay where the one that had begun it is cancelled', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const [first, second] = [world.enqueue(replayed('R')), world.enqueue(replayed('S'))];
    await world.invoke([first]);
    world.state.cancelledReplays = ['R'];
    expect(await world.invoke([second])).toEqual([]);
    expect(await world.invoke([first])).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', replayName: 'S', event: second.body });
  });

  it('is carried on by its younger message, which the queue keeps longer', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const older = world.enqueue({ id: 'msg_1' });
    world.now += seconds(1);
    const younger = world.enqueue({ id: 'msg_1' });
    expect(await world.invoke([younger, older])).toEqual([younger.messageId]);
    expect(world.records.get('msg_1')?.messageId).toBe(younger.messageId);
  });
});

describe('a subscriber that is not to be called', () => {
  it.each([
    ['paused', (world: DeliveryWorld) => (world.config.status = 'paused')],
    ['disabled', (world: DeliveryWorld) => (world.state.disabled = { at: 0, reason: 'test' })],
    ['rejected', (world: DeliveryWorld) => (world.state.provisioning = 'rejected')],
    ['without a secret', (world: DeliveryWorld) => (world.config.secrets = [])],
    [
      'with secrets that have all expired',
      (world: DeliveryWorld) => (world.config.secrets = [{ secret: signingSecret, expiresAt: 1 }]),
    ],
    ['without a url', (world: DeliveryWorld) => (world.config.url = undefined as never)],
  ])('keeps its events waiting while it is %s', async (_what, arrange) => {
    const world = new DeliveryWorld();
    arrange(world);
    const message = world.enqueue();
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.requests).toEqual([]);
    expect(world.records.size).toBe(0);
    expect(world.hidden[0]?.seconds).toBe(120);
  });

  it('has what waited for 14 days written to the ledger, event included, before the queue forgets it', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    const message = world.enqueue();
    world.now += hours(14 * 24) - hours(1) - 1;
    expect(await delivered(world, message)).toEqual([message.messageId]);
    world.now += 1;
    expect(await delivered(world, message)).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'exhausted', attempts: 0, event: message.body });
    expect(world.records.get('msg_1')?.reason).toContain('expired');
    expect(world.publisher.typesPublished()).toEqual(['webhook_delivery_exhausted']);
  });
});

describe('a replay', () => {
  const replay = '"replay-name":"replay-1",';

  it('tries an exhausted event anew, with all its attempts, once', async () => {
    const world = new DeliveryWorld();
    await delivered(world, world.enqueue({ id: 'msg_1' }));
    const done = world.records.get('msg_1');
    if (done === undefined) throw new Error('no record');
    world.records.set('msg_1', { ...done, state: 'exhausted', attempts: 16 });
    world.receiver = () => answered(500);
    const message = world.enqueue({ id: 'msg_1', extra: replay });
    expect(await delivered(world, message)).toEqual([message.messageId]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 1, replayName: 'replay-1' });
    expect(world.requests.at(-1)?.headers['webhook-id']).toBe('msg_1');
    world.receiver = () => answered(200);
    world.now += seconds(5);
    await delivered(world, message);
    await delivered(world, world.enqueue({ id: 'msg_1', extra: replay }));
    expect(world.requests).toHaveLength(3);
  });

  it('holds back what was delivered, unless that is asked for, and then sends it once', async () => {
    const world = new DeliveryWorld();
    await delivered(world, world.enqueue({ id: 'msg_1' }));
    await delivered(world, world.enqueue({ id: 'msg_1', extra: replay }));
    expect(world.requests).toHaveLength(1);
    for (let twice = 0; twice < 2; twice++) {
      await delivered(world, world.enqueue({ id: 'msg_1', extra: `${replay}"replay-delivered":true,` }));
    }
    expect(world.requests).toHaveLength(2);
  });

  it.each([
    ['delivered', replay],
    ['retrying', replay],
    // Where its queue was not yet taken down, or Drift posts it again.
    ['delivered', ''],
    ['retrying', ''],
  ] as const)(
    'and any other message brings what is %s to a deleted subscription to the next one of the same id, as new',
    async (state, extra) => {
      const world = new DeliveryWorld();
      const old = world.now - hours(2);
      const theirs = {
        state,
        attempts: 7,
        firstAttemptAt: old,
        dueAt: old,
        messageId: 'sqs-old',
        replayName: 'replay-0',
      };
      world.records.set('msg_1', aRecord({ ...theirs }));
      const wanted = world.enqueue({ id: 'msg_1', extra: '"replay-name":"replay-00","resend":true,' });
      world.state.acceptedAt = world.now - hours(1);
      world.now += seconds(1);
      world.receiver = () => answered(500);
      const message = world.enqueue({ id: 'msg_1', extra });
      expect(await delivered(world, message)).toEqual([message.messageId]);
      expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 1, firstAttemptAt: world.now });
      // What is tried for the new one is its own from then on: nothing begins once more.
      world.now += seconds(1);
      expect(await delivered(world, wanted)).toEqual([]);
      expect(world.requests).toHaveLength(1);
    },
  );

  it.each([
    ['a plain one', ''],
    ['one of what was delivered', '"replay-delivered":true,'],
    ['a resend', '"resend":true,'],
  ])('does not fail in place of a success that came while it was under way: %s', async (_, asked) => {
    const world = new DeliveryWorld();
    const original = world.enqueue({ id: 'msg_1' });
    const copy = world.enqueue({ id: 'msg_1', extra: `${replay}${asked}` });
    world.receiver = async () => {
      world.receiver = () => answered(200);
      world.now += seconds(1);
      await world.invoke([original]);
      world.now += seconds(14);
      return unreachable();
    };
    expect(await world.invoke([copy])).toEqual([copy.messageId]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', attempts: 1 });
    world.now += seconds(5);
    expect(await world.invoke([copy])).toEqual([]);
    expect(world.requests).toHaveLength(2);
  });

  it.each([
    ['what was delivered', '"replay-delivered":true,'],
    ['one event, now', '"resend":true,'],
  ])('of %s that is cancelled ends with that: nothing more of it is tried', async (_, asked) => {
    const world = new DeliveryWorld();
    await delivered(world, world.enqueue({ id: 'msg_1' }));
    world.receiver = () => answered(500);
    world.now += seconds(60);
    world.enqueue({ id: 'msg_1', extra: `${replay}${asked}` });
    await world.runUntil(world.now + seconds(20));
    expect(world.requests).toHaveLength(3);
    world.state.cancelledReplays = ['replay-1'];
    await world.runUntil(world.now + hours(1));
    expect(world.requests).toHaveLength(3);
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'discarded',
      reason: 'its replay replay-1 was cancelled',
    });
  });

  it('that was called off is acknowledged without an attempt', async () => {
    const world = new DeliveryWorld();
    world.state.cancelledReplays = ['replay-1'];
    expect(await delivered(world, world.enqueue({ extra: replay }))).toEqual([]);
    expect(world.requests).toEqual([]);
    expect(world.log.lines.at(-1)).toMatchObject({
      message: 'message dropped',
      fields: { reason: 'replay-cancelled', replayName: 'replay-1' },
    });
  });
});

describe('a resend', () => {
  const resend = (name: string) => ({ id: 'msg_1', extra: `"replay-name":"${name}","resend":true,` });

  async function aDelivered(): Promise<DeliveryWorld> {
    const world = new DeliveryWorld();
    await world.invoke([world.enqueue({ id: 'msg_1' })]);
    world.now += seconds(60);
    return world;
  }

  it('of what was delivered sends it once more, until that succeeds', async () => {
    const world = await aDelivered();
    const message = world.enqueue(resend('A'));
    world.receiver = unreachable;
    world.now += seconds(1);
    expect(await world.invoke([message])).toEqual([message.messageId]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 1 });
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(1));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(world.requests).toHaveLength(3);
  });

  it('is not sent again by a copy that the queue hands out late, whatever another resend did meanwhile', async () => {
    const world = await aDelivered();
    const [first, second] = [world.enqueue(resend('A')), world.enqueue(resend('B'))];
    for (const message of [first, second, first, second, first]) {
      world.now += seconds(1);
      expect(await world.invoke([message])).toEqual([]);
    }
    // Whoever asked at the same time has what they wanted with the first.
    expect(world.requests).toHaveLength(2);
    await world.invoke([world.enqueue(resend('C'))]);
    world.now += seconds(1);
    for (const message of [first, second]) await world.invoke([message]);
    expect(world.requests).toHaveLength(3);
  });

  it('that fails beside another goes on with it as one: its attempts keep their distance', async () => {
    const world = await aDelivered();
    world.receiver = unreachable;
    const [first, second] = [world.enqueue(resend('A')), world.enqueue(resend('B'))];
    world.now += seconds(1);
    await world.invoke([first]);
    world.now += seconds(1);
    expect(await world.invoke([second])).toEqual([]);
    expect(world.requests).toHaveLength(2);
    await world.runUntil(world.now + seconds(3600));
    // At once, and 5 s, 30 s, 2 min, 10 min and 30 min after a failure.
    expect(world.requests).toHaveLength(1 + 6);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 6 });
  });

  it('of an event that is being tried is made at once, and once', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const original = world.enqueue({ id: 'msg_1' });
    await world.invoke([original]);
    world.now += seconds(1);
    const message = world.enqueue(resend('A'));
    world.now += seconds(1);
    for (let receives = 0; receives < 3; receives++) await world.invoke([message]);
    expect(world.requests).toHaveLength(2);
    expect(world.records.get('msg_1')).toMatchObject({ attempts: 1 });
  });

  it('that fails four times in a row leaves the event its attempts and the time of the next, and shows as what it is', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    const original = world.enqueue({ id: 'msg_1' });
    await world.runUntil(world.now + seconds(40));
    const { attempts, nextAttemptAt } = world.records.get('msg_1') ?? {};
    expect(attempts).toBe(3);
    for (const name of ['A', 'B', 'C', 'D']) {
      world.now += seconds(1);
      const message = world.enqueue(resend(name));
      world.now += seconds(1);
      await world.invoke([message]);
      expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts, nextAttemptAt });
    }
    const { history = [] } = world.records.get('msg_1') ?? {};
    expect(history.map(({ byHand = false }) => byHand)).toEqual([false, false, false, true, true, true, true]);
    expect(world.state.failures).toBe(1);
    // The message that carried it gives way to that of the last resend, and its attempts keep their distance.
    await world.invoke([original]);
    world.receiver = () => answered(200);
    await world.runUntil((nextAttemptAt ?? 0) - 1);
    expect(world.requests).toHaveLength(7);
    await world.runUntil((nextAttemptAt ?? 0) + seconds(5));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', attempts: 4 });
    expect(world.requests).toHaveLength(8);
  });

  it('that fails nine times after seven attempts ends nothing: those that are left are still made', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    world.config.maxAttempts = 9;
    world.enqueue({ id: 'msg_1' });
    await world.runUntil(world.now + hours(2));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 7 });
    for (let count = 0; count < 9; count++) {
      const message = world.enqueue(resend(`R${count}`));
      world.now += seconds(1);
      expect(await world.invoke([message])).toEqual([]);
    }
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 7 });
    await world.runUntil(world.now + hours(7));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'exhausted', attempts: 9 });
  });

  it('that fails makes the next attempt later only where the endpoint asks for a longer wait', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    await world.invoke([world.enqueue({ id: 'msg_1' })]);
    world.receiver = () => answered(500, { 'retry-after': '120' });
    world.now += seconds(1);
    await world.invoke([world.enqueue(resend('A'))]);
    expect(world.records.get('msg_1')).toMatchObject({ attempts: 1, nextAttemptAt: world.now + seconds(120) });
  });

  it('is asked for once, whatever the ledger sends for its attempts: a second copy of that is not early', async () => {
    const world = await aDelivered();
    world.enqueue(resend('A'));
    world.receiver = () => answered(500);
    await world.runUntil(world.now + seconds(170));
    const { dueAt = 0, event = '' } = world.records.get('msg_1') ?? {};
    const before = world.requests.length;
    world.now = dueAt;
    for (let copies = 0; copies < 2; copies++) {
      world.now += seconds(1);
      await world.invoke([world.put(event, 0)]);
    }
    expect(world.requests).toHaveLength(before + 1);
  });

  it.each([
    ['in the queue', 20],
    ['in the ledger', 3600],
  ])('of an event that waits for its next attempt %s takes nothing along when it is cancelled', async (_, after) => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    world.enqueue({ id: 'msg_1' });
    await world.runUntil(world.now + seconds(after));
    const { attempts, nextAttemptAt } = world.records.get('msg_1') ?? {};
    world.enqueue(resend('A'));
    await world.runUntil(world.now + seconds(2));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts, nextAttemptAt });
    expect(world.records.get('msg_1')?.history.at(-1)).toMatchObject({ byHand: true });
    // It goes on as if nobody had asked, through the ledger, too.
    await world.runUntil(world.now + hours(1));
    world.state.cancelledReplays = ['A'];
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(10));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered' });
  });

  it('goes ahead of its event, which waits for a throttle to end, and takes nothing along when it is cancelled', async () => {
    const world = new DeliveryWorld();
    world.state.throttledUntil = world.now + seconds(60);
    world.enqueue({ id: 'msg_1' });
    world.enqueue(resend('A'));
    world.receiver = () => answered(500);
    await world.deliverBatch();
    expect(world.requests).toHaveLength(1);
    world.state.cancelledReplays = ['A'];
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(1));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered' });
    expect(world.requests).toHaveLength(2);
  });

  it('that waits for 14 days ends as exhausted, with its reason, before the queue forgets it', async () => {
    const world = await aDelivered();
    world.config.status = 'paused';
    const message = world.enqueue(resend('A'));
    world.now += hours(13.9 * 24);
    expect(await world.call({ park: true })).toEqual({ parked: 1 });
    expect(world.records.get('msg_1')).toMatchObject({ state: 'exhausted', event: message.body });
    expect(world.messages.has(message.messageId)).toBe(false);
  });
});
