import type { EngineClock } from './engine-clock.ts';

/** Resolves when the time has passed, or at once when it is told to stop. */
export function pause(clock: EngineClock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(clock.now() + milliseconds, end);
    signal.addEventListener('abort', end);
  });
}
