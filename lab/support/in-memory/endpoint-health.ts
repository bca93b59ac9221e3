import { isDeepStrictEqual } from 'node:util';
import type { EndpointHealth, EndpointHealthStore, FailingStreak } from '../../../lambdas/deliver/ports.ts';
import { maxRestSeconds } from '../../../lambdas/domain/deliveries/retry-schedule.ts';
import type { Circuit, SubscriptionState } from '../../../lambdas/domain/subscriptions/subscription.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One subscription's `state` record, wherever it is kept. */
export interface StateRecord {
  /** Undefined: the subscription is gone. */
  get(): SubscriptionState | undefined;
  set(state: SubscriptionState): void;
}

/** `call` makes each update: as a call that takes time, may fail, is counted. */
export function inMemoryEndpointHealth(
  record: StateRecord,
  call: <Result>(effect: () => Result) => Promise<Result> = async (effect) => effect(),
): EndpointHealth {
  return { ofEndpoint: (appliedEndpoint) => healthOf(record, call, appliedEndpoint) };
}

function healthOf(
  record: StateRecord,
  call: <Result>(effect: () => Result) => Promise<Result>,
  appliedEndpoint: string | undefined,
): EndpointHealthStore {
  /** Undefined where the record is gone, another endpoint is in force by now, or the condition does not hold. */
  const update = (
    change: (state: Mutable<SubscriptionState>) => void,
    condition: (state: SubscriptionState) => boolean = () => true,
  ): Promise<SubscriptionState | undefined> =>
    call(() => {
      const stored = record.get();
      if (stored === undefined || stored.appliedEndpoint !== appliedEndpoint || !condition(stored)) return undefined;
      const next = { ...stored };
      change(next);
      record.set(next);
      return { ...next };
    });

  return {
    recordFailures: ({ count, at, failingSince }, moved) =>
      update(
        (state) => {
          if (moved !== undefined || state.failingSince === undefined) state.failingSince = failingSince;
          state.lastFailureAt = at;
          state.failures = (state.failures ?? 0) + count;
        },
        (state) => lasts(state, moved),
      ),
    throttle: (until) =>
      update(
        (state) => {
          state.throttledUntil = until;
        },
        ({ throttledUntil }) =>
          throttledUntil === undefined ||
          throttledUntil <= until ||
          // What lies too far ahead to be believed is void.
          throttledUntil > until + 2 * maxRestSeconds * 1000,
      ),
    async endFailing({ deliveredAt, circuit }) {
      await update((state) => {
        if (deliveredAt !== undefined) state.lastSuccessAt = deliveredAt;
        if (circuit !== undefined) state.circuit = circuit;
        delete state.failingSince;
        delete state.lastFailureAt;
        delete state.failures;
        delete state.failingNotice;
      });
    },
    async replaceCircuit(expected, next, during) {
      const stored = await update(
        (state) => {
          state.circuit = next;
        },
        (state) =>
          (sameCircuit(state.circuit, expected) || isDeepStrictEqual(state.circuit, next)) && lasts(state, during),
      );
      return stored !== undefined;
    },
    async recordNotice(notice, during) {
      await update(
        (state) => {
          state.failingNotice = notice;
        },
        (state) => lasts(state, during),
      );
    },
    async disable(at, reason, during) {
      const stored = await update(
        (state) => {
          state.disabled = { at, reason };
        },
        (state) =>
          (state.disabled === undefined || isDeepStrictEqual(state.disabled, { at, reason })) && lasts(state, during),
      );
      return stored !== undefined;
    },
  };
}

function lasts({ failingSince }: SubscriptionState, streak: FailingStreak | undefined): boolean {
  return streak === undefined || failingSince === streak.failingSince;
}

function sameCircuit(one: Circuit | undefined, other: Circuit | undefined): boolean {
  return one?.state === other?.state && one?.since === other?.since;
}
