import { describe, expect, it } from 'vitest';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';

const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3600 * 1000;

describe('an endpoint that is down for two days and comes back', () => {
  it('loses nothing, is hardly tried meanwhile, and has its backlog drained without a stampede', async () => {
    const world = new DeliveryWorld();
    let seed = 1;
    world.random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const startedAt = world.now;
    const perMinute = 2;
    let enqueued = 0;
    let lastMinute = -1;
    const arrivals = () => {
      for (const minute = Math.floor((world.now - startedAt) / 60_000); lastMinute < minute; lastMinute++) {
        for (let count = 0; count < perMinute; count++) {
          world.enqueue();
          enqueued++;
        }
      }
    };

    await world.runUntil(startedAt + hours(1), arrivals);
    expect(world.state.circuit).toBeUndefined();
    const beforeOutage = world.requests.length;

    world.receiver = unreachable;
    let maxInFlight = 0;
    await world.runUntil(startedAt + hours(49), () => {
      arrivals();
      maxInFlight = Math.max(maxInFlight, world.inFlight);
    });
    const duringOutage = world.requests.length - beforeOutage;
    const backlog = world.messages.size;
    expect(world.state.disabled).toBeUndefined();

    world.receiver = () => answered(200);
    const backAt = world.now;
    let drainedAt = 0;
    let maxPerSecond = 0;
    let requestsBefore = world.requests.length;
    let firstMinute = 0;
    await world.runUntil(backAt + hours(12), () => {
      arrivals();
      maxPerSecond = Math.max(maxPerSecond, world.requests.length - requestsBefore);
      if (world.state.circuit?.state === 'ramping' && world.now < world.state.circuit.since + minutes(1)) {
        firstMinute = Math.max(firstMinute, world.requests.length - requestsBefore);
      }
      requestsBefore = world.requests.length;
      // The few that were tried during the outage wait for their next attempt; the backlog is what was not.
      if (
        drainedAt === 0 &&
        world.messages.size - world.inFlight === 0 &&
        world.now > backAt + 1000 &&
        world.flow().enabled
      ) {
        drainedAt = world.now;
      }
    });

    const states = new Set([...world.records.values()].map(({ state }) => state));
    expect([...states]).toEqual(['delivered']);
    expect(world.records.size).toBe(enqueued);
    expect(world.forgotten).toEqual([]);
    expect(world.messages.size).toBe(0);
    // Retrying each event by its schedule alone would be about 14 attempts for each of them.
    expect(duringOutage).toBeLessThan(enqueued / 20);
    expect(maxInFlight).toBeLessThan(200);
    // Two batches of ten, and the probe.
    expect(firstMinute).toBeLessThanOrEqual(21);
    console.log(
      `two days down: ${backlog} events waited, ${duringOutage} attempts meanwhile (${(14 * backlog).toLocaleString('en')} without a circuit), ` +
        `at most ${maxInFlight} in flight; drained ${((drainedAt - backAt) / 60_000).toFixed(1)} min after it was back, ` +
        `at most ${maxPerSecond} a second (${firstMinute} in the first minute)`,
    );
  });
});
