import { describe, expect, it } from 'vitest';
import { aRecord } from '../../lab/support/deliveries.ts';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';

const seconds = (count: number) => count * 1000;
const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3600 * 1000;
const days = (count: number) => count * 24 * 3600 * 1000;

function withChance(world: DeliveryWorld): DeliveryWorld {
  let seed = 7;
  world.random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  world.handsOutInAnyOrder = true;
  return world;
}

/** Its endpoint fails; the events that were tried wait for their next attempts. */
async function anOpenCircuit(): Promise<DeliveryWorld> {
  const world = new DeliveryWorld();
  world.receiver = unreachable;
  for (let count = 0; count < 12; count++) world.enqueue();
  await world.runUntil(world.now + seconds(40));
  expect(world.state.circuit?.state).toBe('open');
  return world;
}

function openUntil(world: DeliveryWorld): number {
  return world.state.circuit?.state === 'open' ? world.state.circuit.probeAt : 0;
}

describe('an endpoint that never takes one kind of event', () => {
  it.each([
    [2, 24],
    [4, 96],
  ] as const)(
    'with a 400 has its good events at once: every %ith refused, 60 an hour for %i hours',
    async (nth, forHours) => {
      const world = withChance(new DeliveryWorld());
      const startedAt = world.now;
      const sent = new Map<string, number>();
      const waitsMs: number[] = [];
      world.receiver = ({ headers }) => {
        const id = String(headers['webhook-id']);
        if (id.startsWith('bad')) return answered(400);
        waitsMs.push(world.now - (sent.get(id) ?? 0));
        sent.delete(id);
        return answered(200);
      };
      let openings = 0;
      let wasOpen = false;
      const look = () => {
        const isOpen = world.state.circuit?.state === 'open';
        if (isOpen && !wasOpen) openings++;
        wasOpen = isOpen;
      };
      for (let count = 0; count < 60 * forHours; count++) {
        const isBad = count % nth === 0;
        if (!isBad) sent.set(`good_${count}`, world.now);
        world.enqueue({ id: `${isBad ? 'bad' : 'good'}_${count}` });
        await world.runUntil(startedAt + minutes(count + 1), look);
      }
      waitsMs.sort((one, other) => one - other);
      console.log(
        `every ${nth}th refused: ${waitsMs.length} good events, median wait ${waitsMs[waitsMs.length >> 1]} ms, worst ${waitsMs.at(-1)} ms, circuit openings ${openings}`,
      );
      expect(sent.size).toBe(0);
      expect(waitsMs.at(-1)).toBeLessThanOrEqual(seconds(2));
      expect(openings).toBe(0);
      expect(world.state.disabled).toBeUndefined();
      expect(world.publisher.typesPublished()).not.toContain('webhook_subscription_failing');
    },
    60_000,
  );

  it('with a 500 keeps its circuit closed: one event’s sixteen attempts are no sixteen failures', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500);
    for (let count = 0; count < 5; count++) world.enqueue();
    await world.runUntil(world.now + hours(90));
    expect([...world.records.values()].map(({ state }) => state)).toEqual(Array(5).fill('exhausted'));
    expect(world.state.circuit).toBeUndefined();
    expect(world.state.failures).toBe(5);
  });
});

describe('a resend while nobody reads the queue', () => {
  const resent = '"replay-name":"by-hand","resend":true,';

  it('is tried now; its success opens the way for all others, and its message in the queue is a duplicate', async () => {
    const world = await anOpenCircuit();
    world.receiver = () => answered(200);
    const before = world.requests.length;
    const message = world.enqueue({ id: 'msg_1', extra: resent });
    expect(await world.call({ resend: message })).toEqual({ attempts: 1 });
    expect(world.records.get('msg_1')).toMatchObject({ state: 'delivered', replayName: 'by-hand' });
    expect(world.state.circuit?.state).toBe('ramping');
    expect(world.controls.map(({ message: { action } }) => action)).toContain('recovered');
    // Lambda may invoke twice, and the queue has it, too.
    await world.call({ resend: message });
    expect(await world.invoke([message])).toEqual([]);
    expect(world.requests).toHaveLength(before + 1);
  });

  it('that fails goes on like any other: its message carries it, and the next probe is when it was', async () => {
    const world = await anOpenCircuit();
    const probeAt = openUntil(world);
    const message = world.enqueue({ id: 'msg_new', extra: resent });
    const { hides } = world.calls;
    await world.call({ resend: message });
    expect(world.records.get('msg_new')).toMatchObject({ state: 'retrying', messageId: message.messageId });
    expect([openUntil(world), world.calls.hides]).toEqual([probeAt, hides]);
    world.receiver = () => answered(200);
    await world.runUntil(world.now + hours(2));
    expect([...world.records.values()].map(({ state }) => state)).toEqual(Array(13).fill('delivered'));
  });

  it('to an endpoint that asked for a day of rest ends the rest for itself alone', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(429, { 'retry-after': '86400' });
    await world.invoke([world.enqueue()]);
    expect(world.state.circuit).toMatchObject({ state: 'open', reason: 'throttled' });
    world.receiver = () => answered(200);
    await world.call({ resend: world.enqueue({ id: 'msg_wanted', extra: resent }) });
    expect(world.records.get('msg_wanted')?.state).toBe('delivered');
    expect(world.state.circuit?.state).toBe('open');
    await world.runUntil(world.now + hours(23));
    expect(world.records.get('msg_1')?.state).toBe('retrying');
    await world.runUntil(world.now + hours(3));
    expect(world.records.get('msg_1')?.state).toBe('delivered');
  });
});

describe('a probe', () => {
  it('tries an event that was never tried, while there is one, and leaves the rest as they are', async () => {
    const world = await anOpenCircuit();
    await world.runUntil(openUntil(world) - 1);
    const fresh = world.enqueue({ id: 'msg_fresh' });
    const next = world.enqueue({ id: 'msg_next' });
    const waiting = world.messages.size;
    const before = world.requests.length;
    world.receiver = ({ headers }) => answered(headers['webhook-id'] === 'msg_fresh' ? 200 : 500);
    world.now = openUntil(world);
    expect(await world.call({ probe: true })).toEqual({ kind: 'recovered' });
    expect(world.requests.slice(before).map(({ headers }) => headers['webhook-id'])).toEqual(['msg_fresh']);
    expect(world.messages.has(fresh.messageId)).toBe(false);
    expect(world.messages.size).toBe(waiting - 1);
    expect(world.receive(10, 1).map(({ messageId }) => messageId)).toContain(next.messageId);
  });

  it.each([
    [400, 'recovered'],
    [404, 'recovered'],
    [401, 'recovered'],
    [429, 'still-failing'],
    [408, 'still-failing'],
    [500, 'still-failing'],
    [302, 'still-failing'],
  ])('that is answered %i finds the endpoint %s', async (status, kind) => {
    const world = await anOpenCircuit();
    world.now = openUntil(world);
    world.receiver = () => answered(status);
    expect(await world.call({ probe: true })).toEqual({ kind });
    expect(world.state.circuit?.state).toBe(kind === 'recovered' ? 'ramping' : 'open');
  });

  it('waits as long as the endpoint asked for by another batch while the circuit was open', async () => {
    const world = new DeliveryWorld();
    const startedAt = world.now;
    world.receiver = ({ headers }) =>
      answered(429, { 'retry-after': headers['webhook-id'] === 'msg_1' ? '300' : '7200' });
    await Promise.all([world.invoke([world.enqueue()]), world.invoke([world.enqueue()])]);
    for (let count = 0; count < 5000; count++) world.enqueue();
    await world.runUntil(startedAt + minutes(100));
    expect(world.state.circuit).toMatchObject({ state: 'open' });
    expect(world.requests).toHaveLength(2);
    expect(world.inFlight).toBeLessThan(10);
    world.receiver = () => answered(200);
    const perSecond: number[] = [];
    let before = world.requests.length;
    await world.runUntil(startedAt + hours(2) + seconds(30), () => {
      perSecond.push(world.requests.length - before);
      before = world.requests.length;
    });
    expect(world.state.circuit?.state).toBe('ramping');
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(21);
  });

  it('is not held up by a rest that an older version believed: a Retry-After of a year', async () => {
    const world = await anOpenCircuit();
    world.state.throttledUntil = world.now + days(365);
    world.receiver = () => answered(200);
    await world.runUntil(openUntil(world) + minutes(1));
    expect(world.state.circuit?.state).toBe('ramping');
  });
});

describe('an endpoint that has recovered', () => {
  it('is not shut off again for a few failures in a second', async () => {
    const world = await anOpenCircuit();
    world.receiver = () => answered(200);
    await world.runUntil(openUntil(world) + seconds(38));
    expect(world.state.circuit?.state).toBe('ramping');
    world.receiver = () => answered(500);
    for (let count = 0; count < 4; count++) {
      world.enqueue();
      await world.runUntil(world.now + 250);
    }
    world.receiver = () => answered(200);
    await world.runUntil(world.now + minutes(3));
    expect(world.state.circuit?.state).toBe('ramping');
    expect(world.publisher.typesPublished()).toEqual(['webhook_subscription_failing', 'webhook_delivery_recovered']);
  });
});

describe('what was learnt of an endpoint', () => {
  it('is not written onto its successor: a 410 of the old url does not disable the new one', async () => {
    const world = new DeliveryWorld();
    world.state.appliedEndpoint = 'hash of the old url';
    let answer: (() => void) | undefined;
    let arrived: (() => void) | undefined;
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const goOn = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.receiver = async () => {
      arrived?.();
      await goOn;
      return answered(410);
    };
    const message = world.enqueue();
    const batch = world.invoke([message]);
    await isThere;
    world.config.url = 'https://new.example/hooks';
    world.state.appliedEndpoint = 'hash of the new url';
    answer?.();
    expect(await batch).toEqual([message.messageId]);
    expect(world.state.disabled).toBeUndefined();
    expect(world.records.get('msg_1')?.state).toBe('retrying');
  });
});

describe('an event that its endpoint does not want', () => {
  it('has that published, as one that is exhausted', async () => {
    const world = new DeliveryWorld();
    world.receiver = () => answered(500, { 'webhook-delivery': 'abort-message' });
    await world.invoke([world.enqueue()]);
    expect(world.publisher.published.map(({ detail }) => [detail.type, detail.data.outcome])).toEqual([
      ['webhook_delivery_exhausted', 'discarded'],
    ]);
    expect(world.state.failures).toBeUndefined();
  });
});

describe('a batch that may not be tried as a whole', () => {
  it('begins with what has waited for its retry', async () => {
    const world = new DeliveryWorld();
    world.state.circuit = { state: 'ramping', since: world.now, probes: 0 };
    const order: string[] = [];
    world.receiver = ({ headers }) => {
      order.push(String(headers['webhook-id']));
      return answered(200);
    };
    const [first, second, third] = [world.enqueue(), world.enqueue(), world.enqueue()];
    world.records.set('msg_3', aRecord({ webhookId: 'msg_3', nextAttemptAt: world.now, messageId: third.messageId }));
    await world.invoke([first, second, third]);
    expect(order[0]).toBe('msg_3');
  });
});
