import type { DueTimer } from './conversation-store.ts';

/** Wakes emit-inactivity, to the second. */
export interface TimerQueue {
  /** Throws where some could not be handed over; the next sweep finds them again. */
  schedule(timers: readonly (DueTimer & { readonly delaySeconds: number })[]): Promise<void>;
}
