import type { EngineClock } from './engine-clock.ts';
import { Heap } from './heap.ts';

/** Time that stands still until it is told to move: for tests and simulations. */
export interface VirtualClock extends EngineClock {
  /**
   * Moves on to `at` (epoch ms), firing each timer at its own instant. Before and after each it waits until all that
   * can happen without time passing has happened.
   */
  advanceTo(at: number): Promise<void>;
  advance(milliseconds: number): Promise<void>;
  /** When the next timer fires, or undefined where none is set. */
  nextTimerAt(): number | undefined;
}

export function createVirtualClock(startAt = Date.UTC(2020, 5, 1)): VirtualClock {
  let now = startAt;
  const timers = new Heap<{ fire: (() => void) | undefined }>();

  const dropCancelled = () => {
    while (timers.size > 0 && timers.peek()?.fire === undefined) timers.pop();
  };
  const clock: VirtualClock = {
    now: () => now,
    setTimer(at, fire) {
      const timer: { fire: (() => void) | undefined } = { fire };
      timers.push(Math.max(at, now), timer);
      return () => {
        timer.fire = undefined;
      };
    },
    async advanceTo(at) {
      await settle();
      for (let next = clock.nextTimerAt(); next !== undefined && next <= at; next = clock.nextTimerAt()) {
        now = next;
        timers.pop()?.fire?.();
        await settle();
      }
      now = Math.max(now, at);
      await settle();
    },
    advance: (milliseconds) => clock.advanceTo(now + milliseconds),
    nextTimerAt() {
      dropCancelled();
      return timers.leastKey;
    },
  };
  return clock;
}

/** Two rounds of the event loop: every promise that is ready has run, and what those started. */
async function settle(): Promise<void> {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
}
