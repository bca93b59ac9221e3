import type { Broadcast } from '../../../lambdas/domain/events/derive.ts';
import { maxEventBytes } from '../../../lambdas/domain/events/drift-post.ts';
import type { EventPublisher, PublishOutcome } from '../../../lambdas/ports/event-publisher.ts';

/** What would be on the bus. */
export class RecordedPublisher implements EventPublisher {
  readonly published: Broadcast[] = [];
  /** Answered once each, before anything is taken. */
  readonly nextOutcomes: PublishOutcome[] = [];

  async publish(broadcasts: readonly Broadcast[]): Promise<PublishOutcome> {
    const outcome = this.nextOutcomes.shift();
    if (outcome !== undefined) return outcome;
    for (const { detail } of broadcasts) {
      const bytes = Buffer.byteLength(JSON.stringify(detail));
      if (bytes > maxEventBytes) return { kind: 'too-large', type: detail.type, bytes };
    }
    this.published.push(...broadcasts);
    return { kind: 'published' };
  }

  typesPublished(): string[] {
    return this.published.map(({ detail }) => detail.type);
  }
}
