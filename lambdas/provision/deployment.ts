import type { CustomResourceRequest } from '../ports/control-queue.ts';
import type { Control, ControlDeps } from './control.ts';
import { inParallel } from './in-parallel.ts';
import type { CustomResourceResponder } from './ports.ts';

export interface DeploymentDeps extends ControlDeps {
  readonly responder: CustomResourceResponder;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Deployment {
  /** Answers CloudFormation's `Custom::Routes`. */
  answer(request: CustomResourceRequest, hasTime: () => boolean): Promise<void>;
  /** Takes down all routes and answers; hands on to the control queue when time runs out. */
  tearDown(request: CustomResourceRequest, hasTime: () => boolean): Promise<void>;
}

/** Between rounds of a teardown: a mapping or a function that is still changing cannot be deleted at once. */
const roundDelayMs = 3_000;

/**
 * The life of the deployment as a whole. A deploy looks at every route, in the background: the stack does not wait for
 * hundreds of them. A `cdk destroy` does wait, with the gate closed, so that nothing comes back behind it.
 */
export function createDeployment(
  { gate, routes, controlQueue, responder, settings, sleep, log }: DeploymentDeps,
  { reconcile, reconcileAll }: Control,
): Deployment {
  async function respond(request: CustomResourceRequest, failure?: unknown): Promise<void> {
    const { ResponseURL, StackId, RequestId, LogicalResourceId } = request;
    await responder.respond(ResponseURL, {
      ...(failure === undefined ? { Status: 'SUCCESS' } : { Status: 'FAILED', Reason: String(failure) }),
      // The same for ever: CloudFormation deletes what an update gives another id.
      PhysicalResourceId: `${settings.prefix}-routes`,
      StackId,
      RequestId,
      LogicalResourceId,
    });
  }

  async function left(): Promise<string[]> {
    const ids = new Set<string>();
    for await (const page of routes.subscriptionIds()) for (const id of page) ids.add(id);
    return [...ids];
  }

  async function tearDown(request: CustomResourceRequest, hasTime: () => boolean): Promise<void> {
    await gate.close();
    for (let ids = await left(); ids.length > 0; ids = await left()) {
      log.info('taking down routes', { routes: ids.length });
      const results = await inParallel(ids, async (id) => (hasTime() ? (await reconcile(id)).kind : 'pending'));
      if (!hasTime()) {
        await controlQueue.send([{ message: { action: 'tear-down', request }, delaySeconds: 0 }]);
        return;
      }
      if (results.includes('pending')) await sleep(roundDelayMs);
    }
    await respond(request);
  }

  return {
    tearDown,
    async answer(request, hasTime) {
      try {
        if (request.RequestType === 'Delete') return await tearDown(request, hasTime);
        await gate.open();
        await reconcileAll();
      } catch (error) {
        log.error('Custom::Routes failed', { request: request.RequestType, error });
        return respond(request, error);
      }
      return respond(request);
    },
  };
}
