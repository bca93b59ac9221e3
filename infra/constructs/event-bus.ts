import { Duration } from 'aws-cdk-lib';
import { Archive, EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { archiveDays } from '../../lambdas/contracts/archive.ts';
import { eventSources } from '../../lambdas/domain/events/event-types.ts';

/** The bus that every event goes over, and its archive, from which events are replayed. */
export class FanoutBus extends Construct {
  readonly bus: EventBus;
  readonly archive: Archive;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', { description: "Drift's events and what is derived from them" });
    this.archive = new Archive(this, 'Archive', {
      sourceEventBus: this.bus,
      description: 'For replays to subscribers',
      eventPattern: { source: Object.values(eventSources) },
      // Longer than any delivery is retried (75 h), with room for a subscriber that finds a fault of its own late.
      // The archive holds what customers wrote, so it is not kept for ever.
      retention: Duration.days(archiveDays),
    });
  }
}

/** A condition on `events:PutEvents`: whoever has the function's keys cannot speak for Drift, or for another function. */
export function onlyEvents(sources: readonly string[], types: readonly string[] | 'any'): Record<string, unknown> {
  return {
    'ForAllValues:StringEquals': {
      'events:source': [...sources],
      ...(types === 'any' ? {} : { 'events:detail-type': [...types] }),
    },
  };
}
