import { describe, expect, it } from 'vitest';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../lab/support/drift-events.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';
import { eventSources, operationalEventTypes } from '../../lambdas/domain/events/event-types.ts';
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
      [messages]: { outcome: 'delivered', attempts: 1, url: 'https://hooks.example.com/' },
      [pushes]: { outcome: 'not-matched', clause: { kind: 'type' } },
      [other]: { outcome: 'not-matched', clause: { kind: 'organisation', expected: '[2]', found: '1' } },
      [users]: { outcome: 'not-matched', clause: { kind: 'filter', path: 'author.type', found: '"contact"' } },
      [paused]: { outcome: 'held', reason: 'the subscription is paused' },
    });
  });

  it('that a deleted subscription of the same id has had is not its successor’s, wherever it is asked for', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    const firstAttemptAt = world.now;
    world.deliveries.records.push(aRecord(id, webhookId, { firstAttemptAt, responseHead: 'theirs', attempts: 9 }));
    world.now += 60_000;
    const path = `/v1/subscriptions/${id}`;
    const shown = async () =>
      JSON.stringify([
        (await world.ask('GET', `/v1/events/${webhookId}`)).body.subscribers,
        (await world.ask('GET', `${path}/deliveries`)).body,
        (await world.ask('GET', `${path}/deliveries/${webhookId}`)).body,
      ]);
    expect((await shown()).match(/"attempts":9/g)).toHaveLength(3);
    await world.provision(id, { acceptedAt: world.now });
    expect(await shown()).not.toMatch(/"attempts":9|theirs/);
    expect(await shown()).toContain('created-later');
    // Counted and sent as what it never had.
    const plan = await world.ask('GET', `${path}/replay/plan?from=${new Date(firstAttemptAt).toISOString()}`);
    expect(plan.body).toMatchObject({ events: 1, delivered: 0 });
    const { deliveries } = world;
    world.events = undefined;
    deliveries.records[0] = { ...aRecord(id, webhookId, { firstAttemptAt }), event: '{"detail":{}}' };
    expect((await world.ask('POST', `${path}/deliveries/${webhookId}/resend`)).status).toBe(404);
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

it('an id is the same one however its digits are written, below zero too, as Drift may post it', async () => {
  const world = new World();
  const event = { ...aMessage({ conversationId: -5 }), orgId: '-1' };
  const [webhookId = ''] = await publish(world, broadcastsOf(event));
  for (const path of ['/v1/events?orgId=-1', '/v1/events?orgId=-01&conversationId=-005', '/v1/conversations/-1/-5']) {
    const { status, body } = await world.ask('GET', path);
    expect(status).toBe(200);
    expect(body.events).toMatchObject([{ webhookId, orgId: -1, conversationId: -5 }]);
  }
  const [asText = ''] = await publish(world, broadcastsOf(aMessage({ conversationId: '-005', id: 9 })));
  const [noId = ''] = await publish(world, broadcastsOf(aMessage({ conversationId: '00999999999999999999' })));
  expect((await world.ask('GET', '/v1/conversations/1/-5')).body.events).toMatchObject([{ webhookId: asText }]);
  const all = await world.ask('GET', '/v1/events');
  expect(all.status).toBe(200);
  expect(all.body.events.find(({ webhookId }: { webhookId: string }) => webhookId === noId)).not.toHaveProperty(
    'conversationId',
  );
  for (const orgId of ['x', '-', '1.0', '9223372036854775808']) {
    const { status, body } = await world.ask('GET', `/v1/events?orgId=${orgId}`);
    expect([status, body.errors?.[0].field]).toEqual([400, 'orgId']);
  }
});

it('an event shows each subscription with its description and url', async () => {
  const world = new World();
  await aReadySubscription(world, { description: 'the warehouse' });
  const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
  const { body } = await world.ask('GET', `/v1/events/${webhookId}`);
  expect(body.subscribers).toMatchObject([{ description: 'the warehouse', url: expect.any(String) }]);
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

  it('is due at the end of the quiet period of its organisation, not at the look that comes before', async () => {
    const world = new World();
    await world.settings.setQuietPeriodSeconds('1', 120);
    for (const [org, seconds] of [
      ['1', 120],
      ['2', 600],
    ] as const) {
      world.conversations.set(`${org}#7`, { lastActivityAt: world.now, dueAt: world.now + 1000 });
      const { body } = await world.ask('GET', `/v1/conversations/${org}/7`);
      expect(body.timer.dueAt).toBe(new Date(world.now + seconds * 1000).toISOString());
    }
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
      { ...stored, 'replay-name': body.replayName, resend: true },
    ]);
    expect(world.functions.resent).toEqual([]);
  });

  it.each([
    ['of one delivery', (id: string, webhookId: string) => `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`],
    ['of an event', (_id: string, webhookId: string) => `/v1/events/${webhookId}/resend`],
    ['by a replay', (id: string) => `/v1/subscriptions/${id}/replay`],
  ])('%s is put into the queue once for one Idempotency-Key, however many ask at once', async (what, pathOf) => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    world.deliveries.records.push(aRecord(id, webhookId, {}));
    const from = new Date(world.now - 60_000).toISOString();
    world.now += 60_000;
    const { queues, now } = world;
    const put = queues.put.bind(queues);
    queues.put = async (...asked) => {
      // Three seconds, by the clock of those who wait, if somebody does.
      for (let turn = 0; turn < 1000 && world.now < now + 3000; turn++) await Promise.resolve();
      return put(...asked);
    };
    const body = what === 'by a replay' ? { missed: { from, includeDelivered: true } } : undefined;
    const ask = () => world.ask('POST', pathOf(id, webhookId), body, { 'idempotency-key': 'k-1' });
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    expect(first?.status).toBe(202);
    for (const other of others) expect(other).toEqual(first);
    expect(queues.envelopes).toHaveLength(1);
    expect(await ask()).toEqual(first);
    expect(queues.envelopes).toHaveLength(1);
  });

  it('to an endpoint whose circuit is open is handed to its delivery function, since nobody reads the queue', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    await world.provision(id, {
      circuit: { state: 'open', reason: 'failing', since: 1, probeAt: world.now + 3_600_000, probes: 7 },
    });
    expect((await world.ask('POST', `/v1/events/${webhookId}/resend`)).status).toBe(202);
    // The queue has it too, and loses nothing should the function not run; it comes after what is tried now.
    expect(world.functions.resent).toEqual([
      { subscriptionId: id, messageId: 'sqs-0', body: world.queues.envelopes[0], sentAt: world.now },
    ]);
    expect(world.queues.delaysSeconds).toEqual([60]);
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

  it.each<[Parameters<World['create']>[0], string]>([
    [{ eventTypes: ['conversation_push'] }, 'the subscription does not ask for new_message'],
    [{ orgIds: [2] }, 'the subscription asks for other organisations than 1'],
    [{ filter: { author: { type: ['user'] } } }, 'the filter does not let it through: author.type'],
  ])(
    'to one who asks for %j, which it is not, is a 409 with the reason, also where the ledger has it',
    async (fields, reason) => {
      const world = new World();
      const id = await aReadySubscription(world, fields);
      const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
      const path = `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`;
      const refused = [409, expect.stringContaining(reason)];
      const ask = async () => {
        const { status, body } = await world.ask('POST', path);
        return [status, body.detail];
      };
      expect(await ask()).toEqual(refused);
      // It asked for it once, and no history is kept.
      const event = world.events?.events.get(webhookId)?.event ?? '';
      world.deliveries.records.push(aRecord(id, webhookId, { state: 'exhausted', event }));
      world.events = undefined;
      expect(await ask()).toEqual(refused);
      expect(world.queues.envelopes).toEqual([]);
    },
  );

  it('of an event about a failing endpoint follows its own matching: neither organisations nor a filter', async () => {
    const world = new World();
    const type = operationalEventTypes.deliveryExhausted;
    const fields = { eventTypes: [type], orgIds: [2], filter: { author: { type: ['user'] } } };
    const id = await aReadySubscription(world, fields);
    const detail = { id: 'msg_op', orgId: 1, type, data: {}, occurredAt: world.now };
    await publish(world, [{ source: eventSources.fanout, detail }]);
    expect((await world.ask('POST', `/v1/subscriptions/${id}/deliveries/msg_op/resend`)).status).toBe(202);
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
    const two = await aReadySubscription(world, { filter: { author: { type: ['contact'] } } });
    const other = await aReadySubscription(world, { eventTypes: ['conversation_push'] });
    const paused = await aReadySubscription(world, { status: 'paused' });
    const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
    const all = await world.ask('POST', `/v1/events/${webhookId}/resend`);
    expect(all.status).toBe(202);
    const bySubscription = (resends: { subscriptionId: string; refused?: string }[]) =>
      Object.fromEntries(resends.map(({ subscriptionId, refused }) => [subscriptionId, refused ?? 'sent']));
    expect(bySubscription(all.body.resends)).toEqual({
      [one]: 'sent',
      [two]: 'sent',
      [paused]: expect.stringContaining('paused'),
    });
    const named = await world.ask('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds: [two, other] });
    expect(bySubscription(named.body.resends)).toEqual({
      [two]: 'sent',
      [other]: `${other} is not to have it: the subscription does not ask for new_message`,
    });
    const wrong = await world.ask('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds: [one, 'nobody'] });
    expect([wrong.status, wrong.body.errors[0].field]).toEqual([400, 'subscriptionIds[1]']);
  });
});

describe('the deliveries of a subscription', () => {
  /** One event a second, the oldest first; gives their ids newest first. */
  async function messages(world: World, count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let index = 0; index < count; index++) {
      world.now += 1000;
      ids.unshift(...(await publish(world, broadcastsOf(aMessage({ id: index })))));
    }
    return ids;
  }

  async function list(world: World, id: string, query = '') {
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries?${query}`);
    expect(status).toBe(200);
    return body;
  }

  const shown = ({ deliveries }: { deliveries: { webhookId: string; state: string }[] }) =>
    deliveries.map(({ webhookId, state }) => [webhookId, state]);

  async function allPages(world: World, id: string, query: string) {
    const ids: string[] = [];
    let answers = 0;
    for (let cursor = ''; ; ) {
      const body = await list(world, id, `${query}${cursor}`);
      answers++;
      ids.push(...body.deliveries.map(({ webhookId }: { webhookId: string }) => webhookId));
      if (body.nextCursor === undefined) return { ids, answers };
      expect(body.searchedBackTo).toBeDefined();
      cursor = `&cursor=${body.nextCursor}`;
    }
  }

  it('come newest first, with what waits for a first attempt, and without what is not for it', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [third = '', second = '', first = ''] = await messages(world, 3);
    await publish(world, broadcastsOf(aStatusUpdate()));
    // In another order than they were published.
    world.deliveries.records.push(aRecord(id, third, { state: 'exhausted', undeliveredAt: world.now }));
    world.deliveries.records.push(aRecord(id, first, { lastStatus: 200 }));
    expect(shown(await list(world, id))).toEqual([
      [third, 'exhausted'],
      [second, 'waiting'],
      [first, 'delivered'],
    ]);
    expect(shown(await list(world, id, 'state=delivered'))).toEqual([[first, 'delivered']]);
    expect(shown(await list(world, id, 'state=waiting'))).toEqual([[second, 'waiting']]);
    expect(shown(await list(world, id, 'state=undelivered'))).toEqual([[third, 'exhausted']]);
    expect(shown(await list(world, id, 'status=2xx'))).toEqual([[first, 'delivered']]);
    expect(shown(await list(world, id, 'eventType=conversation_push'))).toEqual([]);
    const since = new Date(world.now - 1000).toISOString();
    expect(shown(await list(world, id, `from=${since}`))).toHaveLength(2);
    expect(shown(await list(world, id, `state=undelivered&to=${since}`))).toEqual([]);
  });

  it('that are held say why, in the list and by themselves', async () => {
    const world = new World();
    const id = await aReadySubscription(world, { status: 'paused' });
    const [webhookId = ''] = await messages(world, 1);
    const { deliveries } = await list(world, id, 'state=held');
    expect(deliveries).toMatchObject([{ webhookId, state: 'held', attempts: 0, reason: 'the subscription is paused' }]);
    const one = await world.ask('GET', `/v1/subscriptions/${id}/deliveries/${webhookId}`);
    expect(one).toMatchObject({ status: 200, body: { state: 'held', request: { body: expect.any(String) } } });
  });

  it('of a rejected item are what an event says is held there, and none where it was never in force', async () => {
    const world = new World();
    const id = await aReadySubscription(world, { orgIds: [1] });
    await world.provision(id, { acceptedAt: world.now });
    const never = { subscriptionId: 'never', record: 'config', url: 'nope', eventTypes: ['new_message'] };
    world.subscriptions.configs.set('never', never);
    const [held = ''] = await messages(world, 1);
    await publish(world, broadcastsOf(aMessage({}, '2')));
    await publish(world, broadcastsOf(aStatusUpdate()));
    world.subscriptions.configs.set(id, { ...world.subscriptions.configs.get(id), url: 'nope' });
    for (const query of ['', 'state=held']) {
      const { deliveries } = await list(world, id, query);
      expect(deliveries).toMatchObject([{ webhookId: held, state: 'held', reason: expect.stringContaining('url') }]);
      expect((await list(world, 'never', query)).deliveries).toEqual([]);
    }
    const { events } = (await world.ask('GET', '/v1/events')).body;
    const shownHeld: string[] = [];
    for (const { webhookId } of events) {
      const { subscribers } = (await world.ask('GET', `/v1/events/${webhookId}`)).body;
      for (const { subscriptionId, outcome } of subscribers) {
        if (outcome === 'held') shownHeld.push(`${subscriptionId} ${webhookId}`);
        if (subscriptionId === 'never') expect(outcome).toBe('created-later');
      }
    }
    expect(shownHeld).toEqual([`${id} ${held}`]);
  });

  it.each(['', 'state=undelivered', 'state=retrying'])(
    'that are retried say what keeps them back: the open circuit, and when it is probed (%s)',
    async (query) => {
      const world = new World();
      const id = await aReadySubscription(world);
      const [webhookId = ''] = await messages(world, 1);
      const event = world.events?.events.get(webhookId)?.event ?? '';
      const times = { undeliveredAt: world.now, nextAttemptAt: world.now - 1 };
      world.deliveries.records.push(aRecord(id, webhookId, { state: 'retrying', event, lastStatus: 503, ...times }));
      const probeAt = world.now + 3_600_000;
      await world.provision(id, { circuit: { state: 'open', reason: 'failing', since: 1, probeAt, probes: 7 } });
      const held = {
        state: 'retrying',
        reason: expect.stringContaining('the circuit is open since 1970-01-01T00:00:00.001Z; the next probe is at'),
        nextAttemptAt: new Date(probeAt).toISOString(),
      };
      expect((await list(world, id, query)).deliveries).toMatchObject([held]);
      expect((await world.ask('GET', `/v1/subscriptions/${id}/deliveries/${webhookId}`)).body).toMatchObject(held);
    },
  );

  it.each(['', 'state=undelivered', 'state=retrying'])(
    'that are retried promise no next attempt while the subscription is disabled (%s)',
    async (query) => {
      const world = new World();
      const id = await aReadySubscription(world);
      const [webhookId = ''] = await messages(world, 1);
      const times = { undeliveredAt: world.now, nextAttemptAt: world.now + 5000 };
      world.deliveries.records.push(aRecord(id, webhookId, { state: 'retrying', lastStatus: 410, ...times }));
      await world.provision(id, { disabled: { at: world.now, reason: 'the endpoint answered 410' } });
      const shown = [
        ...(await list(world, id, query)).deliveries,
        (await world.ask('GET', `/v1/subscriptions/${id}/deliveries/${webhookId}`)).body,
      ];
      for (const one of shown) {
        expect(one).toMatchObject({ state: 'retrying', reason: expect.stringContaining('is disabled since') });
        expect(one).not.toHaveProperty('nextAttemptAt');
      }
      expect(shown).toHaveLength(2);
      const { subscribers } = (await world.ask('GET', `/v1/events/${webhookId}`)).body;
      expect(subscribers).toMatchObject([{ subscriptionId: id, outcome: 'held', attempts: 1 }]);
      expect(subscribers[0]).not.toHaveProperty('until');
    },
  );

  it('that is not for the subscription is a 404 that says why', async () => {
    const world = new World();
    const id = await aReadySubscription(world, { orgIds: [2] });
    const [webhookId = ''] = await messages(world, 1);
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries/${webhookId}`);
    expect(status).toBe(404);
    expect(body.detail).toContain('the subscription asks for other organisations than 1');
  });

  it('are neither repeated nor left out while events arrive and the ledger forgets', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const ids = await messages(world, 9);
    for (const webhookId of ids) world.deliveries.records.push(aRecord(id, webhookId, {}));
    const first = await list(world, id, 'limit=4');
    await messages(world, 1);
    // The one at which the page ended is forgotten.
    const last = first.deliveries.at(-1).webhookId;
    world.deliveries.records.splice(
      world.deliveries.records.findIndex((record) => record.webhookId === last),
      1,
    );
    const second = await list(world, id, `limit=4&cursor=${first.nextCursor}`);
    const third = await list(world, id, `limit=4&cursor=${second.nextCursor}`);
    expect([first, second, third].flatMap(shown).map(([webhookId]) => webhookId)).toEqual(ids);
    expect(third.nextCursor).toBeUndefined();
  });

  it('are found with a filter that matches one in 10,000, and a page reads no more than in a small history', async () => {
    const readsOfFirstPage = async (count: number) => {
      const world = new World();
      const id = await aReadySubscription(world, { filter: { author: { type: ['user'] } } });
      const [one = ''] = await messages(world, 1);
      const event = world.events?.events.get(one);
      const ids = [one];
      for (let index = 1; event !== undefined && index < count; index++) {
        const webhookId = `msg_${index}`;
        world.events?.events.set(webhookId, { ...event, webhookId, recordedAt: event.recordedAt - index });
        ids.push(webhookId);
      }
      const rare = ids.filter((_, index) => index % 10_000 === 9_999);
      for (const webhookId of rare) world.deliveries.records.push(aRecord(id, webhookId, {}));
      const history = world.events;
      if (history === undefined) throw new Error('there is no history');
      const reads = { calls: 0, keys: 0 };
      for (const reader of [history, world.deliveries]) {
        const readMany = reader.readMany.bind(reader) as (keys: readonly unknown[]) => Promise<never>;
        Object.assign(reader, {
          readMany: (keys: readonly unknown[]) => {
            reads.calls++;
            reads.keys += keys.length;
            return readMany(keys);
          },
        });
      }
      await list(world, id);
      const ofFirst = { ...reads };
      const { ids: found, answers } = await allPages(world, id, '');
      expect(found).toEqual(rare);
      return { ofFirst, answers };
    };
    const small = await readsOfFirstPage(1000);
    const large = await readsOfFirstPage(10_000);
    expect(large.ofFirst).toEqual(small.ofFirst);
    expect(large.answers).toBeLessThanOrEqual(11);
  }, 30_000);

  it('of a deployment without a history come from the ledger; what needs the history says so', async () => {
    const world = new World();
    world.events = undefined;
    const id = await aReadySubscription(world);
    world.deliveries.records.push(aRecord(id, 'msg_1', { lastStatus: 503 }), aRecord(id, 'msg_2', { lastStatus: 200 }));
    expect(shown(await list(world, id))).toHaveLength(2);
    expect(shown(await list(world, id, 'status=503'))).toEqual([['msg_1', 'delivered']]);
    for (const query of ['state=waiting', 'state=held', 'from=1970-01-01T00:00:00Z']) {
      const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries?${query}`);
      expect([status, body.detail]).toEqual([409, expect.stringContaining('eventHistoryDays')]);
    }
  });

  it.each([
    ['status=6xx', 'status'],
    ['status=20', 'status'],
    ['from=yesterday', 'from'],
    ['state=waiting&replayName=r', 'replayName'],
    ['from=1970-01-01T00:00:00Z&replayName=r', 'replayName'],
    ['cursor=bm8', 'cursor'],
  ])('refuses %s and names the field', async (query, field) => {
    const world = new World();
    const id = await world.create();
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries?${query}`);
    expect([status, body.errors[0].field]).toEqual([400, field]);
  });

  it('of a replay that cannot be one of the subscription are none, and the answer names it', async () => {
    const world = new World();
    const id = await world.create();
    const list = (replay: string) => world.ask('GET', `/v1/subscriptions/${id}/deliveries?replayName=${replay}`);
    for (const replay of ['nonsense', `fanout-test-${await world.create()}-m1`]) {
      const { status, body } = await list(replay);
      expect([status, body.detail]).toEqual([404, `there is no replay ${replay} of ${id}`]);
    }
    expect((await list(`fanout-test-${id}-m1`)).body).toEqual({ deliveries: [] });
  });
});

describe('a replay by the history', () => {
  /** Delivered, exhausted, retrying, untried, and one that is not for it; and an old one. */
  async function aMixedHistory(world: World) {
    const id = await aReadySubscription(world);
    const ids: string[] = [];
    for (let index = 0; index < 4; index++) ids.push(...(await publish(world, broadcastsOf(aMessage({ id: index })))));
    await publish(world, broadcastsOf(aStatusUpdate()));
    await publish(world, broadcastsOf(aMessage({ id: 9 })), world.now - 7_200_000);
    const [delivered = '', exhausted = '', retrying = '', untried = ''] = ids;
    for (const [webhookId, state] of [
      [delivered, 'delivered'],
      [exhausted, 'exhausted'],
      [retrying, 'retrying'],
    ] as const) {
      world.deliveries.records.push(aRecord(id, webhookId, { state }));
    }
    const from = new Date(world.now - 3_600_000).toISOString();
    return { id, delivered, exhausted, untried, from };
  }

  it('of what was missed and delivered sends each once; only what was delivered is marked as asked for once more', async () => {
    const world = new World();
    const { id, delivered, exhausted, untried, from } = await aMixedHistory(world);
    const missed = { from, includeDelivered: true };
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/replay`, { missed });
    expect([status, body.queued]).toEqual([202, 3]);
    const sent = world.queues.envelopes.map((text) => JSON.parse(text));
    expect(sent.every((envelope) => envelope['replay-name'] === body.replayName)).toBe(true);
    expect(Object.fromEntries(sent.map((one) => [one.detail.id, one['replay-delivered'] ?? false]))).toEqual({
      [delivered]: true,
      [exhausted]: false,
      [untried]: false,
    });
    expect(world.replays.known.size).toBe(0);
  });

  it('goes on with its cursor, under one name, and sends nothing twice', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    for (let index = 0; index < 1203; index++) await publish(world, broadcastsOf(aMessage({ id: index })));
    const missed = { from: new Date(world.now - 1000).toISOString(), includeDelivered: true };
    const names = new Set<string>();
    for (let cursor: string | undefined; ; ) {
      const { body } = await world.ask('POST', `/v1/subscriptions/${id}/replay`, { missed, ...(cursor && { cursor }) });
      names.add(body.replayName);
      world.now += 1000;
      cursor = body.nextCursor;
      if (cursor === undefined) break;
    }
    expect(names.size).toBe(1);
    expect(new Set(world.queues.envelopes).size).toBe(1203);
    expect(world.queues.envelopes).toHaveLength(1203);
  });

  it('is planned before it starts: as many events as it then sends', async () => {
    const world = new World();
    const { id, from } = await aMixedHistory(world);
    const plan = async (query: string) => {
      const { body } = await world.ask('GET', `/v1/subscriptions/${id}/replay/plan?from=${from}${query}`);
      return body;
    };
    const mayMissFrom = new Date(world.now - 600_000).toISOString();
    const counts = { delivered: 1, retrying: 1, untried: 0, isAtLeast: false };
    expect(await plan('')).toEqual({ events: 2, ...counts, mayMissFrom });
    expect(await plan('&includeDelivered=true')).toEqual({ events: 3, ...counts });
    expect(world.queues.envelopes).toEqual([]);
  });

  it('says what waits untried in the queue and comes by itself, and does not plan to send that', async () => {
    const world = new World();
    const { id, from } = await aMixedHistory(world);
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'paused' });
    await world.provision(id);
    world.queues.depths = { waiting: 2, inFlight: 1, deadLetters: 0 };
    const path = `/v1/subscriptions/${id}/replay`;
    const { body: plan } = await world.ask('GET', `${path}/plan?from=${from}`);
    expect(plan).toMatchObject({ events: 1, retrying: 1, untried: 1 });
    const { body: archive } = await world.ask('POST', path, { missed: { from } });
    expect(archive.untried).toBe(1);
    const { body: history } = await world.ask('POST', path, { missed: { from, includeDelivered: true } });
    expect(history.untried).toBe(1);
    // Nothing is in the queue any more: what nobody tried was missed.
    world.queues.depths = { waiting: 0, inFlight: 0, deadLetters: 0 };
    expect((await world.ask('GET', `${path}/plan?from=${from}`)).body).toMatchObject({ events: 2, untried: 0 });
    expect((await world.ask('POST', path, { missed: { from } })).body).not.toHaveProperty('untried');
    // It was never in the queue of one that was not ready.
    world.queues.depths = { waiting: 2, inFlight: 1, deadLetters: 0 };
    const pending = await world.create();
    const { body } = await world.ask('GET', `/v1/subscriptions/${pending}/replay/plan?from=${from}`);
    expect(body).toMatchObject({ events: 4, untried: 0 });
  });

  it('of a time that is no longer kept is refused, and where that is a part of it says which', async () => {
    const world = new World();
    const { id } = await aMixedHistory(world);
    const path = `/v1/subscriptions/${id}/replay`;
    const at = (daysAgo: number) => new Date(world.now - daysAgo * 86_400_000).toISOString();
    const year1970 = { from: '1970-01-01T00:00:00Z', to: '1970-01-31T00:00:00Z' };
    for (const range of [{ from: at(99), to: at(31) }, year1970]) {
      for (const missed of [range, { ...range, includeDelivered: true }]) {
        const { status, body } = await world.ask('POST', path, { missed });
        expect([status, body.detail]).toEqual([400, expect.stringContaining('nothing of that time can be replayed')]);
      }
      const { status } = await world.ask('GET', `${path}/plan?from=${range.from}&to=${range.to}`);
      expect(status).toBe(400);
    }
    expect([world.replays.known.size, world.queues.envelopes.length]).toEqual([0, 0]);
    for (const missed of [{ from: at(99) }, { from: at(99), includeDelivered: true }]) {
      expect((await world.ask('POST', path, { missed })).body.coveredFrom).toBe(at(30));
    }
    expect((await world.ask('GET', `${path}/plan?from=${at(99)}`)).body.coveredFrom).toBe(at(30));
    expect((await world.ask('GET', `${path}/plan?from=${at(29)}`)).body).not.toHaveProperty('coveredFrom');
  });

  it('is planned with a bounded amount of reading, and says that there may be more', async () => {
    const world = new World();
    const id = await aReadySubscription(world);
    const [one = ''] = await publish(world, broadcastsOf(aMessage()));
    const event = world.events?.events.get(one);
    for (let index = 1; event !== undefined && index < 6000; index++) {
      const webhookId = `msg_${index}`;
      world.events?.events.set(webhookId, { ...event, webhookId, recordedAt: event.recordedAt - index });
    }
    const { body } = await world.ask('GET', `/v1/subscriptions/${id}/replay/plan?from=1970-01-01T00:00:00Z`);
    expect(body).toMatchObject({ events: 5000, isAtLeast: true, searchedBackTo: expect.any(String) });
  });

  it('that names one delivered event is refused with what sends it again', async () => {
    const world = new World();
    const { id, delivered } = await aMixedHistory(world);
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/replay`, { webhookId: delivered });
    expect([status, body.detail]).toEqual([409, expect.stringContaining(`/deliveries/${delivered}/resend`)]);
  });

  it.each([{ failed: {} }, { missed: {} }, { missed: { includeDelivered: true } }])(
    'of %j under one idempotency key is carried out once',
    async (kind) => {
      const world = new World();
      const id = await aReadySubscription(world);
      const [name = '', fields = {}] = Object.entries(kind)[0] ?? [];
      const [webhookId = ''] = await publish(world, broadcastsOf(aMessage()));
      const event = world.events?.events.get(webhookId)?.event ?? '';
      if (name === 'failed') {
        world.deliveries.records.push(
          aRecord(id, webhookId, { state: 'exhausted', undeliveredAt: world.now - 1000, event }),
        );
      }
      const body = { [name]: { from: new Date(world.now - 3_600_000).toISOString(), ...fields } };
      const ask = () => world.ask('POST', `/v1/subscriptions/${id}/replay`, body, { 'idempotency-key': 'one' });
      const first = await ask();
      expect(first.status).toBe(202);
      world.now += 1000;
      expect((await ask()).body).toEqual(first.body);
      expect(world.queues.envelopes.length + world.replays.known.size).toBe(1);
    },
  );

  it('says which setting it needs where no history is kept', async () => {
    const world = new World();
    world.events = undefined;
    const id = await aReadySubscription(world);
    const missed = { from: '1970-01-01T00:00:00Z', includeDelivered: true };
    const path = `/v1/subscriptions/${id}/replay`;
    for (const answer of [
      await world.ask('POST', path, { missed }),
      await world.ask('GET', `${path}/plan?from=${missed.from}`),
    ]) {
      expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('eventHistoryDays')]);
    }
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

describe('the figures of a subscription', () => {
  const hour = 3_600_000;
  const at = (world: World, ago: number) => new Date(world.now - ago).toISOString();

  it('come by period, by itself of the last three hours', async () => {
    const world = new World();
    const id = await world.create();
    const period = { at: world.now, delivered: 2, failed: 1, p50Ms: 10, p95Ms: 12, waiting: 3 };
    world.subscriptionMetrics.periods = [period];
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/metrics`);
    expect(status).toBe(200);
    expect(body).toEqual({
      from: at(world, 3 * hour),
      to: at(world, 0),
      periodSeconds: 300,
      periods: [{ ...period, at: at(world, 0) }],
    });
    expect(world.subscriptionMetrics.asked).toEqual([
      { subscriptionId: id, from: world.now - 3 * hour, to: world.now, periodSeconds: 300 },
    ]);
  });

  it.each([
    [hour, 60],
    [6 * hour, 3600],
    [48 * hour, 3600],
    [20 * 24 * hour, 86_400],
  ])('of the last %i ms come in periods of %i s where nothing is said', async (ago, periodSeconds) => {
    const world = new World();
    const id = await world.create();
    const { body } = await world.ask('GET', `/v1/subscriptions/${id}/metrics?from=${at(world, ago)}`);
    expect(body.periodSeconds).toBe(periodSeconds);
  });

  it.each([
    ['periodSeconds=59', 0],
    ['periodSeconds=90', 0],
    ['periodSeconds=1e3', 0],
    ['periodSeconds=86401', 0],
    // Finer than is kept of that time, and more periods than an answer has.
    ['periodSeconds=60', 16 * 24 * hour],
    ['periodSeconds=300', 64 * 24 * hour],
    ['periodSeconds=60', 25 * hour],
  ])('are refused with %s, %i ms ago', async (query, ago) => {
    const world = new World();
    const id = await world.create();
    const from = ago === 0 ? '' : `&from=${at(world, ago)}`;
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/metrics?${query}${from}`);
    expect([status, body.errors[0].field]).toEqual([400, 'periodSeconds']);
    expect(world.subscriptionMetrics.asked).toEqual([]);
  });

  it('are a 429 while CloudWatch takes no more questions', async () => {
    const world = new World();
    const id = await world.create();
    world.subscriptionMetrics.isThrottled = true;
    const { status, headers } = await world.ask('GET', `/v1/subscriptions/${id}/metrics`);
    expect([status, headers['retry-after']]).toEqual([429, '5']);
  });
});
