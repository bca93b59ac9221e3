import { subscriptionIdFault } from '../domain/subscriptions/subscription-id.ts';
import { type Control, type ControlDeps, hasTimeForRoute } from './control.ts';
import { inParallel } from './in-parallel.ts';
import type { CustomResourceRequest, CustomResourceResponder } from './ports.ts';

export interface DeploymentDeps extends ControlDeps {
  readonly responder: CustomResourceResponder;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Deployment {
  /** Answers CloudFormation's `Custom::Routes`. */
  answer(request: CustomResourceRequest, remainingMs: () => number): Promise<void>;
  /**
   * Takes down all routes and answers; hands on to the control queue when time runs out, or something fails. Does nothing
   * unless CloudFormation has asked for it.
   */
  tearDown(remainingMs: () => number): Promise<void>;
}

/** Between rounds of a teardown: a mapping or a function that is still changing cannot be deleted at once. */
const roundDelayMs = 3_000;
/** CloudFormation waits an hour for the answer (infra/constructs/routes.ts), and is to hear why. */
const maxTearDownMs = 55 * 60 * 1000;
const afterFailureSeconds = 30;

/**
 * The life of the deployment as a whole. A deploy looks at every route, in the background: the stack does not wait for
 * hundreds of them. A `cdk destroy` does wait, with the gate closed, so that nothing comes back behind it.
 */
export function createDeployment(
  { gate, subscriptions, routes, controlQueue, responder, settings, sleep, clock, log }: DeploymentDeps,
  { reconcile, reconcileAll }: Control,
): Deployment {
  async function respond(request: CustomResourceRequest, failure?: string): Promise<void> {
    const { ResponseURL, StackId, RequestId, LogicalResourceId } = request;
    await responder.respond(ResponseURL, {
      ...(failure === undefined ? { Status: 'SUCCESS' } : { Status: 'FAILED', Reason: failure }),
      // The same for ever: CloudFormation deletes what an update gives another id.
      PhysicalResourceId: `${settings.prefix}-routes`,
      StackId,
      RequestId,
      LogicalResourceId,
    });
  }

  /**
   * Behind the closed gate what was removed stays so, though SQS goes on listing a queue for up to a minute. Those of the
   * table, too: a run that found the gate open may have made nothing yet, and its lease is waited for.
   */
  async function leftBeside(removed: ReadonlySet<string>): Promise<string[]> {
    const ids = new Set<string>();
    const add = (page: readonly string[]) => {
      for (const id of page) if (!removed.has(id) && subscriptionIdFault(id) === undefined) ids.add(id);
    };
    for await (const page of subscriptions.allIds()) add(page);
    for await (const page of routes.subscriptionIds()) add(page);
    return [...ids];
  }

  /** Undefined once nothing is left; otherwise why not, or that it goes on in another invocation. */
  async function tearDownRounds(
    startedAt: number,
    remainingMs: () => number,
  ): Promise<undefined | { readonly kind: 'out-of-time' } | { readonly kind: 'failed'; readonly reason: string }> {
    const removed = new Set<string>();
    for (let ids = await leftBeside(removed); ids.length > 0; ids = await leftBeside(removed)) {
      log.info('taking down routes', { routes: ids.length });
      const reasons = new Map<string, string>();
      let mayChange = false;
      await inParallel(ids, async (id) => {
        if (!hasTimeForRoute(remainingMs)) return;
        const result = await reconcile(id, { remainingMs }).catch(
          (error: unknown) => ({ kind: 'failed', error }) as const,
        );
        if (result.kind === 'removed') removed.add(id);
        else if (result.kind === 'failed') reasons.set(id, String(result.error));
        else reasons.set(id, 'reason' in result ? result.reason : 'another run is at work on it');
        mayChange ||= result.kind !== 'failed';
      });
      const left = ids.filter((id) => !removed.has(id));
      if (left.length === 0) continue;
      const isLate = clock() - startedAt > maxTearDownMs;
      const isStuck = !mayChange && reasons.size === left.length;
      if (isLate || isStuck) {
        const [first = ''] = left;
        const names = left.slice(0, 10).join(', ');
        return { kind: 'failed', reason: `${left.length} routes are left: ${names}. ${first}: ${reasons.get(first)}` };
      }
      if (!hasTimeForRoute(remainingMs)) return { kind: 'out-of-time' };
      await sleep(roundDelayMs);
    }
    return undefined;
  }

  async function tearDown(remainingMs: () => number): Promise<void> {
    const teardown = await gate.teardown();
    if (teardown === undefined) {
      log.warn('asked for a teardown, but the deployment is not being deleted');
      return;
    }
    const { request, startedAt } = teardown;
    const goOn = (delaySeconds: number) => controlQueue.send([{ message: { action: 'tear-down' }, delaySeconds }]);
    let outcome: Awaited<ReturnType<typeof tearDownRounds>>;
    try {
      outcome = hasTimeForRoute(remainingMs) ? await tearDownRounds(startedAt, remainingMs) : { kind: 'out-of-time' };
    } catch (error) {
      // A list that failed, for one. Left to the queue it would come again after half an hour.
      log.error('the teardown is interrupted', { error });
      if (clock() - startedAt > maxTearDownMs) return respond(request, String(error));
      return goOn(afterFailureSeconds);
    }
    if (outcome?.kind === 'out-of-time') return goOn(0);
    await respond(request, outcome?.reason);
  }

  return {
    tearDown,
    async answer(request, remainingMs) {
      try {
        if (request.RequestType === 'Delete') await gate.close({ request, startedAt: clock() });
        else {
          await gate.open();
          await reconcileAll();
        }
      } catch (error) {
        log.error('Custom::Routes failed', { request: request.RequestType, error });
        return respond(request, String(error));
      }
      return request.RequestType === 'Delete' ? tearDown(remainingMs) : respond(request);
    },
  };
}
