import type { Circuit, SubscriptionConfig, SubscriptionState } from '../subscriptions/subscription.ts';

/**
 * When an endpoint keeps failing it must cost nothing, and when it is back its backlog must not run it over. All of it
 * is arithmetic over the subscription's `state` record; the delivery function and `provision` act on the verdicts.
 *
 * The contract between the two:
 *
 * - The delivery function (`deliver`) alone writes `failingSince`, `lastFailureAt`, `failures`, `failingNotice`,
 *   `lastSuccessAt`, `throttledUntil`, `circuit` and `disabled` (`healthAttributes`), each with a conditional update.
 *   Enabling a disabled subscription, by whoever does it, removes all `healthAttributes` but `lastSuccessAt`.
 * - After that write, `deliver` tells `provision` through the control queue (`ControlMessage`):
 *   `open-circuit` the circuit was opened · `probe` a probe has failed, the next is due at `dueAt` · `recovered` the
 *   circuit is ramping · `reconcile` the subscription was disabled.
 * - On every control message `provision` reads both records, sets the queue's event source mapping to
 *   `desiredFlow(config, state, now)`, and then does what `controlStep(message, state, now)` says:
 *   `probe`: invoke the subscriber's function with `{"probe":true}` (asynchronously will do) · `send`: put that message
 *   on the control queue with that delay · `none`. It writes none of `healthAttributes`.
 * - `desiredFlow` is also what a reconcile brings the mapping to, whatever set it off. The hourly reconcile sends what
 *   `overdueControl(state, now)` returns: a probe or a ramp whose message was lost.
 * - `{"probe":true}`: `deliver` receives one message of its own queue and tries it. Delivered: it writes `ramping` and
 *   reports `recovered`. Failed: it writes the next `probeAt` and reports `probe`. Nothing in the queue to try: as
 *   delivered, because an empty queue can be opened without harm; the next failure opens the circuit again at once.
 *   It does nothing when the circuit is not open, so that a probe may come twice or late.
 * - `{"park":true}`, invoked by the hourly reconcile while the mapping is disabled: `deliver` takes those messages from
 *   the queue that are about to reach the end of its retention, and writes them to the ledger as `exhausted` with the
 *   reason `expired`, event included, so that they can be replayed. A run that ends for lack of time reports `park`, and is
 *   invoked again.
 */
export type ControlMessage =
  | { readonly subscriptionId: string; readonly action: 'open-circuit' | 'recovered' | 'ramp' | 'park' | 'reconcile' }
  /** `dueAt` in epoch ms: a probe whose `dueAt` is not the circuit's `probeAt` any more is out of date. */
  | { readonly subscriptionId: string; readonly action: 'probe'; readonly dueAt: number };

export const healthAttributes = [
  'failingSince',
  'lastFailureAt',
  'failures',
  'failingNotice',
  'lastSuccessAt',
  'throttledUntil',
  'circuit',
  'disabled',
] as const satisfies readonly (keyof SubscriptionState)[];

export const defaultMaxConcurrency = 10;
/** SQS event sources take 2 to 1000. */
const minMaximumConcurrency = 2;
/** Five days, as the best known senders have it. */
export const defaultDisableAfterSeconds = 5 * 24 * 60 * 60;
/** Within the 14 days for which the queue keeps what waits. */
export const maxDisableAfterSeconds = 13 * 24 * 60 * 60;
/** SQS's longest `DelaySeconds`. */
const maxControlDelaySeconds = 900;

/** This many failures in a row, over at least this time, open the circuit: a blip that hits one batch does not. */
const openAfterFailures = 10;
const openAfterSeconds = 30;
/** While ramping, this many in a row open it again; one message that the endpoint never takes does not. */
const relapseAfterFailures = 3;
/** A throttle that lasts longer than this opens the circuit: hiding each message would fill the 120,000 in flight. */
export const maxThrottleByHidingSeconds = 120;
/** The first probe, and from there each interval is twice the one before, up to the longest. */
const firstProbeAfterSeconds = 30;
const maxProbeIntervalSeconds = 60 * 60;
/** Each step of the ramp doubles the concurrency. Changing a mapping takes Lambda some seconds, so not shorter. */
const rampStepSeconds = 60;
/** Failures further apart than this say nothing about the time between them: a quiet endpoint is not a failing one. */
const maxSilenceSeconds = 24 * 60 * 60;

/** What the queue's event source mapping should be. */
export interface Flow {
  readonly enabled: boolean;
  /** 2 to 1000. */
  readonly maximumConcurrency: number;
}

type Health = Pick<
  SubscriptionState,
  'failingSince' | 'lastFailureAt' | 'failures' | 'failingNotice' | 'throttledUntil' | 'circuit' | 'disabled'
>;

export function desiredFlow(
  config: Pick<SubscriptionConfig, 'status' | 'maxConcurrency'>,
  state: Pick<Health, 'circuit' | 'disabled'> | undefined,
  now: number,
): Flow {
  const configured = Math.max(minMaximumConcurrency, config.maxConcurrency ?? defaultMaxConcurrency);
  const circuit = state?.circuit;
  const enabled = config.status === 'active' && state?.disabled === undefined && circuit?.state !== 'open';
  const maximumConcurrency =
    circuit?.state === 'ramping'
      ? Math.min(configured, minMaximumConcurrency * 2 ** rampStep(circuit, now))
      : configured;
  return { enabled, maximumConcurrency };
}

/**
 * How many attempts of one batch may run at once. The slowest mapping still hands over two batches of ten, so in the
 * ramp's first steps a batch is spread too. Two at a time is the least: five rounds of 15 s end within the function's 90 s.
 */
export function batchParallelism(state: Pick<Health, 'circuit'> | undefined, now: number): number {
  const circuit = state?.circuit;
  return circuit?.state === 'ramping' ? Math.min(10, 2 * 2 ** rampStep(circuit, now)) : 10;
}

function rampStep(circuit: { readonly since: number }, now: number): number {
  return Math.min(10, Math.max(0, Math.floor((now - circuit.since) / 1000 / rampStepSeconds)));
}

function isRamping(circuit: Circuit | undefined, now: number): boolean {
  // The highest concurrency, 1000, is reached with the ninth doubling.
  return circuit?.state === 'ramping' && rampStep(circuit, now) < 9;
}

export type ControlStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'send'; readonly message: ControlMessage; readonly delaySeconds: number };

/** What `provision` does with a control message once the flow is as it should be. */
export function controlStep(message: ControlMessage, state: SubscriptionState | undefined, now: number): ControlStep {
  const circuit = state?.circuit;
  if (state === undefined || circuit === undefined || state.disabled !== undefined) return { kind: 'none' };
  const { subscriptionId } = state;
  switch (message.action) {
    case 'reconcile':
    case 'park':
      return { kind: 'none' };
    case 'open-circuit':
    case 'probe': {
      if (circuit.state !== 'open') return { kind: 'none' };
      if (message.action === 'probe' && message.dueAt !== circuit.probeAt) return { kind: 'none' };
      if (message.action === 'probe' && circuit.probeAt <= now) return { kind: 'probe' };
      return { kind: 'send', ...probeMessage(subscriptionId, circuit.probeAt, now) };
    }
    case 'recovered':
    case 'ramp':
      return isRamping(circuit, now)
        ? { kind: 'send', message: { subscriptionId, action: 'ramp' }, delaySeconds: rampStepSeconds }
        : { kind: 'none' };
    default:
      return message satisfies never;
  }
}

/** The message that brings a probe at `dueAt` (epoch ms), and the delay to send it with; one beyond SQS's longest is sent on. */
export function probeMessage(
  subscriptionId: string,
  dueAt: number,
  now: number,
): { readonly message: ControlMessage; readonly delaySeconds: number } {
  const delaySeconds = Math.min(maxControlDelaySeconds, Math.max(0, Math.ceil((dueAt - now) / 1000)));
  return { message: { subscriptionId, action: 'probe', dueAt }, delaySeconds };
}

/** A probe that should have come long ago: its message was lost. For the hourly reconcile. */
export function overdueControl(state: SubscriptionState | undefined, now: number): ControlMessage | undefined {
  const circuit = state?.circuit;
  if (state === undefined || circuit?.state !== 'open' || state.disabled !== undefined) return undefined;
  const overdue = now - circuit.probeAt > 5 * 60 * 1000;
  return overdue ? { subscriptionId: state.subscriptionId, action: 'probe', dueAt: circuit.probeAt } : undefined;
}

/**
 * Since when the endpoint counts as failing, once it has failed at `now` again. Time in which nothing was tried does
 * not count beyond a day: one failed attempt a week is no endpoint that was down all week.
 */
export function failingSinceAfter(state: Health | undefined, now: number): number {
  const { failingSince, lastFailureAt } = state ?? {};
  if (failingSince === undefined || lastFailureAt === undefined) return failingSince ?? now;
  const silence = Math.max(0, now - lastFailureAt - maxSilenceSeconds * 1000);
  return Math.min(now, failingSince + silence);
}

/**
 * The notices of one failing streak, in their order; each is published once. 1: the circuit opened. 2, 3, 4: 50, 70
 * and 90 % of the time after which the subscription is disabled have passed.
 */
export type FailingNotice = 1 | 2 | 3 | 4;
const noticeFractions: readonly (readonly [FailingNotice, number])[] = [
  [4, 0.9],
  [3, 0.7],
  [2, 0.5],
];

export type HealthVerdict =
  | { readonly kind: 'open-circuit'; readonly circuit: Circuit & { readonly state: 'open' } }
  | { readonly kind: 'notice'; readonly notice: FailingNotice; readonly disableAt: number }
  | { readonly kind: 'disable'; readonly reason: string };

/** What follows from a failure that `state` already counts. Several verdicts may hold at once. */
export function evaluateFailure(
  state: Health,
  now: number,
  disableAfterSeconds: number = defaultDisableAfterSeconds,
): readonly HealthVerdict[] {
  if (state.disabled !== undefined) return [];
  const failingSince = state.failingSince ?? now;
  const failingSeconds = (now - failingSince) / 1000;
  if (failingSeconds >= disableAfterSeconds) {
    const hours = Math.round(disableAfterSeconds / 360) / 10;
    return [{ kind: 'disable', reason: `no delivery succeeded for ${hours} hours` }];
  }
  const verdicts: HealthVerdict[] = [];
  const circuit = openingCircuit(state, now, failingSeconds);
  if (circuit !== undefined) verdicts.push({ kind: 'open-circuit', circuit });

  const reached = noticeFractions.find(([, fraction]) => failingSeconds >= fraction * disableAfterSeconds)?.[0];
  const isOpen =
    circuit?.reason === 'failing' || (state.circuit?.state === 'open' && state.circuit.reason === 'failing');
  const notice = reached ?? (isOpen ? 1 : undefined);
  if (notice !== undefined && notice > (state.failingNotice ?? 0)) {
    verdicts.push({ kind: 'notice', notice, disableAt: failingSince + disableAfterSeconds * 1000 });
  }
  return verdicts;
}

function openingCircuit(
  state: Health,
  now: number,
  failingSeconds: number,
): (Circuit & { readonly state: 'open' }) | undefined {
  const { circuit } = state;
  if (circuit?.state === 'open') return undefined;
  const throttledUntil = state.throttledUntil ?? 0;
  const longThrottle = throttledUntil - now > maxThrottleByHidingSeconds * 1000;
  // What was open a moment ago and fails again has not recovered: there is no second grace, and no fresh series of probes.
  const relapse = isRamping(circuit, now) && (state.failures ?? 0) >= relapseAfterFailures;
  const failing = (state.failures ?? 0) >= openAfterFailures && failingSeconds >= openAfterSeconds;
  if (!longThrottle && !relapse && !failing) return undefined;
  const probes = relapse && circuit !== undefined ? circuit.probes + 1 : 0;
  const probeAt = Math.max(throttledUntil, now + probeIntervalSeconds(probes) * 1000);
  return { state: 'open', reason: longThrottle && !failing ? 'throttled' : 'failing', since: now, probeAt, probes };
}

function probeIntervalSeconds(probes: number): number {
  return Math.min(maxProbeIntervalSeconds, firstProbeAfterSeconds * 2 ** Math.min(probes, 20));
}

/** The circuit after a probe that failed. An endpoint's own wish (`throttledUntil`) is waited for in full. */
export function circuitAfterFailedProbe(
  circuit: Circuit & { readonly state: 'open' },
  now: number,
  throttledUntil = 0,
): Circuit & { readonly state: 'open' } {
  const probes = circuit.probes + 1;
  const probeAt = Math.max(throttledUntil, now + probeIntervalSeconds(probes) * 1000);
  return { ...circuit, reason: 'failing', probes, probeAt };
}

/** The circuit after a success, or after a probe that found nothing to send. */
export function rampingCircuit(circuit: Circuit, now: number): Circuit {
  return { state: 'ramping', since: now, probes: circuit.probes };
}
