import { describe, expect, it } from 'vitest';
import { answered, DeliveryWorld, unreachable } from '../../lab/support/in-memory/delivery-world.ts';
import { healthAttributes } from '../../lambdas/domain/deliveries/endpoint-health.ts';

const hour = 3600 * 1000;
const day = 24 * hour;
/** 50 events a second for 15 days are 65 million: time is as it is, and both what comes and what one run can do are divided by this. */
const scale = 8_000;
const eventsPerHour = (50 * 3600) / scale;
/** Eight receives of ten at once, each with its read, its PutEvents, its write and its deletion in 130 ms. */
const receiveMs = (130 * scale) / 8;

/** The hours of a stopped subscriber: what comes, `provision` and its probes, and each hour parking, as often as it asks to go on. */
async function live(world: DeliveryWorld, days: number): Promise<void> {
  const until = world.now + days * day;
  const startedAt = world.now;
  let enqueued = 0;
  let receives = 0;
  const { receive } = world;
  world.receive = (count, hiddenSeconds) => {
    receives++;
    return receive.call(world, count, hiddenSeconds);
  };
  for (let nextHour = world.now + hour; nextHour <= until; nextHour += hour) {
    await world.runUntil(nextHour, () => {
      for (; enqueued < ((world.now - startedAt) / hour) * eventsPerHour; enqueued++) world.enqueue();
    });
    for (let goesOn = !world.flow().enabled; goesOn; ) {
      const before = receives;
      Object.defineProperty(world, 'remainingMs', {
        configurable: true,
        get: () => 90_000 - (receives - before) * receiveMs,
      });
      await world.call({ park: true });
      // Each run hides what it meets for longer than it takes.
      world.now += 91_000;
      const asked = world.controls.findIndex(({ message }) => message.action === 'park');
      goesOn = asked >= 0 && world.controls.splice(asked, 1).length > 0;
    }
    Object.defineProperty(world, 'remainingMs', { configurable: true, value: 90_000, writable: true });
  }
}

function stateCounts(world: DeliveryWorld) {
  const records = [...world.records.values()];
  const countOf = (state: string) => records.filter((record) => record.state === state).length;
  return {
    delivered: countOf('delivered'),
    exhausted: countOf('exhausted'),
    others: records.length - countOf('delivered') - countOf('exhausted'),
  };
}

describe('a subscriber at 50 events a second', () => {
  it.each([
    ['that is paused for 15 days', 'paused'],
    ['whose circuit is open for five days, until it is disabled for ten', 'active'],
  ] as const)(
    '%s: each event is delivered, or exhausted with its reason',
    async (_what, status) => {
      const world = new DeliveryWorld();
      world.config.status = status;
      world.receiver = unreachable;
      await live(world, 15);
      expect(world.flow().enabled).toBe(false);
      expect(world.forgotten).toEqual([]);
      const enqueued = 15 * 24 * eventsPerHour;

      // What `provision` does when a person resumes it, or enables it again.
      world.config.status = 'active';
      for (const name of healthAttributes) delete world.state[name];
      await world.dueDeliveries.retryNow('sub_1', world.now, () => true);
      world.receiver = () => answered(200);
      await world.runUntil(world.now + 6 * hour);

      const counts = stateCounts(world);
      console.log(`${enqueued} events: ${JSON.stringify(counts)}`);
      expect(counts.delivered + counts.exhausted).toBe(enqueued);
      expect(counts.others).toBe(0);
      expect(world.messages.size).toBe(0);
      // Those of the first day, and those that had some hours left.
      expect(counts.exhausted).toBeLessThanOrEqual((24 + 8) * eventsPerHour);
      for (const { state, reason, event } of world.records.values()) {
        if (state === 'exhausted')
          expect([reason, event]).toEqual([expect.stringMatching(/^expired/), expect.any(String)]);
      }
    },
    60_000,
  );
});
