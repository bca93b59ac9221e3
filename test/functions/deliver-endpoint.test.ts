import { describe, expect, it } from 'vitest';
import { aRecord, noon } from '../../lab/support/deliveries.ts';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';
import { carriedByMessage, waitingInLedger } from '../../lambdas/domain/deliveries/delivery-ledger.ts';

const seconds = (count: number) => count * 1000;
const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3600 * 1000;
const days = (count: number) => hours(24 * count);

/** A world whose endpoint has been down until the circuit opened. */
async function anOpenCircuit(): Promise<DeliveryWorld> {
  const world = new DeliveryWorld();
  world.receiver = unreachable;
  for (let count = 0; count < 50; count++) world.enqueue();
  await world.runUntil(world.now + minutes(2));
  expect(world.state.circuit?.state).toBe('open');
  return world;
}

describe('an endpoint that asks for a rest', () => {
  it.each([429, 502, 503, 504])(
    'gets it with %i: messages behind wait untried until the time given',
    async (status) => {
      const world = new DeliveryWorld();
      const startedAt = world.now;
      world.receiver = () => answered(status, { 'retry-after': '60' });
      world.enqueue();
      await world.runUntil(startedAt + seconds(1));
      world.receiver = () => answered(200);
      world.enqueue();
      await world.runUntil(startedAt + seconds(59));
      expect(world.requests).toHaveLength(1);
      await world.runUntil(startedAt + seconds(75));
      expect(world.requests).toHaveLength(3);
      expect(world.records.get('msg_2')).toMatchObject({ state: 'delivered', attempts: 1 });
    },
  );

  it('gets nothing more from the batch that was under way, if it could still be held back', async () => {
    const world = new DeliveryWorld();
    world.state.circuit = { state: 'ramping', since: world.now, probes: 0 };
    world.receiver = () => answered(429);
    await world.invoke(Array.from({ length: 10 }, () => world.enqueue()));
    // Two at a time at this step of the ramp: those two, and no third.
    expect(world.requests).toHaveLength(2);
  });

  it('is not shortened by a later, shorter wish', async () => {
    const world = new DeliveryWorld();
    const until = world.now + seconds(100);
    world.receiver = ({ headers }) => answered(429, { 'retry-after': headers['webhook-id'] === 'msg_1' ? '100' : '5' });
    await world.invoke([world.enqueue(), world.enqueue()]);
    expect(world.state.throttledUntil).toBe(until);
  });

  it('for long has its mapping switched off meanwhile, instead of all its messages in flight', async () => {
    const world = new DeliveryWorld();
    const startedAt = world.now;
    world.receiver = () => answered(429, { 'retry-after': '7200' });
    world.enqueue();
    await world.runUntil(startedAt + seconds(5));
    expect(world.state.circuit).toMatchObject({ state: 'open', reason: 'throttled', probeAt: startedAt + hours(2) });
    expect(world.flow().enabled).toBe(false);
    expect(world.publisher.published).toEqual([]);
    for (let count = 0; count < 500; count++) world.enqueue();
    world.receiver = () => answered(200);
    await world.runUntil(startedAt + hours(2) - 1);
    expect(world.requests).toHaveLength(1);
    expect(world.inFlight).toBeLessThan(5);
    await world.runUntil(startedAt + hours(2) + minutes(20));
    expect(world.messages.size).toBe(0);
    expect([...world.records.values()].every(({ state }) => state === 'delivered')).toBe(true);
  });
});

describe('an endpoint that keeps failing', () => {
  it('has its circuit opened: no attempts, nothing in flight but what was tried, one notice', async () => {
    const world = await anOpenCircuit();
    expect(world.flow().enabled).toBe(false);
    const attemptsBefore = world.requests.length;
    await world.runUntil(world.now + minutes(30));
    expect(world.requests.length - attemptsBefore).toBeLessThan(10);
    expect(world.publisher.typesPublished()).toEqual(['webhook_subscription_failing']);
    expect(world.publisher.published[0]?.detail.data).toMatchObject({
      subscriptionId: 'sub_1',
      notice: 'circuit-open',
    });
  });

  it('is not taken for one on a blip of a second, nor when one event alone keeps failing', async () => {
    const blip = new DeliveryWorld();
    blip.receiver = unreachable;
    await blip.invoke(Array.from({ length: 10 }, () => blip.enqueue()));
    expect(blip.state.circuit).toBeUndefined();

    const poison = new DeliveryWorld();
    poison.receiver = ({ headers }) => answered(headers['webhook-id'] === 'msg_1' ? 500 : 200);
    poison.enqueue();
    const startedAt = poison.now;
    for (let hour = 1; hour <= 24; hour++) {
      poison.enqueue();
      await poison.runUntil(startedAt + hours(hour));
    }
    expect(poison.state.circuit).toBeUndefined();
    expect(poison.state.disabled).toBeUndefined();
  });

  it('is probed at growing intervals, up to an hour', async () => {
    const world = await anOpenCircuit();
    const probes: number[] = [];
    await world.runUntil(world.now + hours(6), () => {
      const { circuit } = world.state;
      if (circuit?.state === 'open' && circuit.probeAt !== probes.at(-1)) probes.push(circuit.probeAt);
    });
    const intervals = probes.slice(1).map((probeAt, index) => Math.round((probeAt - (probes[index] ?? 0)) / 60_000));
    expect(intervals.slice(-3)).toEqual([60, 60, 60]);
    expect([...intervals].sort((one, other) => one - other)).toEqual(intervals);
  });

  it('is found by one probe when it is back, and its backlog flows at a rising rate', async () => {
    const world = await anOpenCircuit();
    for (let count = 0; count < 3000; count++) world.enqueue();
    world.receiver = () => answered(200);
    const openUntil = world.state.circuit?.state === 'open' ? world.state.circuit.probeAt : 0;
    await world.runUntil(openUntil + seconds(1));
    const concurrencies: number[] = [];
    await world.runUntil(world.now + minutes(10), () => {
      const { maximumConcurrency } = world.flow();
      if (maximumConcurrency !== concurrencies.at(-1)) concurrencies.push(maximumConcurrency);
    });
    expect(concurrencies).toEqual([2, 4, 8, 10]);
    expect(world.messages.size).toBe(0);
    expect([...world.records.values()].every(({ state }) => state === 'delivered')).toBe(true);
    expect(world.publisher.typesPublished()).toEqual(['webhook_subscription_failing', 'webhook_delivery_recovered']);
    expect(world.state.failingSince).toBeUndefined();
  });

  it('that fails again during the ramp is closed off again, and its probes go on growing', async () => {
    const world = await anOpenCircuit();
    for (let count = 0; count < 500; count++) world.enqueue();
    const before = world.state.circuit?.probes ?? 0;
    world.receiver = () => answered(200);
    await world.runUntil(world.state.circuit?.state === 'open' ? world.state.circuit.probeAt + seconds(2) : 0);
    expect(world.state.circuit?.state).toBe('ramping');
    world.receiver = unreachable;
    await world.runUntil(world.now + seconds(40));
    expect(world.state.circuit).toMatchObject({ state: 'open', probes: before + 1 });
  });

  it('with nothing to send is opened up, and closed off again by the next failures', async () => {
    const world = await anOpenCircuit();
    world.messages.clear();
    await world.runUntil(world.now + minutes(5));
    expect(world.state.circuit?.state).toBe('ramping');
    expect(world.publisher.typesPublished()).toEqual(['webhook_subscription_failing']);
    world.enqueue();
    await world.runUntil(world.now + seconds(10));
    expect(world.state.circuit?.state).toBe('open');
  });

  it('keeps its circuit closed where another batch has had a success since the tenth failure was counted', async () => {
    const world = new DeliveryWorld();
    Object.assign(world.state, { failures: 9, failingSince: world.now - minutes(5), lastFailureAt: world.now });
    world.receiver = unreachable;
    let calls = 0;
    Object.defineProperty(world.calls, 'health', {
      get: () => calls,
      set: (count: number) => {
        calls = count;
        // Between the count and what follows from it.
        if (count === 2)
          for (const name of ['failures', 'failingSince', 'lastFailureAt'] as const) delete world.state[name];
      },
    });
    await world.invoke([world.enqueue()]);
    expect(calls).toBeGreaterThan(1);
    expect(world.state.circuit).toBeUndefined();
    expect(world.controls).toEqual([]);
  });

  it.each([
    ['went on', 0],
    ['had paused for more than a day', 1.1],
  ])(
    'for days, until another batch had a success, begins a new streak with a failure of the same moment: it %s',
    async (_, silence) => {
      const world = new DeliveryWorld();
      const failedAt = world.now - days(silence);
      Object.assign(world.state, { failures: 9, failingSince: failedAt - days(4.99), lastFailureAt: failedAt });
      world.now += days(0.02);
      const [fails, succeeds] = [world.enqueue(), world.enqueue()];
      world.receiver = async () => {
        world.receiver = () => answered(200);
        await world.invoke([succeeds]);
        return unreachable();
      };
      await world.invoke([fails]);
      expect(world.state).toMatchObject({ failingSince: world.now, failures: 1, lastSuccessAt: world.now });
      expect(world.state.disabled).toBeUndefined();
      expect(world.state.circuit).toBeUndefined();
    },
  );

  it('keeps the order of its queue: what a probe received for the second time, and does not try, goes there anew', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    for (let count = 0; count < 12; count++) world.enqueue();
    world.now += hours(4);
    const circuit = { state: 'open', reason: 'failing', since: world.now, probeAt: world.now, probes: 9 } as const;
    for (let probes = 0; probes < 2; probes++) {
      world.state.circuit = { ...circuit, probeAt: world.now };
      expect(await world.call({ probe: true })).toEqual({ kind: 'still-failing' });
      world.now += minutes(3);
    }
    const untried = [...world.records.values()].filter(({ attempts }) => attempts === 0);
    expect(untried).toHaveLength(8);
    await world.sweepDue();
    expect([...world.messages.values()].filter(({ receiveCount = 0 }) => receiveCount > 2)).toEqual([]);
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(2));
    expect([...world.records.values()].map(({ state }) => state)).toEqual(Array(12).fill('delivered'));
    expect(world.requests).toHaveLength(14);
  });

  it('is left alone by a probe that comes when the circuit is not open any more', async () => {
    const world = await anOpenCircuit();
    const attemptsBefore = world.requests.length;
    world.state.circuit = { state: 'ramping', since: world.now, probes: 1 };
    expect(await world.call({ probe: true })).toEqual({ kind: 'not-open' });
    expect(world.requests.length).toBe(attemptsBefore);
  });

  it('is disabled after five days, warned of at 50, 70 and 90 %, and resumes when it is enabled again', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    const startedAt = world.now;
    for (let hour = 0; hour < 24 * 6; hour++) {
      world.enqueue();
      await world.runUntil(startedAt + hours(hour + 1));
    }
    const told = world.publisher.published.filter(({ detail }) => detail.type.startsWith('webhook_subscription'));
    const data = told.map(({ detail }) => detail.data);
    expect(data.map(({ notice }) => notice)).toEqual([
      'circuit-open',
      'half-time',
      'seventy-percent',
      'ninety-percent',
      undefined,
    ]);
    // Each with the first failure after its time: a probe comes every hour.
    const afterHours = told.slice(1).map(({ detail }) => (detail.occurredAt - startedAt) / hours(1));
    for (const [index, due] of [60, 84, 108, 120].entries()) {
      expect(afterHours[index]).toBeGreaterThanOrEqual(due);
      expect(afterHours[index]).toBeLessThan(due + 1.1);
    }
    expect(world.state.disabled?.reason).toBe('no delivery succeeded for 120 hours');
    expect(world.controls.concat([]).every(({ message }) => message.action !== 'probe')).toBe(true);
    expect(world.flow().enabled).toBe(false);

    // Nothing of the backlog is thrown away; what provision does when a person enables it again.
    for (const attribute of [
      'disabled',
      'circuit',
      'failingSince',
      'failures',
      'lastFailureAt',
      'failingNotice',
    ] as const) {
      delete world.state[attribute];
    }
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(13));
    const states = [...world.records.values()].map(({ state }) => state);
    expect(states.filter((state) => state !== 'delivered' && state !== 'exhausted')).toEqual([]);
    expect(states.length).toBe(24 * 6);
    expect(world.forgotten).toEqual([]);
  });

  it('is not disabled for one failed event a week', async () => {
    const world = new DeliveryWorld();
    const startedAt = world.now;
    for (let week = 0; week < 4; week++) {
      world.receiver = () => answered(422);
      world.enqueue();
      await world.runUntil(startedAt + days(7 * week) + seconds(1));
      // Nothing more is tried: whoever looks at it cancels it.
      world.messages.clear();
      world.records.clear();
      world.now = startedAt + days(7 * (week + 1));
    }
    expect(world.state.disabled).toBeUndefined();
  });
});

describe('a receiver that wants no more', () => {
  it.each([
    ['answers 410', answered(410)],
    ['asks for it in a header', answered(500, { 'webhook-delivery': 'disable' })],
  ])('is disabled at once when it %s; its events wait', async (_what, result) => {
    const world = new DeliveryWorld();
    world.receiver = () => result;
    const message = world.enqueue();
    expect(await world.invoke([message])).toEqual([message.messageId]);
    expect(world.state.disabled?.at).toBe(world.now);
    expect(world.publisher.typesPublished()).toEqual(['webhook_subscription_disabled']);
    expect(world.controls.map((control) => control.message.action)).toEqual(['reconcile']);
    world.now += minutes(10);
    expect(await world.invoke([message])).toEqual([message.messageId]);
    expect(world.requests).toHaveLength(1);
  });

  it('is disabled, and the event delivered, when the header comes with a 200', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(200, { 'webhook-delivery': 'disable' });
    expect(await world.invoke([world.enqueue()])).toEqual([]);
    expect(world.records.get('msg_1')?.state).toBe('delivered');
    expect(world.state.disabled).toBeDefined();
  });
});

describe('operational events', () => {
  it('never tell of failures of operational events: no two subscribers can keep each other busy', async () => {
    const world = new DeliveryWorld();
    world.receiver = unreachable;
    for (let count = 0; count < 50; count++) {
      world.enqueue({ type: 'webhook_subscription_failing', source: 'webhook-fanout', orgId: 'null' });
    }
    await world.runUntil(world.now + days(4));
    expect(world.publisher.published).toEqual([]);
  });

  it('have the same id when a crash has them published twice', async () => {
    const worlds = [new DeliveryWorld(), new DeliveryWorld()];
    for (const world of worlds) {
      world.receiver = () => answered(410);
      await world.invoke([world.enqueue()]);
    }
    const [first, second] = worlds.map(({ publisher }) => publisher.published[0]?.detail.id);
    expect(first).toBe(second);
  });
});

describe('parking', () => {
  it('writes to the ledger what a stopped queue is about to forget, and leaves the rest', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    const old = [world.enqueue(), world.enqueue()];
    world.now += days(13);
    expect(await world.call({ park: true })).toEqual({ parked: 0 });
    const young = world.enqueue();
    world.now += hours(18);
    expect(await world.call({ park: true })).toEqual({ parked: 2 });
    expect([...world.messages.keys()]).toEqual([young.messageId]);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'exhausted', attempts: 0, event: old[0]?.body });
    world.now += hours(2);
    expect(world.receive(10, 30)).toHaveLength(1);
    expect(world.forgotten).toEqual([]);
    expect(world.controls).toEqual([]);
  });

  it('publishes what it parks in batches, and writes a batch at once', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    for (let count = 0; count < 100; count++) world.enqueue();
    world.now += days(13.9);
    expect(await world.call({ park: true })).toEqual({ parked: 100 });
    expect(world.publisher.published).toHaveLength(100);
    expect(world.calls).toMatchObject({ reads: 10, writes: 10 });
  });

  it('finds what is old within the hours that are left, though the queue keeps no strict order', async () => {
    const world = new DeliveryWorld();
    world.handsOutInAnyOrder = true;
    let seed = 1;
    world.random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    world.config.status = 'paused';
    for (let count = 0; count < 60; count++) world.enqueue();
    world.now += days(13.71);
    for (let count = 0; count < 200; count++) world.enqueue();
    let parked = 0;
    for (let runs = 0; runs < 6; runs++) {
      world.now += hours(1);
      parked += ((await world.call({ park: true })) as { parked: number }).parked;
    }
    expect(parked).toBe(60);
    expect(world.forgotten).toEqual([]);
  });

  it('looks at ten messages while none is old, and puts none back for its third receive', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    for (let count = 0; count < 100; count++) world.enqueue();
    world.now += days(1);
    for (const moved of [0, 10, 10, 20]) {
      await world.call({ park: true });
      expect(world.records.size).toBe(moved);
      world.now += hours(1);
    }
    expect(world.calls.reads).toBe(2);
    // In the ledger it is due at once, and as old as it was: it goes into the queue anew.
    expect(world.records.get('msg_1')).toMatchObject({
      state: 'retrying',
      attempts: 0,
      nextAttemptAt: noon,
      dueAt: noon,
    });
    await world.sweepDue();
    expect(world.messages.size).toBe(100);
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', nextAttemptAt: noon, queuedAt: world.now });
    expect([...world.messages.values()].filter(({ receiveCount = 0 }) => receiveCount > 2)).toEqual([]);
  });

  it('goes on where one call fails, and is repeated', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    for (let count = 0; count < 1000; count++) world.enqueue();
    world.now += days(13.9);
    let reads = 0;
    Object.defineProperty(world, 'failingReads', { get: () => (++reads === 2 ? 1 : 0), set: () => {} });
    await expect(world.call({ park: true })).rejects.toThrow('the ledger could not be read');
    expect(world.records.size).toBe(990);
    world.now += minutes(2);
    expect(await world.call({ park: true })).toEqual({ parked: 10 });
  });

  it.each([13.9, 13.97])('after %d days keeps what the endpoint answered last', async (waited) => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, {}, 'out of order');
    world.enqueue();
    await world.deliverBatch();
    world.config.status = 'paused';
    world.now += days(waited);
    expect(await world.call({ park: true })).toEqual({ parked: 1 });
    expect(world.records.get('msg_1')).toMatchObject({ attempts: 1, lastStatus: 500, responseHead: 'out of order' });
  });

  it('asks for its next run when it ends for lack of time', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    for (let count = 0; count < 1000; count++) world.enqueue();
    world.now += days(13.9);
    // Each receive of ten, with its reads and writes, takes 100 ms; eight are under way at once.
    let calls = 0;
    const inSteps = () => 30_000 - (calls++ * 100) / 8;
    Object.defineProperty(world, 'remainingMs', { configurable: true, get: inSteps });
    let runs = 0;
    for (let parked = 0; parked < 1000; runs++) {
      calls = 700;
      parked += ((await world.call({ park: true })) as { parked: number }).parked;
      expect(world.controls.splice(0).map(({ message }) => message.action)).toEqual(parked < 1000 ? ['park'] : []);
    }
    expect(runs).toBeGreaterThan(1);
  });

  it('keeps of two messages of one event the one that no cancelled replay takes along', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    world.enqueue({ id: 'msg_1' });
    world.enqueue({ id: 'msg_1', extra: '"replay-name":"R",' });
    world.now += hours(4);
    for (let looks = 0; looks < 2; looks++) {
      await world.call({ park: true });
      world.now += hours(1);
    }
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', attempts: 0 });
    world.state.cancelledReplays = ['R'];
    world.config.status = 'active';
    await world.runUntil(world.now + hours(1));
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered' });
  });

  it('ends no replay with the old message of its event', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    const old = world.enqueue({ id: 'msg_1' });
    world.now += days(13.5);
    const replay = world.enqueue({ id: 'msg_1', extra: '"replay-name":"R",' });
    // Looked at once before; the queue keeps no strict order.
    world.messages.clear();
    for (const message of [replay, old]) {
      world.messages.set(message.messageId, { ...message, visibleAt: world.now, receiveCount: 1 });
    }
    world.now += days(0.3);
    expect(await world.call({ park: true })).toEqual({ parked: 0 });
    expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', replayName: 'R' });
    expect(world.messages.size).toBe(0);
  });

  it('leaves alone what the ledger or another message carries', async () => {
    const world = new DeliveryWorld();
    world.config.status = 'paused';
    const [inLedger, carried] = [world.enqueue(), world.enqueue()];
    world.now += days(13.9);
    world.records.set(
      'msg_1',
      aRecord({ webhookId: 'msg_1', event: inLedger.body, ...waitingInLedger('msg_1', world.now) }),
    );
    world.records.set(
      'msg_2',
      aRecord({
        webhookId: 'msg_2',
        event: carried.body,
        ...carriedByMessage('msg_2', world.now, 'another', world.now),
      }),
    );
    expect(await world.call({ park: true })).toEqual({ parked: 0 });
    expect(world.messages.size).toBe(0);
    expect([...world.records.values()].map(({ state }) => state)).toEqual(['retrying', 'retrying']);
  });

  it.each([
    ['in the queue', {}],
    ['in the ledger', { 'retry-after': '3600' }],
  ])(
    'keeps the event of a message whose attempts a replay carries %s, and cancelling the replay loses nothing',
    async (_, headers) => {
      const world = new DeliveryWorld();
      const original = world.enqueue();
      world.messages.clear();
      world.now += days(13.5);
      // The queue keeps no order: the replay is tried first, and fails.
      world.receiver = () => answered(500, headers);
      await world.invoke([world.enqueue({ id: 'msg_1', extra: '"replay-name":"R",' })]);
      expect(world.records.get('msg_1')).toMatchObject({ state: 'retrying', replayName: 'R' });
      world.messages.set(original.messageId, { ...original, visibleAt: world.now });
      world.config.status = 'paused';
      world.now += days(0.4);
      await world.call({ park: true });
      expect(world.messages.has(original.messageId)).toBe(false);

      world.state.cancelledReplays = ['R'];
      world.config.status = 'active';
      world.receiver = () => answered(200);
      await world.runUntil(world.now + hours(2));
      expect(world.records.get('msg_1')?.state).toBe('delivered');
      expect(world.requests).toHaveLength(2);
      expect(world.messages.size).toBe(0);
    },
  );
});
