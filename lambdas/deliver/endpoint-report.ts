import {
  circuitAfterFailedProbe,
  circuitAfterSuccess,
  evaluateFailure,
  failingSinceAfter,
  type HealthVerdict,
  probeMessage,
  speaksAgainstEndpoint,
} from '../domain/deliveries/endpoint-health.ts';
import {
  deliveryRecovered,
  subscriptionDisabled,
  subscriptionFailing,
} from '../domain/deliveries/operational-event.ts';
import type { Broadcast } from '../domain/events/derive.ts';
import type { SubscriptionState } from '../domain/subscriptions/subscription.ts';
import type { Attempt } from './attempts.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import type { FailingStreak } from './ports.ts';

/**
 * Writes down what attempts say about the endpoint, and acts on the verdicts. `state` is what was read before them.
 * A batch in which all went well, to an endpoint that was healthy, costs no call.
 */
export async function reportEndpoint(
  attempts: readonly Attempt[],
  state: SubscriptionState | undefined,
  deps: DeliverDeps,
  { isProbe }: { readonly isProbe: boolean },
): Promise<void> {
  const now = deps.clock();
  const isAlive = attempts.some(provesAlive);
  const failures = attempts.filter(({ result, outcome }) => speaksAgainstEndpoint(result, outcome));
  const disabling = attempts.map(({ outcome }) => outcome).find((outcome) => outcome.kind === 'disable');

  const health = deps.health.ofEndpoint(state?.appliedEndpoint);
  let stored = state;
  if (isAlive) await reportSuccess(state, attempts, now, deps);
  else if (failures.length > 0) {
    // One event that fails again and again says no more of the endpoint than its first attempt.
    const count = failures.filter(({ record, isBesidesRetries }) => record.attempts === 1 && !isBesidesRetries).length;
    const before = state?.failingSince;
    const failingSince = failingSinceAfter(state, now);
    const moved =
      before === undefined || before === failingSince
        ? undefined
        : await health.recordFailures({ count, at: now, failingSince }, { failingSince: before });
    // A streak that has ended meanwhile, or was moved by another batch, is not moved.
    stored = moved ?? (await health.recordFailures({ count, at: now, failingSince: now }));
  }
  const throttledUntil = Math.max(
    0,
    ...attempts.map(({ outcome }) => (outcome.kind === 'throttle' ? outcome.untilEpochMs : 0)),
  );
  if (throttledUntil > 0) stored = (await health.throttle(throttledUntil)) ?? stored;
  if (stored === undefined) return;

  if (disabling !== undefined) return disable(stored, disabling.reason, now, deps);
  if (failures.length === 0) return;
  const current = isAlive ? withoutStreak(stored) : stored;
  const mayTell = failures.some(({ message }) => !message.isOperational);
  for (const verdict of evaluateFailure(current, now, deps.disableAfterSeconds)) {
    await act(verdict, current, mayTell, now, deps);
  }
  if (isProbe && !isAlive) await planNextProbe(current, now, deps);
}

/** An answer about the event, whatever it is, comes from an endpoint that works. */
export function provesAlive({ record, result, outcome }: Attempt): boolean {
  return record.state === 'delivered' || (outcome.kind !== 'disable' && !speaksAgainstEndpoint(result, outcome));
}

/** An endpoint that works has no failing streak; an open circuit begins to ramp. */
async function reportSuccess(
  state: SubscriptionState | undefined,
  attempts: readonly Attempt[],
  now: number,
  deps: DeliverDeps,
): Promise<void> {
  const { control, subscriptionId } = deps;
  const circuit = state && circuitAfterSuccess(state, now);
  if (state?.failingSince === undefined && circuit === undefined) return;
  if (state?.failingNotice !== undefined && state.failingSince !== undefined) {
    if (!(await publish([deliveryRecovered(subscriptionId, state.failingSince, now)], deps))) return;
  }
  const health = deps.health.ofEndpoint(state?.appliedEndpoint);
  const deliveredAt = attempts.some(({ record }) => record.state === 'delivered') ? now : undefined;
  await health.endFailing({ deliveredAt, circuit });
  if (circuit !== undefined)
    await control.send([{ message: { subscriptionId, action: 'recovered' }, delaySeconds: 0 }]);
}

async function act(
  verdict: HealthVerdict,
  state: SubscriptionState,
  mayTell: boolean,
  now: number,
  deps: DeliverDeps,
): Promise<void> {
  const { control, subscriptionId, log } = deps;
  const health = deps.health.ofEndpoint(state.appliedEndpoint);
  // What was found for a streak holds as long as that lasts: a success of another batch may have ended it by now.
  const { failingSince } = state;
  const streak = failingSince === undefined ? undefined : { failingSince };
  switch (verdict.kind) {
    case 'open-circuit': {
      const { circuit } = verdict;
      const during = circuit.reason === 'failing' ? streak : undefined;
      if (!(await health.replaceCircuit(state.circuit, circuit, during))) return;
      log.warn('circuit opened', { subscriptionId, reason: circuit.reason, failures: state.failures });
      await control.send([{ message: { subscriptionId, action: 'open-circuit' }, delaySeconds: 0 }]);
      return;
    }
    case 'notice': {
      // An operational event about the failing delivery of an operational event could go round for ever.
      if (!mayTell) return;
      const { notice, disableAt } = verdict;
      const told = subscriptionFailing(subscriptionId, notice, failingSince ?? now, disableAt, now);
      if (await publish([told], deps)) await health.recordNotice(notice, streak);
      return;
    }
    case 'disable':
      return disable(state, verdict.reason, now, deps, streak);
    default:
      return verdict satisfies never;
  }
}

async function disable(
  state: SubscriptionState,
  reason: string,
  now: number,
  deps: DeliverDeps,
  during?: FailingStreak,
): Promise<void> {
  const { control, subscriptionId, log } = deps;
  const health = deps.health.ofEndpoint(state.appliedEndpoint);
  if (state.disabled !== undefined) return;
  if (!(await publish([subscriptionDisabled(subscriptionId, reason, state.failingSince ?? now, now)], deps))) return;
  if (!(await health.disable(now, reason, during))) return;
  log.warn('subscription disabled', { subscriptionId, reason });
  await control.send([{ message: { subscriptionId, action: 'reconcile' }, delaySeconds: 0 }]);
}

export async function planNextProbe(state: SubscriptionState, now: number, deps: DeliverDeps): Promise<void> {
  const { control, subscriptionId } = deps;
  const health = deps.health.ofEndpoint(state.appliedEndpoint);
  const { circuit } = state;
  if (circuit?.state !== 'open') return;
  const next = circuitAfterFailedProbe(circuit, now, state.throttledUntil);
  if (!(await health.replaceCircuit(circuit, next))) return;
  await control.send([probeMessage(subscriptionId, next.probeAt, now)]);
}

/** As it is once it works. */
function withoutStreak(state: SubscriptionState): SubscriptionState {
  const { failingSince: _, lastFailureAt: __, failures: ___, failingNotice: ____, ...rest } = state;
  return rest;
}

async function publish(broadcasts: readonly Broadcast[], { publisher, log }: DeliverDeps): Promise<boolean> {
  const outcome = await publisher.publish(broadcasts);
  if (outcome.kind === 'published') return true;
  log.error('could not publish an operational event', {
    types: broadcasts.map(({ detail }) => detail.type),
    outcome: outcome.kind,
  });
  return false;
}
