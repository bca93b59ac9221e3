import { createMovableClock, type MovableClock } from '../../../local/aws/engine/movable-clock.ts';

/** Time that passes as fast as the local run can follow it: what falls due is done before more of it passes. */
export interface PassingTime {
  readonly clock: MovableClock;
  /** Epoch ms. */
  now(): number;
  pass(seconds: number): Promise<void>;
  /** Lets time pass until it is so, and gives the seconds that took. Throws where it is not so within `seconds`. */
  until(what: string, isSo: () => unknown, seconds: number): Promise<number>;
}

/** Real time that one thing may take to be done; far more than any needs, also on a busy machine. */
const maxWorkMs = 60_000;
const stepSeconds = 15;

export function createPassingTime(isIdle: () => boolean): PassingTime {
  const clock = createMovableClock();

  /** Or the time has come meanwhile: a receiver that takes its time moves it on. */
  async function workEnds(end: number): Promise<void> {
    const deadline = performance.now() + maxWorkMs;
    for (;;) {
      // What one thing leads to begins within a few rounds of the event loop.
      for (let round = 0; round < 4; round++) await new Promise((resolve) => setImmediate(resolve));
      if (isIdle() || clock.now() >= end) return;
      if (performance.now() > deadline) throw new Error(`an invocation has not ended within ${maxWorkMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async function passUntil(end: number): Promise<void> {
    await workEnds(end);
    while (clock.now() < end) {
      clock.advanceTo(Math.min(clock.nextTimerAt() ?? end, end));
      await workEnds(clock.now() < end ? end : end + 1000);
    }
  }

  return {
    clock,
    now: clock.now,
    pass: (seconds) => passUntil(clock.now() + seconds * 1000),
    async until(what, isSo, seconds) {
      const start = clock.now();
      const passed = () => (clock.now() - start) / 1000;
      while (!(await isSo())) {
        if (passed() > seconds) throw new Error(`${seconds} s have passed, and still not: ${what}`);
        await passUntil(clock.now() + stepSeconds * 1000);
      }
      return Math.round(passed());
    },
  };
}
