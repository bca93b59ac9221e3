import type { EngineClock } from '../../local/aws/engine/engine-clock.ts';
import { Heap } from '../../local/aws/engine/heap.ts';
import type { Random } from './random.ts';

/**
 * Virtual time, and with it the order of everything: one step at a time, the next in time first, and among those of one
 * millisecond in an order that is drawn. Whatever waits for an answer waits here, so the interleaving of all that is under
 * way follows from the seed alone.
 */
export class Scheduler implements EngineClock {
  readonly #random: Random;
  readonly #timers = new Heap<{ fire: (() => void) | undefined }>();
  #now: number;
  steps = 0;

  constructor(random: Random, startAt: number) {
    this.#random = random;
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  setTimer(at: number, fire: () => void): () => void {
    const timer: { fire: (() => void) | undefined } = { fire };
    // The fraction of a millisecond is the draw.
    this.#timers.push(Math.max(Math.ceil(at), this.#now) + this.#random.next(), timer);
    return () => {
      timer.fire = undefined;
    };
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(this.#now + milliseconds, resolve));
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on to `at` (epoch ms), step by step; ends early where `isOver` says so. */
  async runUntil(at: number, isOver: () => boolean): Promise<void> {
    await settle();
    for (;;) {
      const next = this.#timers.leastKey;
      if (next === undefined || next >= at + 1 || isOver()) break;
      const timer = this.#timers.pop();
      if (timer?.fire === undefined) continue;
      this.#now = Math.max(this.#now, Math.floor(next));
      this.steps++;
      timer.fire();
      await settle();
    }
    if (!isOver()) this.#now = Math.max(this.#now, at);
  }
}

/**
 * Until all that can happen without time passing has happened: Node comes to its ticks when no promise is left that could
 * go on. A turn of the event loop (`setImmediate`) would do as well, at four times the cost.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
