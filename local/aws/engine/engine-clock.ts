/**
 * The time of the local engine, handed in: the system clock when it runs, a virtual one in tests and simulations.
 */
export interface EngineClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fire` once at `at` (epoch ms) or as soon after as can be. What it answers cancels the timer. */
  setTimer(at: number, fire: () => void): () => void;
  /** How far it is ahead of the system's time, in shared memory: threads of their own read it there. */
  readonly aheadMs?: BigInt64Array;
}

// Node fires a timer of more than 2^31-1 ms at once.
const maxTimeoutMs = 2 ** 31 - 1;

/** The system's time. Its timers keep the process alive until they fire or are cancelled. */
export function systemClock(): EngineClock {
  return {
    now: () => Date.now(),
    setTimer(at, fire) {
      let handle: NodeJS.Timeout;
      const arm = () => {
        const waitMs = at - Date.now();
        handle = waitMs > maxTimeoutMs ? setTimeout(arm, maxTimeoutMs) : setTimeout(fire, Math.max(0, waitMs));
      };
      arm();
      return () => clearTimeout(handle);
    },
  };
}
