import { createHash } from 'node:crypto';
import { desiredFlow, healthAttributes } from '../domain/deliveries/endpoint-health.ts';
import { type LegacyTimeline, legacyPhaseAt } from '../domain/events/legacy-timeline.ts';
import {
  type DesiredRoute,
  desiredRoute,
  type RouteNames,
  type RouteSettings,
  routeNames,
} from '../domain/routes/desired-route.ts';
import { isWhole, planHold, planRemoval, planRoute, type RouteAction } from '../domain/routes/route-plan.ts';
import { configEtag } from '../domain/subscriptions/config-etag.ts';
import { hasLegacyEvent } from '../domain/subscriptions/legacy-entitlement.ts';
import type { OutboundPolicy } from '../domain/subscriptions/outbound-address.ts';
import { newSigningSecret, type RandomBytes } from '../domain/subscriptions/signing-secret.ts';
import type {
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../domain/subscriptions/subscription.ts';
import { subscriptionIdFault } from '../domain/subscriptions/subscription-id.ts';
import { readSubscriptionItem } from '../domain/subscriptions/subscription-item.ts';
import { errorSentence } from '../http/problem.ts';
import { canonicalJson } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateChange, SubscriptionStore } from '../ports/subscription-store.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import type { ActionOutcome, DeploymentGate, RouteControlPlane } from './ports.ts';

export interface ReconcileDeps {
  readonly subscriptions: SubscriptionStore;
  readonly routes: RouteControlPlane;
  readonly gate: DeploymentGate;
  readonly settings: RouteSettings;
  readonly outboundPolicy: OutboundPolicy;
  readonly timeline: LegacyTimeline;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export type Reconciled =
  | {
      readonly kind: 'ready';
      readonly names: RouteNames;
      readonly delivering: boolean;
      readonly state: SubscriptionState;
    }
  /** `held`: it once was good, and its events wait. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly names: RouteNames; readonly held: boolean }
  /** Nothing is left of it. */
  | { readonly kind: 'removed' }
  /** Not there yet. `retryAfterSeconds` undefined: a person must act (a quota, for one); the hourly run tries again. */
  | { readonly kind: 'pending'; readonly reason: string; readonly retryAfterSeconds?: number };

export type Reconcile = (subscriptionId: string) => Promise<Reconciled>;

/** Somebody edits it faster than we can follow: the next message carries on. */
const maxRounds = 5;

/**
 * Brings one subscription's route to what its records say. Whatever set it off is a hint only: both records are read
 * afresh, so order, repetition and loss of hints do not matter. Two runs that meet are harmless: each action is
 * idempotent, and a run whose basis was changed meanwhile starts again from the new one.
 */
export function createReconcile(deps: ReconcileDeps): Reconcile {
  const { subscriptions, gate, clock, metrics, log } = deps;

  return async (subscriptionId) => {
    for (let round = 1; round <= maxRounds; round++) {
      const [stored, isClosed] = await Promise.all([subscriptions.read(subscriptionId), gate.isClosed()]);
      const result = isClosed ? await tearDown(deps, subscriptionId) : await reconcileOnce(deps, stored);
      const [after, isClosedAfter] = await Promise.all([subscriptions.read(subscriptionId), gate.isClosed()]);
      if (isClosed === isClosedAfter && sameConfig(stored, after)) {
        log.info('reconciled', {
          subscriptionId,
          outcome: result.kind,
          ...('reason' in result ? { reason: result.reason } : {}),
        });
        metrics.add(result.kind === 'pending' ? 'RoutesFailed' : 'RoutesReconciled', 1);
        if (result.kind === 'rejected') metrics.add('SubscriptionsRejected', 1);
        return result;
      }
    }
    return { kind: 'pending', reason: 'it is being changed just now', retryAfterSeconds: 5 };
  };

  async function reconcileOnce(all: ReconcileDeps, stored: StoredSubscription): Promise<Reconciled> {
    const { subscriptionId, config: item, state } = stored;
    if (item === undefined) {
      const removed = await tearDown(all, subscriptionId);
      if (removed.kind === 'removed' && state !== undefined) await subscriptions.removeState(subscriptionId);
      return removed;
    }
    const now = clock();
    const read = readSubscriptionItem(item, { ...all, now, keepsLegacy: state?.legacyAcceptedAt !== undefined });
    if (read.kind === 'invalid') return reject(all, stored, errorSentence(read.errors));

    const { config } = read;
    const prepared = preparation(config, state, all.timeline, now);
    if (prepared !== undefined) await subscriptions.changeState(subscriptionId, prepared);
    // Before anything can be delivered: nothing goes out unsigned.
    if (config.secrets === undefined && state?.generatedSecrets === undefined) {
      await subscriptions.keepGeneratedSecret(subscriptionId, newSigningSecret('v1', all.randomBytes));
    }
    const current = afterChange(subscriptionId, state, prepared);
    const flow = desiredFlow(config, current, now);
    const desired = desiredRoute(config, flow, all.settings);
    const stopped = await actOrSayWhyNot(all, current, desired);
    if (stopped !== undefined) return wait(all, current, stopped);
    const appliedConfig = configEtag(item);
    if (current.provisioning !== 'ready' || current.reason !== undefined || current.appliedConfig !== appliedConfig) {
      await subscriptions.changeState(subscriptionId, {
        set: { provisioning: 'ready', appliedConfig },
        remove: ['reason'],
      });
    }
    return { kind: 'ready', names: desired.names, delivering: flow.enabled, state: current };
  }
}

/** Removes everything that was made for a subscription; its records are left alone. */
async function tearDown(deps: ReconcileDeps, subscriptionId: string): Promise<Reconciled> {
  if (subscriptionIdFault(subscriptionId) !== undefined) return { kind: 'removed' };
  const names = routeNames(deps.settings.prefix, subscriptionId);
  const stopped = await act(deps, planRemoval(names, await deps.routes.describe(names)), subscriptionId);
  if (stopped === undefined) return { kind: 'removed' };
  return { kind: 'pending', reason: stopped.reason, ...retryOf(stopped) };
}

async function reject(deps: ReconcileDeps, stored: StoredSubscription, reason: string): Promise<Reconciled> {
  const { subscriptionId, state } = stored;
  if (state?.provisioning !== 'rejected' || state.reason !== reason) {
    await deps.subscriptions.changeState(subscriptionId, { set: { provisioning: 'rejected', reason } });
  }
  const names = routeNames(deps.settings.prefix, subscriptionId);
  // `x-dlq` is no id, but it is the name of x's dead-letter queue: hands off.
  if (subscriptionIdFault(subscriptionId) !== undefined) return { kind: 'rejected', reason, names, held: false };
  const existing = await deps.routes.describe(names);
  const stopped = await act(deps, planHold(names, existing), subscriptionId);
  if (stopped !== undefined) return { kind: 'pending', reason: stopped.reason, ...retryOf(stopped) };
  return { kind: 'rejected', reason, names, held: isWhole(existing) };
}

/** Does the actions in their order; ends at the first that cannot be done now and says why. */
async function act(
  { routes, log }: ReconcileDeps,
  actions: readonly RouteAction[],
  subscriptionId: string,
): Promise<Exclude<ActionOutcome, { kind: 'done' }> | undefined> {
  for (const action of actions) {
    const outcome = await routes.apply(action);
    log.info('route action', { subscriptionId, action: action.kind, outcome: outcome.kind });
    if (outcome.kind !== 'done') return outcome;
  }
  return undefined;
}

/** An error that nobody expected is for the next try; people who look meanwhile see what it was. */
async function actOrSayWhyNot(deps: ReconcileDeps, state: SubscriptionState, desired: DesiredRoute) {
  try {
    const existing = await deps.routes.describe(desired.names);
    return await act(deps, planRoute(desired, existing), state.subscriptionId);
  } catch (error) {
    const reason = `it could not be provisioned and is tried again: ${String(error)}`.slice(0, 500);
    if (state.provisioning !== 'pending' || state.reason !== reason) {
      await deps.subscriptions.changeState(state.subscriptionId, { set: { provisioning: 'pending', reason } });
    }
    throw error;
  }
}

async function wait(
  { subscriptions }: ReconcileDeps,
  state: SubscriptionState,
  stopped: Exclude<ActionOutcome, { kind: 'done' }>,
): Promise<Reconciled> {
  const { reason } = stopped;
  if (state.provisioning !== 'pending' || state.reason !== reason) {
    await subscriptions.changeState(state.subscriptionId, { set: { provisioning: 'pending', reason } });
  }
  return { kind: 'pending', reason, ...retryOf(stopped) };
}

function retryOf(stopped: Exclude<ActionOutcome, { kind: 'done' }>): { retryAfterSeconds?: number } {
  return stopped.kind === 'later' ? { retryAfterSeconds: stopped.retryAfterSeconds } : {};
}

/** What the state record must say before anything is made; undefined where it says so already. */
function preparation(
  config: SubscriptionConfig,
  state: SubscriptionState | undefined,
  timeline: LegacyTimeline,
  now: number,
): StateChange | undefined {
  const appliedEndpoint = endpointHash(config);
  const set: { -readonly [Key in keyof SubscriptionState]?: SubscriptionState[Key] } = {};
  const remove: (keyof SubscriptionState)[] = [];
  if (state === undefined || state.provisioning === 'rejected' || state.provisioning === undefined) {
    set.provisioning = 'pending';
    if (state?.reason !== undefined) remove.push('reason');
  }
  if (state?.appliedEndpoint !== appliedEndpoint) {
    set.appliedEndpoint = appliedEndpoint;
    // Somebody has changed where events go, or paused and resumed: what was known of the old endpoint is void.
    if (state?.appliedEndpoint !== undefined && (state.disabled !== undefined || state.circuit !== undefined)) {
      remove.push(...healthAttributes.filter((name) => name !== 'lastSuccessAt'));
    }
  }
  const hasLegacy = hasLegacyEvent(config.eventTypes);
  if (hasLegacy && state?.legacyAcceptedAt === undefined && legacyPhaseAt(now, timeline) === 'announced') {
    set.legacyAcceptedAt = now;
  }
  if (!hasLegacy && state?.legacyAcceptedAt !== undefined) remove.push('legacyAcceptedAt');
  return Object.keys(set).length === 0 && remove.length === 0 ? undefined : { set, remove };
}

function afterChange(
  subscriptionId: string,
  state: SubscriptionState | undefined,
  change: StateChange | undefined,
): SubscriptionState {
  const removed: readonly string[] = change?.remove ?? [];
  const kept = Object.entries(state ?? {}).filter(([name]) => !removed.includes(name));
  return { provisioning: 'pending', ...Object.fromEntries(kept), ...change?.set, subscriptionId };
}

function endpointHash({ url, status }: SubscriptionConfig): string {
  return createHash('sha256')
    .update(JSON.stringify([url, status]))
    .digest('base64url')
    .slice(0, 22);
}

function sameConfig(one: StoredSubscription, other: StoredSubscription): boolean {
  return canonicalJson(one.config ?? null) === canonicalJson(other.config ?? null);
}
