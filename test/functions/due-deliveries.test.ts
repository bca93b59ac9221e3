import { describe, expect, it } from 'vitest';
import { anEnvelope, aRecord } from '../../lab/support/deliveries.ts';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';

const seconds = (count: number) => count * 1000;
const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3600 * 1000;
const days = (count: number) => count * 24 * 3600 * 1000;

/** An event that has failed four times: its next attempt is ten minutes away. */
async function anEventInTheLedger(world = new DeliveryWorld()): Promise<DeliveryWorld> {
  // Other events succeed, so the circuit stays closed.
  world.receiver = ({ headers }) => answered(headers['webhook-id'] === 'msg_late' ? 500 : 200);
  world.enqueue({ id: 'msg_late' });
  await world.runUntil(world.now + seconds(156));
  expect(world.records.get('msg_late')).toMatchObject({ state: 'retrying', attempts: 4 });
  return world;
}

describe('a retry that is minutes away', () => {
  it('waits in the ledger: the queue is empty, and nothing is in flight', async () => {
    const world = await anEventInTheLedger();
    const record = world.records.get('msg_late');
    expect(world.messages.size).toBe(0);
    expect(record).toMatchObject({ dueAt: record?.nextAttemptAt, event: expect.any(String) });
    expect(record).not.toHaveProperty('messageId');
  });

  it('is made at its second, and so are all 16, over 75 hours', async () => {
    const world = await anEventInTheLedger();
    const startedAt = world.now;
    const dueAt = world.records.get('msg_late')?.nextAttemptAt ?? 0;
    await world.runUntil(dueAt - 1);
    expect(world.requests).toHaveLength(4);
    await world.runUntil(dueAt + seconds(2));
    expect(world.requests).toHaveLength(5);
    await world.runUntil(startedAt + hours(80));
    expect(world.records.get('msg_late')).toMatchObject({ state: 'exhausted', attempts: 16 });
    expect(world.requests).toHaveLength(16);
  });

  it('belongs to the trace of its event, however often the ledger sends it', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, { 'retry-after': '3600' });
    const traceHeader = 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1';
    world.put(anEnvelope({ id: 'msg_late' }), 0, traceHeader);
    await world.runUntil(world.now + hours(4));
    expect(world.requests.length).toBeGreaterThan(2);
    expect(world.traced.map((attempt) => attempt.traceHeader)).toEqual(world.requests.map(() => traceHeader));
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(12));
    expect(world.records.get('msg_late')?.state).toBe('delivered');
    expect(world.records.get('msg_late')).not.toHaveProperty('traceHeader');
  });

  it('is made once though the function ended before its message was deleted', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, { 'retry-after': '3600' });
    const message = world.enqueue({ id: 'msg_late' });
    const copy = { ...(world.messages.get(message.messageId) as NonNullable<unknown>) };
    await world.invoke([message]);
    world.messages.set(message.messageId, copy as never);
    expect(await world.invoke([message])).toEqual([]);
    expect(world.requests).toHaveLength(1);
    expect(world.messages.size).toBe(0);
  });

  it('is made once though the sweep ended between the send and the mark', async () => {
    const world = await anEventInTheLedger();
    world.now = (world.records.get('msg_late')?.dueAt ?? 0) - seconds(30);
    const unmarked = world.records.get('msg_late') as NonNullable<ReturnType<typeof world.records.get>>;
    await world.sweepDue();
    world.records.set('msg_late', unmarked);
    await world.sweepDue();
    expect(world.messages.size).toBe(2);
    await world.runUntil(world.now + minutes(5));
    expect(world.requests).toHaveLength(5);
    expect(world.messages.size).toBe(0);
  });

  it('is left to whoever was first: an attempt that was made meanwhile is not overwritten by the mark', async () => {
    const world = await anEventInTheLedger();
    const before = world.records.get('msg_late');
    world.now = (before?.dueAt ?? 0) - seconds(30);
    const read = world.dueDeliveries.sweep(() => true);
    world.records.set('msg_late', aRecord({ ...before, attempts: 5, dueAt: world.now + hours(2) }));
    await read;
    expect(world.records.get('msg_late')).toMatchObject({ attempts: 5, dueAt: world.now + hours(2) });
  });
});

describe('a retry that a person does not want to wait for', () => {
  it('is made within a minute, whatever it waits for', async () => {
    const world = await anEventInTheLedger();
    world.receiver = () => answered(200);
    expect(await world.dueDeliveries.retryNow('sub_1', world.now, () => true)).toBe(true);
    await world.runUntil(world.now + minutes(1) + seconds(1));
    expect(world.records.get('msg_late')?.state).toBe('delivered');
  });

  it('of an earlier version is found as well, though it is in no index of what is due', async () => {
    const world = new DeliveryWorld();
    const event = anEnvelope({ id: 'msg_old' });
    world.records.set('msg_old', aRecord({ webhookId: 'msg_old', event, messageId: 'forgotten', nextAttemptAt: 1 }));
    await world.dueDeliveries.retryNow('sub_1', world.now, () => true);
    await world.runUntil(world.now + minutes(1) + seconds(1));
    expect(world.records.get('msg_old')?.state).toBe('delivered');
  });
});

describe('an event whose message is lost', () => {
  it('is brought back by the ledger within an hour of its time', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    await world.invoke([world.enqueue()]);
    world.messages.clear();
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(1) + minutes(1));
    expect(world.records.get('msg_1')?.state).toBe('delivered');
  });

  it('and whose subscription is stopped is exhausted after 14 days, which is published', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    await world.invoke([world.enqueue()]);
    world.messages.clear();
    world.config.status = 'paused';
    const startedAt = world.now;
    const looks: number[] = [];
    await world.runUntil(startedAt + days(15), () => {
      const { dueAt } = world.records.get('msg_1') ?? {};
      if (dueAt !== undefined && dueAt !== looks.at(-1)) looks.push(dueAt);
    });
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'exhausted',
      reason: 'expired: deliveries were stopped for 14 days',
      event: expect.any(String),
    });
    expect(world.publisher.typesPublished()).toEqual(['webhook_delivery_exhausted']);
    expect(looks.length).toBeLessThan(15);
  });
});

describe('a retry whose message stands behind a backlog of hours', () => {
  it('is made when that message comes, though the ledger took it for lost and sent others meanwhile', async () => {
    const world = await anEventInTheLedger();
    world.receiver = () => answered(200);
    const dueAt = world.records.get('msg_late')?.nextAttemptAt ?? 0;
    const put = world.put.bind(world);
    world.put = (body, delaySeconds, traceHeader) => put(body, delaySeconds + 2.5 * 3600, traceHeader);
    await world.runUntil(dueAt + hours(2.5) - minutes(2));
    expect(world.messages.size).toBe(3);
    await world.runUntil(dueAt + hours(2.5) + minutes(2));
    expect(world.records.get('msg_late')).toMatchObject({ state: 'delivered', attempts: 5 });
    await world.runUntil(dueAt + hours(9));
    expect(world.requests).toHaveLength(5);
    expect(world.messages.size).toBe(0);
  });
});

describe('an event of a stopped subscription that waits in the ledger', () => {
  it('goes into the queue when it is due, waits there with the others, and is delivered when it is resumed', async () => {
    const world = await anEventInTheLedger();
    world.config.status = 'paused';
    await world.runUntil(world.now + days(2));
    expect(world.messages.size).toBe(1);
    expect(world.requests).toHaveLength(4);
    world.receiver = () => answered(200);
    world.config.status = 'active';
    await world.runUntil(world.now + minutes(1));
    expect(world.records.get('msg_late')?.state).toBe('delivered');
    expect(world.messages.size).toBe(0);
  });

  it('and was never tried is exhausted 14 days after it entered the queue, though it was sent there anew', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    world.enqueue();
    const enqueuedAt = world.now;
    for (let looks = 0; looks < 3; looks++) {
      await world.runUntil(world.now + hours(4));
      await world.call({ park: true });
    }
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 0 });
    await world.runUntil(enqueuedAt + days(14) - hours(1));
    expect(world.records.get('msg_1')?.state).toBe('retrying');
    await world.runUntil(enqueuedAt + days(14) + minutes(2));
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'exhausted',
      attempts: 0,
      reason: 'expired: deliveries were stopped for 14 days',
    });
    expect(world.publisher.typesPublished()).toEqual(['webhook_delivery_exhausted']);
    world.config.status = 'active';
    await world.runUntil(world.now + minutes(1));
    expect(world.requests).toEqual([]);
    expect(world.messages.size).toBe(0);
  });

  it('is not sent once the subscription is deleted', async () => {
    const world = await anEventInTheLedger();
    world.isDeleted = true;
    await world.runUntil(world.now + hours(1));
    expect(world.messages.size).toBe(0);
    expect(world.records.get('msg_late')).toMatchObject({ state: 'exhausted', reason: 'its subscription was deleted' });
    expect(world.publisher.published).toEqual([]);
  });
});

describe('a message that an earlier version hid for hours', () => {
  it('is taken over by the ledger when it comes, and its attempt is made at its time', async () => {
    const world = new DeliveryWorld();
    const message = world.enqueue();
    const nextAttemptAt = world.now + hours(5);
    world.records.set('msg_1', aRecord({ attempts: 12, nextAttemptAt, messageId: message.messageId }));
    expect(await world.invoke([message])).toEqual([]);
    expect(world.records.get('msg_1')).toMatchObject({ attempts: 12, dueAt: nextAttemptAt, event: message.body });
    await world.runUntil(nextAttemptAt - 1);
    expect(world.requests).toEqual([]);
    await world.runUntil(nextAttemptAt + seconds(2));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', attempts: 13 });
  });
});

describe('two refused events a second', () => {
  it('leave room in flight for the good ones: at most 400 where SQS’s 120,000 are scaled down to that', async () => {
    const world = new DeliveryWorld();
    world.inFlightLimit = 400;
    const sent = new Map<string, number>();
    let worstMs = 0;
    world.receiver = ({ headers }) => {
      const id = String(headers['webhook-id']);
      if (id.startsWith('bad')) return answered(400);
      worstMs = Math.max(worstMs, world.now - (sent.get(id) ?? 0));
      sent.delete(id);
      return answered(200);
    };
    let most = 0;
    for (let second = 0; second < 30 * 60; second++) {
      if (second < 10 * 60) {
        world.enqueue({ id: `bad_${second}_a` });
        world.enqueue({ id: `bad_${second}_b` });
      }
      world.enqueue({ id: `good_${second}` });
      sent.set(`good_${second}`, world.now);
      await world.runUntil(world.now + 1000);
      most = Math.max(most, world.inFlight);
    }
    await world.runUntil(world.now + 2000);
    expect(sent.size).toBe(0);
    expect(most).toBeLessThan(400);
    expect(worstMs).toBeLessThanOrEqual(2000);
  });
});
