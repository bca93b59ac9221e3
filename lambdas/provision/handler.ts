import middy from '@middy/core';
import { flushMetrics } from '../telemetry/flush-metrics.ts';
import { createControl } from './control.ts';
import { createDeployment, type DeploymentDeps } from './deployment.ts';
import { inParallel } from './in-parallel.ts';
import { watchRoutes } from './route-watch.ts';
import { type ConfigChange, type ReceivedMessage, readTrigger } from './trigger.ts';

interface Invocation {
  getRemainingTimeInMillis(): number;
}

interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** A sweep of due deliveries begins no further page with less time left than this: the next one runs by then. */
const sweepEndsWithMs = 250_000;

/** Brings routes to what the subscriptions table says, whatever wakes it. */
export function createProvisionHandler(deps: DeploymentDeps) {
  const { log } = deps;
  const control = createControl(deps);
  const deployment = createDeployment(deps, control);

  /** A subscription that fails is tried again through the control queue, so that it holds up none behind it. */
  async function followChanges(changes: readonly ConfigChange[], remainingMs: () => number): Promise<BatchResponse> {
    const bySubscription = Map.groupBy(changes, ({ subscriptionId }) => subscriptionId);
    const failures = await inParallel([...bySubscription], async ([subscriptionId, itsChanges]) => {
      try {
        const endpointChangedAt = itsChanges.findLast(
          (change) => change.endpointChangedAt !== undefined,
        )?.endpointChangedAt;
        await control.carryOut(
          { subscriptionId, action: 'reconcile', ...(endpointChangedAt === undefined ? {} : { endpointChangedAt }) },
          remainingMs,
        );
        return [];
      } catch (error) {
        log.error('change not followed, it will come again', { subscriptionId, error });
        return itsChanges.map(({ sequenceNumber }) => ({ itemIdentifier: sequenceNumber }));
      }
    });
    return { batchItemFailures: failures.flat() };
  }

  async function followMessages(
    messages: readonly ReceivedMessage[],
    remainingMs: () => number,
  ): Promise<BatchResponse> {
    const groups = Map.groupBy(messages, ({ message, messageId }) =>
      message !== undefined && 'subscriptionId' in message ? message.subscriptionId : messageId,
    );
    const failures = await inParallel([...groups.values()], async (group) => {
      const failed: { itemIdentifier: string }[] = [];
      for (const { message, messageId } of group) {
        try {
          if (message === undefined) throw new Error('not a control message, left for the dead-letter queue');
          if (message.action === 'tear-down') await deployment.tearDown(remainingMs);
          else await control.carryOut(message, remainingMs);
        } catch (error) {
          log.error('control message failed', { messageId, error });
          failed.push({ itemIdentifier: messageId });
        }
      }
      return failed;
    });
    return { batchItemFailures: failures.flat() };
  }

  return middy(async (event: unknown, invocation: Invocation): Promise<BatchResponse | undefined> => {
    const remainingMs = (): number => invocation.getRemainingTimeInMillis();
    const trigger = readTrigger(event);
    switch (trigger.kind) {
      case 'changes':
        return followChanges(trigger.changes, remainingMs);
      case 'control':
        return followMessages(trigger.messages, remainingMs);
      case 'reconcile-all':
        await control.reconcileAll();
        return undefined;
      case 'sweep-due':
        await deps.dueDeliveries.sweep(() => invocation.getRemainingTimeInMillis() > sweepEndsWithMs);
        return undefined;
      case 'watch-routes':
        await watchRoutes(deps);
        return undefined;
      case 'deployment':
        await deployment.answer(trigger.request, remainingMs);
        return undefined;
      default:
        throw trigger satisfies never;
    }
  }).use(flushMetrics(deps.metrics));
}
