import { expect, it } from 'vitest';
import { answered, DeliveryWorld } from '../../lab/support/in-memory/delivery-world.ts';

const hour = 3600 * 1000;
/** 50 events a second for 15 days are 65 million: time is as it is, and both what comes and what one run can do are divided by this. */
const scale = 4_000;
const eventsPerHour = (50 * 3600) / scale;
/** Eight receives of ten at once, each with its read, its PutEvents, its write and its deletion in 130 ms, for 70 s. */
const parkedPerRun = Math.floor((8 * 10 * 70) / 0.13 / scale);

it('a subscriber that is paused for 15 days at 50 events a second: each event is delivered, or exhausted with its reason', async () => {
  const world = new DeliveryWorld();
  world.config.status = 'paused';
  const startedAt = world.now;
  let enqueued = 0;
  let runs = 0;
  let mostRunsInAnHour = 0;
  for (let hours = 0; hours < 15 * 24; hours++) {
    for (let count = 0; count < eventsPerHour; count++) {
      world.now = startedAt + hours * hour + (count / eventsPerHour) * hour;
      world.enqueue();
      enqueued++;
    }
    // Before that the hourly run finds nothing that is old.
    if (hours < 13 * 24) continue;
    // The hourly run, and as many more as ask to go on.
    let runsInThisHour = 0;
    do {
      const before = world.records.size;
      Object.defineProperty(world, 'remainingMs', {
        configurable: true,
        get: () => 90_000 - ((world.records.size - before) / parkedPerRun) * 70_000,
      });
      await world.call({ park: true });
      runsInThisHour++;
      // Each run hides what it meets for longer than it takes.
      world.now += 91_000;
    } while (world.controls.splice(0).some(({ message }) => message.action === 'park'));
    runs += runsInThisHour;
    mostRunsInAnHour = Math.max(mostRunsInAnHour, runsInThisHour);
  }
  const parked = world.records.size;
  Object.defineProperty(world, 'remainingMs', { configurable: true, get: () => 90_000 });
  world.config.status = 'active';
  world.receiver = () => answered(200);
  await world.runUntil(world.now + 6 * hour);

  const records = [...world.records.values()];
  const countOf = (state: string) => records.filter((record) => record.state === state).length;
  console.log(
    `${enqueued} events: ${countOf('delivered')} delivered, ${countOf('exhausted')} exhausted, ${world.forgotten.length} forgotten by the queue; ` +
      `${runs} runs, at most ${mostRunsInAnHour} in one hour`,
  );
  expect(world.forgotten).toEqual([]);
  expect(world.messages.size).toBe(0);
  expect(records).toHaveLength(enqueued);
  expect(countOf('delivered') + countOf('exhausted')).toBe(enqueued);
  expect(countOf('exhausted')).toBe(parked);
  expect(world.publisher.published).toHaveLength(parked);
  for (const { state, reason, event } of records) {
    if (state === 'exhausted') expect([reason, event]).toEqual([expect.stringMatching(/^expired/), expect.any(String)]);
  }
}, 60_000);
