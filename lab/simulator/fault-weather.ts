import type { Random } from './random.ts';

/**
 * What can be injected, and how likely it is where a seed has little or much of it: for each call, message or invocation.
 * Each seed draws which of them it has at all: what goes wrong alone looks different from what goes wrong together.
 */
const likelihoods = {
  /** An invocation ends at any of its awaits, and nothing of it happens any more. */
  crash: { little: 0.01, much: 0.05 },
  /** A call is refused before it has had an effect. */
  throttle: { little: 0.003, much: 0.015 },
  /** A call has its effect, and its answer is lost. */
  'lost-answer': { little: 0.003, much: 0.015 },
  /** A call takes seconds; some take longer than the function may run. */
  'slow-call': { little: 0.001, much: 0.006 },
  /** Some entries of a batch call fail: PutEvents, SendMessageBatch, ChangeMessageVisibilityBatch, DeleteMessageBatch. */
  'partial-failure': { little: 0.02, much: 0.15 },
  /** EventBridge hands an event to a queue twice, as two messages. */
  'event-twice': { little: 0.005, much: 0.04 },
  /** SQS hands out a message that is still under way: two copies of one message at once. */
  'message-twice': { little: 0.005, much: 0.03 },
  /** A message becomes visible seconds later than those that were sent after it. */
  'out-of-order': { little: 0.05, much: 0.3 },
  /** SQS hands out younger messages before older ones. */
  'any-order': { little: 0.1, much: 0.4 },
  /** EventBridge fails to hand an event over, and tries again with its own backoff. */
  'bus-retry': { little: 0.01, much: 0.05 },
  /** A message that was done with is not deleted. */
  'lost-acknowledgement': { little: 0.005, much: 0.03 },
  /** The schedule does not run the sweep. */
  'missed-sweep': { little: 0.02, much: 0.2 },
  /** The schedule does not run the reconcile of all routes. */
  'missed-reconcile': { little: 0.5, much: 0.8 },
  /** A read that is not consistent answers what was there a moment ago. */
  'stale-read': { little: 0.2, much: 0.6 },
  /** A control plane says "later". */
  'busy-control-plane': { little: 0.02, much: 0.1 },
  /** Lambda takes an update of a function, and gives it up afterwards. */
  'failed-update': { little: 0.05, much: 0.3 },
  /** All that the account may run at once is in use, for seconds to minutes: invocations are turned away. */
  'exhausted-pool': { little: 0.0005, much: 0.003 },
  /** An asynchronous invocation is made twice. */
  'invoked-twice': { little: 0.02, much: 0.1 },
  /** Drift posts an event again, or gives one up after a failure. */
  'careless-drift': { little: 0.02, much: 0.1 },
} as const;

export type FaultKind = keyof typeof likelihoods;
export const faultKinds = Object.keys(likelihoods) as FaultKind[];

export class FaultWeather {
  readonly #random: Random;
  readonly #likelihood = new Map<FaultKind, number>();
  readonly counts = new Map<FaultKind, number>();
  readonly isCalm: boolean;

  constructor(random: Random) {
    this.#random = random;
    // A calm day keeps the strictest tolerances.
    this.isCalm = random.chance(0.1);
    for (const kind of faultKinds) {
      const { little, much } = likelihoods[kind];
      const draw = random.next();
      this.#likelihood.set(kind, this.isCalm || draw < 0.4 ? 0 : draw < 0.8 ? little : much);
    }
  }

  /** Whether it happens now; counted. */
  strikes(kind: FaultKind): boolean {
    if (!this.threatens(kind)) return false;
    this.count(kind);
    return true;
  }

  /** Whether it is to happen, perhaps: whoever asks counts it when it does. `times`: so much likelier than elsewhere. */
  threatens(kind: FaultKind, times = 1): boolean {
    return this.#random.chance(times * (this.#likelihood.get(kind) ?? 0));
  }

  count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** From now on all goes well. */
  end(): void {
    this.#likelihood.clear();
  }
}
