import { controlStep, overdueControl } from '../domain/deliveries/endpoint-health.ts';
import type { RouteNames } from '../domain/routes/desired-route.ts';
import type { ControlQueue, SubscriptionMessage } from '../ports/control-queue.ts';
import { createReconcile, type Reconcile, type ReconcileDeps, type Reconciled } from './reconcile.ts';

export interface ControlDeps extends ReconcileDeps {
  readonly controlQueue: ControlQueue;
}

export interface Control {
  readonly reconcile: Reconcile;
  /**
   * Carries out a message; what cannot be done now is put on the control queue again, each time later, and after
   * some times is left to the hourly run. Throws only when it could not even be put there.
   */
  carryOut(message: SubscriptionMessage, hasTime: () => boolean): Promise<void>;
  /** Puts a `reconcile` on the control queue for every subscription, and for every route that has none. */
  reconcileAll(): Promise<void>;
}

/** 15 s, 30 s, … 15 min: about half an hour in all. What fails longer is for the hourly run, and for people. */
const firstRetrySeconds = 15;
const maxAttempts = 7;
/** SQS's longest `DelaySeconds`. */
const maxDelaySeconds = 900;
/** So many routes begin per second of a run over all: each costs about 6 calls, of which Lambda gets 2. */
const routesPerSecond = 5;

export function createControl(deps: ControlDeps): Control {
  const { subscriptions, routes, controlQueue, clock, metrics, log } = deps;
  const reconcile = createReconcile(deps);

  async function carryOut(message: SubscriptionMessage, hasTime: () => boolean): Promise<void> {
    if (!hasTime()) return controlQueue.send([{ message, delaySeconds: 0 }]);
    let result: Reconciled;
    try {
      result = await reconcile(message.subscriptionId);
      if (result.kind === 'ready') await followUp(message, result);
      const unread = message.hourly === true || message.action === 'park' ? unreadRoute(result) : undefined;
      // What is about to be too old for the queue is written to the ledger.
      if (unread !== undefined) await routes.invoke(unread.deliverFunction, { park: true });
    } catch (error) {
      log.error('route not brought to its desired state', { subscriptionId: message.subscriptionId, error });
      metrics.add('RoutesFailed', 1);
      await retry(message, undefined);
      return;
    }
    if (result.kind === 'pending' && result.retryAfterSeconds !== undefined)
      await retry(message, result.retryAfterSeconds);
  }

  /** What a circuit's message asks for beside the mapping's setting, which the reconcile has made. */
  async function followUp(
    message: SubscriptionMessage,
    { names, state }: Reconciled & { kind: 'ready' },
  ): Promise<void> {
    const now = clock();
    const step = controlStep(message, state, now);
    if (step.kind === 'probe') await routes.invoke(names.deliverFunction, { probe: true });
    if (step.kind === 'send') await controlQueue.send([{ message: step.message, delaySeconds: step.delaySeconds }]);
    if (message.hourly !== true) return;
    const overdue = overdueControl(state, now);
    if (overdue !== undefined) await controlQueue.send([{ message: overdue, delaySeconds: 0 }]);
  }

  async function retry(message: SubscriptionMessage, afterSeconds: number | undefined): Promise<void> {
    const attempt = (message.attempt ?? 0) + 1;
    if (attempt > maxAttempts) {
      log.warn('left to the hourly run', { subscriptionId: message.subscriptionId, action: message.action });
      return;
    }
    const delaySeconds = Math.min(maxDelaySeconds, afterSeconds ?? firstRetrySeconds * 2 ** (attempt - 1));
    await controlQueue.send([{ message: { ...message, attempt }, delaySeconds }]);
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
    metrics.add('DeadLetters', await routes.countDeadLetters(all));
    log.info('every route is looked at', { routes: all.length });
  }

  return { reconcile, carryOut, reconcileAll };
}

/** The route whose queue is filled and that nobody reads. */
function unreadRoute(result: Reconciled): RouteNames | undefined {
  if (result.kind === 'ready') return result.delivering ? undefined : result.names;
  return result.kind === 'rejected' && result.held ? result.names : undefined;
}
