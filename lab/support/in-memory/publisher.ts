import type { Broadcast } from '../../../lambdas/domain/events/derive.ts';
import type { EventPublisher, PublishOutcome } from '../../../lambdas/ports/event-publisher.ts';

/** What would be on the bus. */
export class RecordedPublisher implements EventPublisher {
  readonly published: Broadcast[] = [];
  /** Answered once each, before anything is taken. */
  readonly nextOutcomes: PublishOutcome[] = [];

  async publish(broadcasts: readonly Broadcast[]): Promise<PublishOutcome> {
    const outcome = this.nextOutcomes.shift();
    if (outcome !== undefined) return outcome;
    this.published.push(...broadcasts);
    return { kind: 'published' };
  }

  typesPublished(): string[] {
    return this.published.map(({ detail }) => detail.type);
  }
}
