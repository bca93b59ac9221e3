import { type EngineClock, systemClock } from './engine-clock.ts';
import { Heap } from './heap.ts';

/** The system's time, ahead of it by as much as it was moved: for who has no hours to wait while everything else is real. */
export interface MovableClock extends EngineClock {
  readonly aheadMs: BigInt64Array;
  /** When the next timer fires, or undefined where none is set. */
  nextTimerAt(): number | undefined;
  /** Moves on to `at` (epoch ms). Timers that are due by then fire in turn, each at its own instant; none is waited for. */
  advanceTo(at: number): void;
}

export function createMovableClock(): MovableClock {
  const system = systemClock();
  const aheadMs = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  const timers = new Heap<{ fire: (() => void) | undefined }>();
  let disarm = (): void => {};

  const ahead = (): number => Number(Atomics.load(aheadMs, 0));
  const now = (): number => system.now() + ahead();
  const moveTo = (at: number): void => void Atomics.add(aheadMs, 0, BigInt(Math.max(0, Math.ceil(at - now()))));
  const nextTimerAt = (): number | undefined => {
    while (timers.size > 0 && timers.peek()?.fire === undefined) timers.pop();
    return timers.leastKey;
  };

  /** One timer of the system, for the one that is due next. */
  function arm(): void {
    disarm();
    const at = nextTimerAt();
    disarm = at === undefined ? () => {} : system.setTimer(at - ahead(), () => fireUntil(now()));
  }

  function fireUntil(at: number): void {
    try {
      for (let due = nextTimerAt(); due !== undefined && due <= at; due = nextTimerAt()) {
        moveTo(due);
        timers.pop()?.fire?.();
      }
      moveTo(at);
    } finally {
      arm();
    }
  }

  return {
    now,
    aheadMs,
    nextTimerAt,
    advanceTo: fireUntil,
    setTimer(at, fire) {
      const timer: { fire: (() => void) | undefined } = { fire };
      timers.push(at, timer);
      arm();
      return () => {
        timer.fire = undefined;
        arm();
      };
    },
  };
}
