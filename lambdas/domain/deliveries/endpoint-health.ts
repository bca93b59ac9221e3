import type { Circuit, SubscriptionConfig, SubscriptionState } from '../subscriptions/subscription.ts';
import type { AttemptOutcome, AttemptResult } from './attempt-outcome.ts';
import { believable } from './retry-schedule.ts';

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
 * - `{"probe":true}`: `deliver` receives messages of its own queue and tries one, if it can one that was never tried. Where the
 *   endpoint works (`speaksAgainstEndpoint`) it writes `ramping` and reports `recovered`. Otherwise it writes the next
 *   `probeAt` and reports `probe`. Nothing in the queue to try: as if it worked, because an empty queue can be opened
 *   without harm; the next failure opens the circuit again at once.
 *   It does nothing when the circuit is not open, so that a probe may come twice or late.
 * - `{"park":true}`, invoked by the hourly reconcile while the mapping is disabled: `deliver` takes those messages from
 *   the queue that are about to reach the end of its retention, and writes them to the ledger as `exhausted` with the
 *   reason `expired`, event included, so that they can be replayed. What it has received twice before that goes through the
 *   ledger into the queue anew, or SQS would move it to the back, where it is not found in time. A run that ends for lack of
 *   time reports `park`, and is invoked again.
 * - `{"resend": ResentMessage}`, invoked by `manage` while the circuit is open: `deliver` tries that one event, which a person
 *   wants now. A success opens the way for all others (`circuitAfterSuccess`); a failure changes nothing about the next probe.
 */
export type ControlMessage =
  | { readonly subscriptionId: string; readonly action: 'open-circuit' | 'recovered' | 'ramp' | 'park' | 'reconcile' }
  /** `dueAt` in epoch ms: a probe that was due before the circuit's `probeAt` is out of date. */
  | { readonly subscriptionId: string; readonly action: 'probe'; readonly dueAt: number };

/** A message that lies in the subscriber's queue, for a function that does not read it there. */
export interface ResentMessage {
  readonly messageId: string;
  readonly body: string;
  /** Epoch ms. */
  readonly sentAt: number;
}

/** The queue's own copy of such a message comes later than this attempt takes, should somebody read the queue meanwhile. */
export const resentCopyDelaySeconds = 60;

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

/**
 * So many events whose first attempt failed, with nothing but failures for at least this time, open the circuit, after a
 * recovery as before: a blip that hits one batch does not, nor do many attempts of one event.
 */
const openAfterFailures = 10;
const openAfterSeconds = 30;
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
  const steps = Math.floor((now - circuit.since) / 1000 / rampStepSeconds);
  // Of a record that does not say since when, the first: with no number at all nothing would be tried.
  return steps > 0 ? Math.min(10, steps) : 0;
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
      if (message.action === 'probe' && message.dueAt < (believable(circuit.probeAt, now) ?? 0))
        return { kind: 'none' };
      const dueAt = probeDueAt(circuit, state, now);
      if (message.action === 'probe' && dueAt <= now) return { kind: 'probe' };
      return { kind: 'send', ...probeMessage(subscriptionId, dueAt, now) };
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

/** Whether an attempt says that its endpoint does not work. */
export function speaksAgainstEndpoint(result: AttemptResult, outcome: AttemptOutcome): boolean {
  // Whoever answers with our own header is at work.
  if (outcome.kind === 'delivered' || outcome.kind === 'discard') return false;
  if (result.kind === 'failed') return true;
  const { status } = result;
  return (status >= 300 && status < 400) || status === 408 || status === 429 || status >= 500;
}

/**
 * When an open circuit is probed next: not while the endpoint rests, however that was learnt. At once where what is stored
 * lies too far ahead to be believed.
 */
export function probeDueAt(
  { probeAt }: Circuit & { readonly state: 'open' },
  { throttledUntil }: Pick<Health, 'throttledUntil'>,
  now: number,
): number {
  return Math.max(believable(probeAt, now) ?? now, believable(throttledUntil, now) ?? 0);
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
  const dueAt = probeDueAt(circuit, state, now);
  // One that was not believed is due at once.
  const overdue = now - dueAt > 5 * 60 * 1000 || dueAt === now;
  return overdue ? { subscriptionId: state.subscriptionId, action: 'probe', dueAt } : undefined;
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
  const throttledUntil = believable(state.throttledUntil, now) ?? 0;
  const longThrottle = throttledUntil - now > maxThrottleByHidingSeconds * 1000;
  const failing = (state.failures ?? 0) >= openAfterFailures && failingSeconds >= openAfterSeconds;
  if (!longThrottle && !failing) return undefined;
  // What was open a moment ago has not recovered: there is no fresh series of probes.
  const probes = failing && circuit !== undefined && isRamping(circuit, now) ? circuit.probes + 1 : 0;
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

/**
 * What follows an open circuit once an attempt has succeeded. Undefined: it stays, or none is open. A rest that the endpoint has
 * asked for outlasts the success of one event that a person wanted now.
 */
export function circuitAfterSuccess(
  { circuit, throttledUntil }: Pick<Health, 'circuit' | 'throttledUntil'>,
  now: number,
): Circuit | undefined {
  const isThrottled = (believable(throttledUntil, now) ?? 0) > now;
  return circuit?.state === 'open' && !isThrottled ? rampingCircuit(circuit, now) : undefined;
}

/** The circuit after a success, or after a probe that found nothing to send. */
export function rampingCircuit(circuit: Circuit, now: number): Circuit {
  return { state: 'ramping', since: now, probes: circuit.probes };
}
