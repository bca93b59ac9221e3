import { expect, test } from 'vitest';
import { createMovableClock } from '../../../../local/aws/engine/movable-clock.ts';

const hour = 3_600_000;

test('timers fire in turn, each at its own instant, also those that a timer sets', () => {
  const clock = createMovableClock();
  const start = clock.now();
  const fired: [string, number][] = [];
  const note = (name: string) => fired.push([name, Math.round((clock.now() - start) / hour)]);
  clock.setTimer(start + 2 * hour, () => note('second'));
  clock.setTimer(start + hour, () => {
    note('first');
    clock.setTimer(clock.now() + 2 * hour, () => note('set by the first'));
  });
  clock.setTimer(start + 5 * hour, () => note('not yet'));
  clock.setTimer(start + hour, () => note('cancelled'))();
  clock.advanceTo(start + 4 * hour);
  expect(fired).toEqual([
    ['first', 1],
    ['second', 2],
    ['set by the first', 3],
  ]);
  expect(clock.nextTimerAt()).toBe(start + 5 * hour);
  clock.advanceTo(start + 6 * hour);
  expect(clock.nextTimerAt()).toBeUndefined();
});

test('between two moves it goes on by itself', async () => {
  const clock = createMovableClock();
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.setTimer(clock.now() + hour + 20, resolve);
  clock.advanceTo(clock.now() + hour);
  await promise;
});

test('it never goes back', () => {
  const clock = createMovableClock();
  clock.advanceTo(clock.now() + hour);
  const at = clock.now();
  clock.advanceTo(at - hour);
  expect(clock.now()).toBeGreaterThanOrEqual(at);
});
