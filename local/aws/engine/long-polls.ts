import type { EngineClock } from './engine-clock.ts';
import type { ReceivedMessage, ReceiveOptions } from './queue.ts';

interface Waiter {
  readonly options: ReceiveOptions;
  readonly answer: (messages: ReceivedMessage[]) => void;
}

export interface LongPollsOptions {
  readonly clock: EngineClock;
  readonly take: (options: ReceiveOptions) => ReceivedMessage[];
  /** When the next hidden message becomes visible; undefined: none is hidden. */
  readonly nextVisibleAt: () => number | undefined;
}

/** Receivers that wait for a queue's next message: they are served in the order in which they came. */
export class LongPolls {
  readonly #options: LongPollsOptions;
  readonly #waiters = new Set<Waiter>();
  #isServing = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};

  constructor(options: LongPollsOptions) {
    this.#options = options;
  }

  /** Resolves with messages, or with none when the time is up or the signal says so. */
  wait(options: ReceiveOptions, waitSeconds: number): Promise<ReceivedMessage[]> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const end = () => waiter.answer([]);
      const cancelEnd = Number.isFinite(waitSeconds)
        ? clock.setTimer(clock.now() + waitSeconds * 1000, end)
        : undefined;
      const waiter: Waiter = {
        options,
        answer: (messages) => {
          this.#waiters.delete(waiter);
          cancelEnd?.();
          options.signal?.removeEventListener('abort', end);
          if (this.#waiters.size === 0) this.#stopWaking();
          resolve(messages);
        },
      };
      options.signal?.addEventListener('abort', end, { once: true });
      this.#waiters.add(waiter);
      this.wakeInTime();
    });
  }

  /** After what happens now, so that messages that are sent together are received together. */
  serveSoon(): void {
    if (this.#isServing || this.#waiters.size === 0) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      for (const waiter of [...this.#waiters]) {
        const messages = this.#options.take(waiter.options);
        if (messages.length === 0) break;
        waiter.answer(messages);
      }
      this.wakeInTime();
    });
  }

  /** To be called when a message was hidden: somebody may wait for it. */
  wakeInTime(): void {
    const next = this.#options.nextVisibleAt();
    if (this.#waiters.size === 0 || next === undefined || next >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = next;
    this.#cancelWake = this.#options.clock.setTimer(next, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.serveSoon();
    });
  }

  /** Answers everybody with nothing. */
  stop(): void {
    this.#stopWaking();
    for (const waiter of [...this.#waiters]) waiter.answer([]);
  }

  #stopWaking(): void {
    this.#cancelWake();
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }
}
