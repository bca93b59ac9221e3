import { controlStep, defaultMaxConcurrency, overdueControl } from '../domain/deliveries/endpoint-health.ts';
import type { SubscriptionState } from '../domain/subscriptions/subscription.ts';
import type { ControlQueue, SubscriptionMessage } from '../ports/control-queue.ts';
import type { DueDeliverySweep } from './due-deliveries.ts';
import {
  createReconcile,
  type Reconcile,
  type ReconcileDeps,
  type Reconciled,
  type StandingRoute,
} from './reconcile.ts';

export interface ControlDeps extends ReconcileDeps {
  readonly controlQueue: ControlQueue;
  readonly dueDeliveries: DueDeliverySweep;
}

export interface Control {
  readonly reconcile: Reconcile;
  /**
   * Carries out a message; what cannot be done now is put on the control queue again, each time later, and after
   * some times is left to the hourly run. Throws only when it could not even be put there.
   */
  carryOut(message: SubscriptionMessage, remainingMs: () => number): Promise<void>;
  /** Puts a `reconcile` on the control queue for every subscription, and for every route that has none. */
  reconcileAll(): Promise<void>;
}

/** 15 s, 30 s, … 15 min: about half an hour in all. What fails longer is for the hourly run, and for people. */
const firstRetrySeconds = 15;
const maxAttempts = 7;
/** SQS's longest `DelaySeconds`. */
const maxDelaySeconds = 900;
/**
 * What finds another run at work comes again after 10, 20, 40, … s: a run takes 5 to 20 s, and one that was killed keeps
 * its lease for minutes. That is no attempt, and it is never given up. Always the same few seconds would be a storm:
 * each send may be doubled by an answer that was lost, and all of them wait for one lease.
 */
const firstWaitSeconds = 10;
const maxWaits = 4;
/**
 * So many routes begin per second of a run over all: with new code each costs Lambda's control plane three calls of the
 * 15 a second that it has for the whole account.
 */
const routesPerSecond = 2;
/** Below this, what is not begun yet is handed on: where Lambda is slow, one route takes up to two minutes. */
const enoughTimeMs = 150_000;

/** Of an invocation: what writes to the ledger ends before this is left. */
const reserveMs = 30_000;

export function hasTimeForRoute(remainingMs: () => number): boolean {
  return remainingMs() > enoughTimeMs;
}

export function createControl(deps: ControlDeps): Control {
  const { subscriptions, routes, controlQueue, dueDeliveries, clock, metrics, log } = deps;
  const reconcile = createReconcile(deps);

  async function carryOut(message: SubscriptionMessage, remainingMs: () => number): Promise<void> {
    if (!hasTimeForRoute(remainingMs)) return controlQueue.send([{ message, delaySeconds: 0 }]);
    let result: Reconciled;
    try {
      const { endpointChangedAt, hourly } = message;
      result = await reconcile(message.subscriptionId, { remainingMs, endpointChangedAt, hourly });
      if (result.kind === 'busy') return await waitForOther(message);
      await followUp(message, result);
      if (result.kind === 'removed' && message.hourly !== true) await wakeWaiting();
      if (result.kind === 'ready' && result.route.delivering) await retryNow(result.route.state, remainingMs);
    } catch (error) {
      result = { kind: 'pending', reason: String(error), error, route: undefined };
    }
    if (result.kind !== 'pending') return;
    const { error, retryAfterSeconds } = result;
    if (error === undefined && retryAfterSeconds === undefined) metrics.add('RoutesFailed', 1);
    if (error !== undefined) {
      log.error('route not brought to its desired state', { subscriptionId: message.subscriptionId, error });
      metrics.add('RoutesFailed', 1);
    }
    if (error !== undefined || retryAfterSeconds !== undefined) await retry(message, retryAfterSeconds);
  }

  /**
   * What the message asks for beside the mapping's setting, which the reconcile has made; also while a change of the
   * route cannot be put in force: the route that is there goes on.
   */
  async function followUp(message: SubscriptionMessage, result: Reconciled): Promise<void> {
    if (!('route' in result) || result.route === undefined) return;
    const { names, state, delivering } = result.route;
    if (result.kind !== 'rejected') await followCircuit(message, result.route);
    // The queue is filled, and nobody reads it: what is about to be too old for it is written to the ledger.
    const looksForOld = message.hourly === true || message.action === 'park';
    if (looksForOld && !delivering) await routes.invoke(names.deliverFunction, { park: true });
    const overdue = message.hourly === true && result.kind !== 'rejected' ? overdueControl(state, clock()) : undefined;
    if (overdue !== undefined) await controlQueue.send([{ message: overdue, delaySeconds: 0 }]);
  }

  async function followCircuit(message: SubscriptionMessage, { names, state }: StandingRoute): Promise<void> {
    const step = controlStep(message, state, clock());
    if (step.kind === 'probe') await routes.invoke(names.deliverFunction, { probe: true });
    if (step.kind === 'send') await controlQueue.send([{ message: step.message, delaySeconds: step.delaySeconds }]);
  }

  /** There is room for a rule again: whoever waits for the quota need not wait for the hourly run. */
  async function wakeWaiting(): Promise<void> {
    let after: string | undefined;
    do {
      const page = await subscriptions.list(100, after);
      const waiting = page.subscriptions.find(
        ({ state }) => state?.provisioning === 'pending' && state.reason?.includes('quota') === true,
      );
      if (waiting !== undefined) {
        const { subscriptionId } = waiting;
        return controlQueue.send([{ message: { subscriptionId, action: 'reconcile' }, delaySeconds: 0 }]);
      }
      after = page.next;
    } while (after !== undefined);
  }

  async function waitForOther(message: SubscriptionMessage): Promise<void> {
    const waits = Math.min(maxWaits, message.waits ?? 0);
    await controlQueue.send([
      { message: { ...message, waits: waits + 1 }, delaySeconds: firstWaitSeconds * 2 ** waits },
    ]);
  }

  /** What waits in the ledger is tried at once where somebody has changed the endpoint or given it another chance. */
  async function retryNow(state: SubscriptionState | undefined, remainingMs: () => number): Promise<void> {
    if (state?.retryNowSince === undefined) return;
    const { subscriptionId, retryNowSince } = state;
    const hasTime = () => remainingMs() > reserveMs;
    if (await dueDeliveries.retryNow(subscriptionId, retryNowSince, hasTime)) {
      // Where somebody has done so again meanwhile, that is for another run, which may have ended before it is done.
      await subscriptions.changeState(subscriptionId, { remove: ['retryNowSince'], expected: { retryNowSince } });
    } else {
      await controlQueue.send([{ message: { subscriptionId, action: 'reconcile' }, delaySeconds: 0 }]);
    }
  }

  async function retry(message: SubscriptionMessage, afterSeconds: number | undefined): Promise<void> {
    const attempt = (message.attempt ?? 0) + 1;
    if (attempt > maxAttempts) {
      log.warn('left to the hourly run', { subscriptionId: message.subscriptionId, action: message.action });
      if (afterSeconds !== undefined) metrics.add('RoutesFailed', 1);
      return;
    }
    const delaySeconds = Math.min(maxDelaySeconds, afterSeconds ?? firstRetrySeconds * 2 ** (attempt - 1));
    await controlQueue.send([{ message: { ...message, attempt, waits: undefined }, delaySeconds }]);
  }

  async function reconcileAll(): Promise<void> {
    const ids = new Set<string>();
    for await (const page of subscriptions.allIds()) for (const id of page) ids.add(id);
    for await (const page of routes.subscriptionIds()) for (const id of page) ids.add(id);
    const all = [...ids];
    await controlQueue.send(
      all.map((subscriptionId, index) => ({
        message: { subscriptionId, action: 'reconcile' as const, hourly: true },
        delaySeconds: Math.min(maxDelaySeconds, Math.floor(index / routesPerSecond)),
      })),
    );
    await warnOfConcurrency().catch((error: unknown) => {
      log.warn('the concurrency of the account is not known', { error });
    });
    log.info('every route is looked at', { routes: all.length });
  }

  /** Each subscriber's concurrency is a bound and no share: together they may leave nothing to the functions beside them. */
  async function warnOfConcurrency(): Promise<void> {
    let claimed = 0;
    let after: string | undefined;
    do {
      const page = await subscriptions.list(100, after);
      for (const { config } of page.subscriptions) {
        const { maxConcurrency = defaultMaxConcurrency, status } = config ?? {};
        if (status !== 'paused' && typeof maxConcurrency === 'number') claimed += maxConcurrency;
      }
      after = page.next;
    } while (after !== undefined);
    const available = await routes.unreservedConcurrency();
    if (claimed > available) {
      log.warn('subscribers together may take more concurrency than the account has', { claimed, available });
    }
  }

  return { reconcile, carryOut, reconcileAll };
}
