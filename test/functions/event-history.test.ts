import { describe, expect, it } from 'vitest';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../lab/support/drift-events.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';
import { readEnvelope } from '../../lambdas/domain/history/recorded-event.ts';
import { World } from './manage-world.ts';

/** Publishes what goes out for an event, and has it recorded. */
async function publish(world: World, broadcasts: readonly Broadcast[], recordedAt = world.now): Promise<string[]> {
  for (const { source, detail } of broadcasts) {
    const read = readEnvelope(JSON.stringify({ source, 'detail-type': detail.type, detail }), recordedAt);
    if (read.kind === 'event') await world.events?.record(read.event);
  }
  return broadcasts.map(({ detail }) => detail.id);
}

async function aReadySubscription(world: World, fields: Parameters<World['create']>[0] = {}): Promise<string> {
  const id = await world.create(fields);
  await world.provision(id);
  return id;
}

const aRecord = (subscriptionId: string, webhookId: string, fields: Partial<DeliveryRecord>): DeliveryRecord => ({
  subscriptionId,
  webhookId,
  state: 'delivered',
  attempts: 1,
  eventType: 'new_message',
  occurredAt: 1,
  history: [],
  ttl: 0,
  ...fields,
});

describe('one event', () => {
  it('is shown with the exact body, what was derived from it, and every subscription with its outcome and why', async () => {
    const world = new World();
    const messages = await aReadySubscription(world);
    const pushes = await aReadySubscription(world, { eventTypes: ['conversation_push'] });
    const other = await aReadySubscription(world, { orgIds: [2] });
    const users = await aReadySubscription(world, { filter: { author: { type: ['user'] } } });
    const paused = await aReadySubscription(world, { status: 'paused' });
    world.now += 60_000;
    const [id = ''] = await publish(world, broadcastsOf(aMessage()));
    world.deliveries.records.push(aRecord(messages, id, { lastStatus: 200 }));

    const { status, body } = await world.ask('GET', `/v1/events/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ webhookId: id, type: 'new_message', orgId: 1, conversationId: 123456789 });
    expect(JSON.parse(body.body)).toEqual({ orgId: 1, type: 'new_message', data: aMessage().data });
    const by = Object.fromEntries(body.subscribers.map((one: { subscriptionId: string }) => [one.subscriptionId, one]));
    expect(by).toMatchObject({
      [messages]: { outcome: 'delivered', attempts: 1 },
      [pushes]: { outcome: 'not-matched', clause: { kind: 'type' } },
      [other]: { outcome: 'not-matched', clause: { kind: 'organisation', expected: '[2]', found: '1' } },
      [users]: { outcome: 'not-matched', clause: { kind: 'filter', path: 'author.type', found: '"contact"' } },
      [paused]: { outcome: 'held', reason: 'the subscription is paused' },
    });
  });

  it('knows its cause, and a cause what was derived from it', async () => {
    const world = new World();
    const [close = '', manualPush = '', push = ''] = await publish(world, broadcastsOf(aStatusUpdate()));
    const { body: cause } = await world.ask('GET', `/v1/events/${close}`);
    expect(cause.derived.map(({ webhookId }: { webhookId: string }) => webhookId)).toEqual([manualPush]);
    const { body: derived } = await world.ask('GET', `/v1/events/${push}`);
    expect(derived.cause).toMatchObject({ webhookId: manualPush, type: 'conversation_manual_push' });
  });

  it('that nobody knows is a 404, whatever its id', async () => {
    const world = new World();
    for (const id of ['msg_unknown', '%00', 'x'.repeat(3000)]) {
      expect((await world.ask('GET', `/v1/events/${id}`)).status).toBe(404);
    }
  });
});

describe('the list of events', () => {
  it('is newest first, by time, type, organisation and conversation, in pages that say how far they have looked', async () => {
    const world = new World();
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) {
      world.now += 1000;
      ids.unshift(...(await publish(world, broadcastsOf(aMessage({ id: index })))));
    }
    const list = async (query: string) => {
      const { body } = await world.ask('GET', `/v1/events?${query}`);
      return body;
    };
    const first = await list('limit=2');
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    expect([...first.events, ...second.events].map(({ webhookId }) => webhookId)).toEqual(ids.slice(0, 4));
    expect(first.searchedBackTo).toBe(first.events.at(-1).recordedAt);
    expect((await list('type=conversation_push')).events).toEqual([]);
    expect((await list('orgId=1&conversationId=123456789')).events).toHaveLength(5);
    expect((await list(`from=${first.events[1].recordedAt}`)).events).toHaveLength(2);
  });

  it.each([
    ['from=yesterday', 'from'],
    ['to=2026-02-31T00:00:00Z', 'to'],
    ['orgId=x', 'orgId'],
    ['conversationId=1.5', 'conversationId'],
    ['limit=0', 'limit'],
    ['cursor=bm8', 'cursor'],
    ['typ=new_message', 'typ'],
  ])('refuses %s and names the field', async (query, field) => {
    const { status, body } = await new World().ask('GET', `/v1/events?${query}`);
    expect(status).toBe(400);
    expect(body.errors[0].field).toBe(field);
  });

  it('says which setting it needs where no history is kept', async () => {
    const world = new World();
    world.events = undefined;
    const { status, body } = await world.ask('GET', '/v1/events');
    expect(status).toBe(409);
    expect(body.detail).toContain('eventHistoryDays');
  });
});

describe('one conversation', () => {
  it('is shown with its timer and its events, each with its outcomes counted', async () => {
    const world = new World();
    await aReadySubscription(world);
    await aReadySubscription(world, { eventTypes: ['conversation_push'] });
    world.now += 60_000;
    await publish(world, broadcastsOf(aMessage()));
    world.conversations.set('1#123456789', { lastActivityAt: world.now, dueAt: world.now + 600_000 });
    const { status, body } = await world.ask('GET', '/v1/conversations/1/123456789');
    expect(status).toBe(200);
    expect(body.timer).toMatchObject({ state: 'armed', dueAt: new Date(world.now + 600_000).toISOString() });
    expect(body.events).toMatchObject([{ type: 'new_message', outcomes: { waiting: 1, 'not-matched': 1 } }]);
    expect((await world.ask('GET', '/v1/conversations/1/5')).status).toBe(404);
  });

  it('that is closed says so', async () => {
    const world = new World();
    world.conversations.set('1#7', { lastActivityAt: 5, closedAt: 5 });
    expect((await world.ask('GET', '/v1/conversations/1/7')).body.timer.state).toBe('closed');
  });
});

describe('a resend', () => {
  it('of a delivered event goes into the queue with the same bytes and the same id, and says that it was asked for', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    world.deliveries.records.push(aRecord(id, webhookId, {}));
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`);
    expect(status).toBe(202);
    const stored = JSON.parse(world.events?.events.get(webhookId)?.event ?? '{}');
    expect(world.queues.envelopes.map((text) => JSON.parse(text))).toEqual([
      { ...stored, 'replay-name': body.replayName, 'replay-delivered': true },
    ]);
  });

  it.each([
    ['paused', async (world: World, id: string) => world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'paused' })],
    [
      'disabled',
      async (world: World, id: string) => world.provision(id, { disabled: { at: 1, reason: 'gone (410)' } }),
    ],
  ])('to a subscription that is %s is a 409 that says so', async (word, hold) => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    await hold(world, id);
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`);
    expect(status).toBe(409);
    expect(body.detail).toContain(word);
    expect(world.queues.envelopes).toEqual([]);
  });

  it('under one idempotency key puts one message into the queue', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    const path = `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`;
    const first = await world.ask('POST', path, undefined, { 'idempotency-key': 'one' });
    world.now += 1000;
    expect((await world.ask('POST', path, undefined, { 'idempotency-key': 'one' })).body).toEqual(first.body);
    expect(world.queues.envelopes).toHaveLength(1);
  });

  it('of an event goes to all whose rule matches, or to those who are named, and says to whom not', async () => {
    const world = new World();
    const one = await aReadySubscription(world);
    const two = await aReadySubscription(world, { eventTypes: ['conversation_push'] });
    const paused = await aReadySubscription(world, { status: 'paused' });
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    const all = await world.ask('POST', `/v1/events/${webhookId}/resend`);
    expect(all.status).toBe(202);
    const bySubscription = (resends: { subscriptionId: string; refused?: string }[]) =>
      Object.fromEntries(resends.map(({ subscriptionId, refused }) => [subscriptionId, refused ?? 'sent']));
    expect(bySubscription(all.body.resends)).toEqual({ [one]: 'sent', [paused]: expect.stringContaining('paused') });
    const named = await world.ask('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds: [two] });
    expect(bySubscription(named.body.resends)).toEqual({ [two]: 'sent' });
    const wrong = await world.ask('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds: [one, 'nobody'] });
    expect([wrong.status, wrong.body.errors[0].field]).toEqual([400, 'subscriptionIds[1]']);
  });
});

describe('one delivery', () => {
  it('is shown with the request that is sent, credentials masked, and each attempt', async () => {
    const world = new World();
    const id = await aReadySubscription(world, { headers: { 'x-api-key': 'secret', 'x-team': 'crm' } });
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    world.deliveries.records.push(
      aRecord(id, webhookId, { state: 'retrying', history: [{ at: 1, durationMs: 2, status: 500 }], nextAttemptAt: 9 }),
    );
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries/${webhookId}`);
    expect(status).toBe(200);
    expect(body.request).toMatchObject({
      url: 'https://hooks.example.com/',
      headers: { 'x-api-key': '********', 'x-team': 'crm', 'webhook-id': webhookId },
      body: expect.stringContaining('Norway'),
    });
    expect(body.history).toHaveLength(1);
    expect((await world.ask('GET', `/v1/subscriptions/${id}/deliveries/msg_other`)).status).toBe(404);
  });
});
