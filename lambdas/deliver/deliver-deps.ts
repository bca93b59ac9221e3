import type { Clock } from '../ports/clock.ts';
import type { ControlQueue } from '../ports/control-queue.ts';
import type { EventPublisher } from '../ports/event-publisher.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import type { AttemptTraces, DeliveryLedger, DeliveryQueue, EndpointHealth, WebhookSender } from './ports.ts';

/** What the delivery function of one subscriber works with. */
export interface DeliverDeps {
  readonly subscriptionId: string;
  readonly sender: WebhookSender;
  readonly ledger: DeliveryLedger;
  readonly health: EndpointHealth;
  readonly queue: DeliveryQueue;
  readonly control: ControlQueue;
  readonly publisher: EventPublisher;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly disableAfterSeconds: number;
  /** Left out: nobody keeps traces. */
  readonly traces?: AttemptTraces;
  readonly metrics: Metrics;
  readonly log: Log;
}
