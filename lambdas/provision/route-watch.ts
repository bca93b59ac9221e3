import { desiredFlow } from '../domain/deliveries/endpoint-health.ts';
import type { StoredSubscription } from '../domain/subscriptions/subscription.ts';
import { subscriptionIdFault } from '../domain/subscriptions/subscription-id.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import type { RouteControlPlane } from './ports.ts';

export interface RouteWatchDeps {
  readonly subscriptions: SubscriptionStore;
  readonly routes: Pick<RouteControlPlane, 'depths'>;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * Looks at all queues from outside: what a delivery function says of its own lateness is silent while it does not run.
 * Events that wait while none is being delivered are no proof at one look, between two batches; the alarm wants two.
 */
export async function watchRoutes({ subscriptions, routes, clock, metrics, log }: RouteWatchDeps): Promise<void> {
  let deadLetters = 0;
  let notRead = 0;
  let after: string | undefined;
  do {
    const page = await subscriptions.list(100, after);
    // What cannot be an id has no queue, and SQS may refuse its name.
    const looked = page.subscriptions.filter(({ subscriptionId }) => subscriptionIdFault(subscriptionId) === undefined);
    const depths = await routes.depths(looked.map(({ subscriptionId }) => subscriptionId));
    for (const [index, { waiting, inFlight, deadLetters: dead }] of depths.entries()) {
      const stored = looked[index];
      deadLetters += dead;
      if (stored === undefined) continue;
      const { subscriptionId } = stored;
      if (dead > 0) log.warn('dead letters', { subscriptionId, deadLetters: dead });
      if (waiting === 0 || inFlight > 0 || !isToBeRead(stored, clock())) continue;
      notRead++;
      log.warn('events wait and nothing reads them', { subscriptionId, waiting });
    }
    after = page.next;
  } while (after !== undefined);
  metrics.add('DeadLetters', deadLetters);
  metrics.add('RoutesNotRead', notRead);
}

/** Neither a person nor the system has stopped its deliveries. */
function isToBeRead({ config, state }: StoredSubscription, now: number): boolean {
  if (config === undefined || state === undefined || state.provisioning === 'rejected') return false;
  return desiredFlow({ status: config.status === 'paused' ? 'paused' : 'active' }, state, now).enabled;
}
