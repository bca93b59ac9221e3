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
import {
  differenceOf,
  type ExistingRoute,
  idleUpdates,
  isStubborn,
  isWhole,
  planHold,
  planRemoval,
  planRoute,
  type RouteAction,
} from '../domain/routes/route-plan.ts';
import { configEtag } from '../domain/subscriptions/config-etag.ts';
import { endpointHash } from '../domain/subscriptions/endpoint-hash.ts';
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
import { canonicalJson, type JsonValue } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateChange, SubscriptionStore } from '../ports/subscription-store.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import type { ActionOutcome, DeploymentGate, RouteControlPlane, RouteLeases, Unsettled } from './ports.ts';

export interface ReconcileDeps {
  readonly subscriptions: SubscriptionStore;
  readonly leases: RouteLeases;
  readonly routes: RouteControlPlane;
  readonly gate: DeploymentGate;
  readonly settings: RouteSettings;
  /** For so long after a rule was put nobody is told that it matches: EventBridge takes its time. */
  readonly ruleSettleSeconds: number;
  readonly outboundPolicy: OutboundPolicy;
  readonly timeline: LegacyTimeline;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export type Reconciled =
  | { readonly kind: 'ready'; readonly route: StandingRoute }
  /** `route`: it once was good, and its events wait. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly route: StandingRoute | undefined }
  /** Nothing is left of it. */
  | { readonly kind: 'removed' }
  /** Another run is at work on it. */
  | { readonly kind: 'busy' }
  | Pending;

/** The last change is not in force. */
export interface Pending {
  readonly kind: 'pending';
  readonly reason: string;
  /** Undefined: an error, or a person must act (a quota, for one). */
  readonly retryAfterSeconds?: number;
  /** That nobody expected. */
  readonly error?: unknown;
  /** The route as it was before that change, which is in use all the same. */
  readonly route: StandingRoute | undefined;
}

/** A route that is whole: its rule fills its queue, and there is what can deliver from it. */
export interface StandingRoute {
  readonly names: RouteNames;
  readonly delivering: boolean;
  readonly state: SubscriptionState | undefined;
}

/** What a run knows of the invocation that carries it out, and of what set it off. */
export interface RunContext {
  /** When this is used up the function is ended, with all that it does. */
  remainingMs(): number;
  /** Epoch ms: somebody has changed url or status, as the stream says. */
  readonly endpointChangedAt?: number | undefined;
  /** It is the hourly run's: whatever changed should have been followed before. */
  readonly hourly?: boolean | undefined;
}

export type Reconcile = (subscriptionId: string, context: RunContext) => Promise<Reconciled>;

/** Somebody edits it faster than we can follow: the next message carries on. */
const maxRounds = 5;
/**
 * SQS takes up to 60 s to delete a queue: it may answer meanwhile, and refuses its name. A lease outlives its run by as
 * much, so that what a run did that was killed is as old as that when the next one begins.
 */
const settlingMs = 70_000;

/** One run on one subscription: nobody else changes its route until `endsAt`. */
interface Run extends ReconcileDeps {
  readonly subscriptionId: string;
  readonly endsAt: number;
  readonly endpointChangedAt: number | undefined;
  readonly hourly: boolean;
  unsettled: Unsettled;
}

/**
 * Brings one subscription's route to what its records say. Whatever set it off is a hint only: both records are read
 * afresh, so order, repetition and loss of hints do not matter. One run at a time works on a subscription
 * (docs/decisions/0036-one-run-at-a-time.md), and one whose basis was changed meanwhile starts again from the new one.
 */
export function createReconcile(deps: ReconcileDeps): Reconcile {
  const { leases, subscriptions, clock, metrics, log } = deps;

  /**
   * What cannot be an id has no route and gets no record: `x-dlq` is the name of x's dead-letter queue, and the system keeps
   * records of its own under what is no id. The API says what is wrong whenever it shows the item.
   */
  async function rejectId(subscriptionId: string, fault: string): Promise<Reconciled> {
    const { config } = await subscriptions.read(subscriptionId);
    if (config === undefined) return { kind: 'removed' };
    log.warn('not the id of a subscription', { subscriptionId: subscriptionId.slice(0, 100) });
    metrics.add('SubscriptionsRejected', 1);
    return { kind: 'rejected', reason: `subscriptionId: ${fault}`, route: undefined };
  }

  return async (subscriptionId, { remainingMs, endpointChangedAt, hourly }) => {
    const fault = subscriptionIdFault(subscriptionId);
    if (fault !== undefined) return rejectId(subscriptionId, fault);
    const now = clock();
    const endsAt = now + Math.max(0, remainingMs());
    const holder = Buffer.from(deps.randomBytes(16)).toString('hex');
    const taken = await leases.take(subscriptionId, { holder, now, until: endsAt + settlingMs });
    if (taken === undefined) {
      log.info('another run has it', { subscriptionId });
      return { kind: 'busy' };
    }
    const run: Run = { ...deps, subscriptionId, endsAt, endpointChangedAt, hourly: hourly === true, unsettled: taken };
    try {
      return await reconcileUntilUnchanged(run);
    } finally {
      await leases.release(subscriptionId, holder, stillUnsettled(run)).catch((error: unknown) => {
        log.warn('the lease was not given back; it ends by itself', { subscriptionId, error });
      });
    }
  };
}

async function reconcileUntilUnchanged(run: Run): Promise<Reconciled> {
  const { subscriptions, gate, metrics, log, subscriptionId } = run;
  for (let round = 1; round <= maxRounds; round++) {
    const [stored, isClosed] = await Promise.all([subscriptions.read(subscriptionId), gate.isClosed()]);
    if (round === 1) noteUnfollowed(run, stored);
    const result = isClosed ? await tearDown(run) : await reconcileOnce(run, stored);
    const [after, isClosedAfter] = await Promise.all([subscriptions.read(subscriptionId), gate.isClosed()]);
    if (isClosed === isClosedAfter && sameConfig(stored, after)) {
      log.info('reconciled', {
        subscriptionId,
        outcome: result.kind,
        ...('reason' in result ? { reason: result.reason } : {}),
      });
      if (result.kind !== 'pending') metrics.add('RoutesReconciled', 1);
      if (result.kind === 'rejected') metrics.add('SubscriptionsRejected', 1);
      return result;
    }
  }
  return { kind: 'pending', reason: 'it is being changed just now', retryAfterSeconds: 5, route: undefined };
}

/** A change that is not in force though it is no news: the stream has not brought it. Its age is known where the item says. */
function noteUnfollowed(
  { hourly, clock, metrics, log }: Run,
  { subscriptionId, config, state }: StoredSubscription,
): void {
  if (!hourly || config === undefined || state?.appliedConfig === configEtag(config)) return;
  // Somebody has seen it and has said what it waits for.
  if (state?.reason !== undefined) return;
  const written = config.updatedAt ?? config.createdAt;
  const changedAt = typeof written === 'string' ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(changedAt)) return;
  log.warn('found by the hourly run alone', { subscriptionId });
  metrics.add('OldestUnfollowedChange', Math.max(0, clock() - changedAt));
}

async function reconcileOnce(run: Run, stored: StoredSubscription): Promise<Reconciled> {
  const { subscriptionId, subscriptions, clock } = run;
  const { config: item, state } = stored;
  if (item === undefined) {
    // First, so that what is made again under this id meanwhile inherits nothing, and is not `ready` by a route that goes.
    if (state !== undefined) {
      assertTimeLeft(run);
      await subscriptions.removeState(subscriptionId);
    }
    return tearDown(run);
  }
  const now = clock();
  const read = readSubscriptionItem(item, { ...run, now, keepsLegacy: state?.legacyAcceptedAt !== undefined });
  if (read.kind === 'invalid') return reject(run, stored, errorSentence(read.errors));

  const { config } = read;
  const prepared = preparation(config, state, run, now);
  if (prepared !== undefined) await changeState(run, prepared);
  // Before anything can be delivered: nothing goes out unsigned.
  if (config.secrets === undefined && state?.generatedSecrets === undefined) {
    assertTimeLeft(run);
    await subscriptions.keepGeneratedSecret(subscriptionId, newSigningSecret('v1', run.randomBytes));
  }
  const current = afterChange(subscriptionId, state, prepared);
  const flow = desiredFlow(config, current, now);
  const desired = desiredRoute(config, flow, run.settings);
  const { stopped, stoppedAt, isWhole } = await bring(run, desired, current);
  const route = isWhole ? { names: desired.names, delivering: flow.enabled, state: current } : undefined;
  const appliedConfig = configEtag(item);
  if (stopped !== undefined) {
    // A step of a ramp, or a circuit, that Lambda takes later: what is configured is in force all the same.
    const isFlowOnly = stoppedAt === 'update-mapping' && stopped.kind === 'later';
    if (isFlowOnly && current.provisioning === 'ready' && current.appliedConfig === appliedConfig) {
      return { ...pendingFor(stopped), route };
    }
    return wait(run, current, stopped, route);
  }
  if (current.provisioning !== 'ready' || current.reason !== undefined || current.appliedConfig !== appliedConfig) {
    await changeState(run, { set: { provisioning: 'ready', appliedConfig }, remove: ['reason'] });
  }
  return { kind: 'ready', route: { names: desired.names, delivering: flow.enabled, state: current } };
}

/** Removes everything that was made for a subscription; its records are left alone. */
async function tearDown(run: Run): Promise<Reconciled> {
  const { subscriptionId, settings, routes } = run;
  const names = routeNames(settings.prefix, subscriptionId);
  const stopped = await act(run, planRemoval(names, await routes.describe(names)));
  return stopped === undefined ? { kind: 'removed' } : { ...pendingFor(stopped), route: undefined };
}

async function reject(run: Run, { state }: StoredSubscription, reason: string): Promise<Reconciled> {
  const { subscriptionId, settings, routes } = run;
  if (state?.provisioning !== 'rejected' || state.reason !== reason) {
    await changeState(run, { set: { provisioning: 'rejected', reason } });
  }
  const names = routeNames(settings.prefix, subscriptionId);
  const existing = await routes.describe(names);
  const stopped = await act(run, planHold(names, existing, { wasInForce: state?.appliedConfig !== undefined }));
  if (stopped !== undefined) return { ...pendingFor(stopped), route: undefined };
  return { kind: 'rejected', reason, route: isWhole(existing) ? { names, delivering: false, state } : undefined };
}

/** Why a plan was not carried out to its end. */
type Stopped = Exclude<ActionOutcome, { kind: 'done' }> | { readonly kind: 'failed'; readonly error: unknown };

/** Does the actions in their order; ends at the first that cannot be done now and says why. */
async function act(
  run: Run,
  actions: readonly RouteAction[],
): Promise<Exclude<ActionOutcome, { kind: 'done' }> | undefined> {
  for (const action of actions) {
    const outcome = await apply(run, action);
    if (outcome.kind !== 'done') return outcome;
  }
  return undefined;
}

async function apply(run: Run, action: RouteAction): Promise<ActionOutcome> {
  const { routes, log, clock, subscriptionId } = run;
  assertTimeLeft(run);
  try {
    const outcome = await routes.apply(action);
    log.info('route action', { subscriptionId, action: action.kind, outcome: outcome.kind });
    return outcome;
  } finally {
    // Also after an error: its answer may be all that was lost.
    if (action.kind === 'delete-queue') run.unsettled = { ...run.unsettled, queueDeletedAt: clock() };
    if (action.kind === 'put-rule' || action.kind === 'put-target') {
      run.unsettled = { ...run.unsettled, rulePutAt: clock() };
    }
  }
}

/** Brings what exists to what is wanted. `isWhole`: whatever became of that, there is a route in use. */
async function bring(
  run: Run,
  desired: DesiredRoute,
  state: SubscriptionState,
): Promise<{
  readonly stopped: Stopped | undefined;
  readonly stoppedAt?: RouteAction['kind'] | undefined;
  readonly isWhole: boolean;
}> {
  const dying = dyingQueue(run);
  if (dying !== undefined) return { stopped: dying, isWhole: false };
  let existing: ExistingRoute;
  try {
    existing = await run.routes.describe(desired.names);
  } catch (error) {
    return { stopped: { kind: 'failed', error }, isWhole: false };
  }
  let stopped: Stopped | undefined;
  let stoppedAt: RouteAction['kind'] | undefined;
  const { plan, idle } = withoutStubborn(run, desired, existing, state);
  for (const action of plan) {
    // A pause, a circuit or a ramp does not wait for what has nothing to do with it.
    if (stopped !== undefined && action.kind !== 'update-mapping') continue;
    const isOwnQueue = action.kind === 'create-queue' && action.name === desired.names.queue;
    // Before it is made: afterwards nobody could tell.
    if (isOwnQueue && state.appliedConfig !== undefined) {
      await changeState(run, { set: { queueMadeAgainAt: run.clock() } });
    }
    const outcome = await apply(run, action).catch((error: unknown) => ({ kind: 'failed', error }) as const);
    if (outcome.kind !== 'done') {
      stopped ??= outcome;
      stoppedAt ??= action.kind;
    }
  }
  if (stopped === undefined) await noteRepeats(run, idle, state);
  return { stopped: stopped ?? youngRule(run), stoppedAt, isWhole: isWhole(existing) };
}

interface IdleUpdates {
  readonly fingerprint: string | undefined;
  readonly isLeft: boolean;
}

/** The plan, less the updates that were done run after run and changed nothing. */
function withoutStubborn(
  { clock, metrics, log, subscriptionId }: Run,
  desired: DesiredRoute,
  existing: ExistingRoute,
  { repeatedUpdates }: SubscriptionState,
): { readonly plan: readonly RouteAction[]; readonly idle: IdleUpdates } {
  const plan = planRoute(desired, existing);
  const updates = idleUpdates(plan);
  if (updates.length === 0) return { plan, idle: { fingerprint: undefined, isLeft: false } };
  const text = canonicalJson(differenceOf(updates, desired.names, existing) as JsonValue);
  const fingerprint = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  const isLeft = isStubborn(repeatedUpdates, fingerprint, clock());
  if (!isLeft) return { plan, idle: { fingerprint, isLeft } };
  const actions = updates.map(({ kind }) => kind);
  log.warn('a difference stays, whatever is written; tried again once a day', { subscriptionId, actions });
  metrics.add('DifferencesLeft', 1);
  return { plan: plan.filter((action) => !updates.includes(action)), idle: { fingerprint, isLeft } };
}

async function noteRepeats(
  run: Run,
  { fingerprint, isLeft }: IdleUpdates,
  { repeatedUpdates }: SubscriptionState,
): Promise<void> {
  if (isLeft || (fingerprint === undefined && repeatedUpdates === undefined)) return;
  if (fingerprint === undefined) return changeState(run, { remove: ['repeatedUpdates'] });
  const times = repeatedUpdates?.fingerprint === fingerprint ? repeatedUpdates.times + 1 : 1;
  await changeState(run, { set: { repeatedUpdates: { fingerprint, times, at: run.clock() } } });
}

function dyingQueue({ clock, unsettled: { queueDeletedAt } }: Run): Stopped | undefined {
  const reason = 'a queue of this name was deleted less than 60 s ago; SQS makes another only after that';
  return notYet(reason, (queueDeletedAt ?? Number.NEGATIVE_INFINITY) + settlingMs - clock());
}

function youngRule({ clock, ruleSettleSeconds, unsettled: { rulePutAt } }: Run): Stopped | undefined {
  const reason = `being put in force, ready within ${ruleSettleSeconds} s: EventBridge may take as long to use its new rule`;
  return notYet(reason, (rulePutAt ?? Number.NEGATIVE_INFINITY) + ruleSettleSeconds * 1000 - clock());
}

function notYet(reason: string, remainingMs: number): Stopped | undefined {
  return remainingMs > 0 ? { kind: 'later', reason, retryAfterSeconds: Math.ceil(remainingMs / 1000) } : undefined;
}

/** What the next run must know. */
function stillUnsettled({ clock, unsettled: { queueDeletedAt, rulePutAt } }: Run): Unsettled {
  const oldest = clock() - settlingMs;
  return {
    ...(queueDeletedAt !== undefined && queueDeletedAt > oldest ? { queueDeletedAt } : {}),
    ...(rulePutAt !== undefined && rulePutAt > oldest ? { rulePutAt } : {}),
  };
}

/** A run that comes back after its time, whatever held it up, changes nothing any more: another may be at work. */
function assertTimeLeft({ clock, endsAt, subscriptionId }: Run): void {
  if (clock() >= endsAt) throw new Error(`the time of this run on ${subscriptionId} is over`);
}

async function changeState(run: Run, change: StateChange): Promise<void> {
  assertTimeLeft(run);
  await run.subscriptions.changeState(run.subscriptionId, change);
}

/** People who look meanwhile see what it waits for. */
async function wait(
  run: Run,
  state: SubscriptionState,
  stopped: Stopped,
  route: StandingRoute | undefined,
): Promise<Reconciled> {
  const pending = pendingFor(stopped);
  const { reason } = pending;
  if (state.provisioning !== 'pending' || state.reason !== reason) {
    await changeState(run, { set: { provisioning: 'pending', reason } });
  }
  return { ...pending, route };
}

function pendingFor(stopped: Stopped): Omit<Pending, 'route'> {
  switch (stopped.kind) {
    case 'later':
      return { kind: 'pending', reason: stopped.reason, retryAfterSeconds: stopped.retryAfterSeconds };
    case 'blocked':
      return { kind: 'pending', reason: stopped.reason };
    case 'failed': {
      const reason = `it could not be provisioned and is tried again: ${String(stopped.error)}`.slice(0, 500);
      return { kind: 'pending', reason, error: stopped.error };
    }
    default:
      throw stopped satisfies never;
  }
}

/** What the state record must say before anything is made; undefined where it says so already. */
function preparation(
  config: SubscriptionConfig,
  state: SubscriptionState | undefined,
  { timeline, endpointChangedAt }: Pick<Run, 'timeline' | 'endpointChangedAt'>,
  now: number,
): StateChange | undefined {
  const appliedEndpoint = endpointHash(config);
  const set: { -readonly [Key in keyof SubscriptionState]?: SubscriptionState[Key] } = {};
  const remove: (keyof SubscriptionState)[] = [];
  if (state === undefined || state.provisioning === 'rejected' || state.provisioning === undefined) {
    set.provisioning = 'pending';
    if (state?.reason !== undefined) remove.push('reason');
  }
  if (state?.appliedEndpoint !== appliedEndpoint) set.appliedEndpoint = appliedEndpoint;
  if (state?.acceptedAt === undefined && state?.appliedConfig === undefined) set.acceptedAt = now;
  // Rotated, or replaced by hand: a config that is later put without secrets must not bring the old one back.
  if (config.secrets !== undefined && state?.generatedSecrets !== undefined) remove.push('generatedSecrets');
  // Somebody has changed where events go, or paused and resumed: what was known of the old endpoint is void. The hash
  // sees it where the stream's hint was lost; the hint sees two changes that lead back to where they began.
  const isAnother = state?.appliedEndpoint !== undefined && state.appliedEndpoint !== appliedEndpoint;
  if (state !== undefined && (isAnother || stoppedBefore(state, endpointChangedAt))) {
    remove.push(...healthAttributes.filter((name) => name !== 'lastSuccessAt' && state[name] !== undefined));
    set.retryNowSince = now;
  }
  const hasLegacy = hasLegacyEvent(config.eventTypes);
  if (hasLegacy && state?.legacyAcceptedAt === undefined && legacyPhaseAt(now, timeline) === 'announced') {
    set.legacyAcceptedAt = now;
  }
  if (!hasLegacy && state?.legacyAcceptedAt !== undefined) remove.push('legacyAcceptedAt');
  return Object.keys(set).length === 0 && remove.length === 0 ? undefined : { set, remove };
}

/** The stream gives the second of a change, rounded down; within it the person is right. */
const streamClockMs = 1_000;

/** What holds the subscription up began before somebody changed its endpoint. */
function stoppedBefore(
  { disabled, circuit, throttledUntil }: SubscriptionState,
  changedAt: number | undefined,
): boolean {
  if (changedAt === undefined) return false;
  const before = changedAt + streamClockMs;
  if (disabled !== undefined) return disabled.at < before;
  return circuit === undefined ? throttledUntil !== undefined : circuit.since < before;
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

function sameConfig(one: StoredSubscription, other: StoredSubscription): boolean {
  return canonicalJson(one.config ?? null) === canonicalJson(other.config ?? null);
}
