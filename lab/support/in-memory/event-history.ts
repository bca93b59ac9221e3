import type { RecordedEvent } from '../../../lambdas/domain/history/recorded-event.ts';
import { recordedAtOf, timeKeyOf, timePrefix } from '../../../lambdas/domain/history/time-order.ts';
import type { EventHistory, EventPage, EventQuery } from '../../../lambdas/manage/ports.ts';
import type { EventRecorder } from '../../../lambdas/record-events/ports.ts';

const keyOf = ({ recordedAt, webhookId }: Pick<RecordedEvent, 'recordedAt' | 'webhookId'>): string =>
  timeKeyOf(recordedAt, webhookId);

export class InMemoryEventHistory implements EventHistory, EventRecorder {
  readonly events = new Map<string, RecordedEvent>();

  async record(event: RecordedEvent, _expiresAt?: number): Promise<boolean> {
    if (this.events.has(event.webhookId)) return false;
    this.events.set(event.webhookId, event);
    return true;
  }

  async read(webhookId: string): Promise<RecordedEvent | undefined> {
    return this.events.get(webhookId);
  }

  async readMany(webhookIds: readonly string[]): Promise<ReadonlyMap<string, RecordedEvent>> {
    const found = webhookIds.flatMap((id) => this.events.get(id) ?? []);
    return new Map(found.map((event) => [event.webhookId, event]));
  }

  async list({ from, to, limit, before = timePrefix(to + 1), ...only }: EventQuery): Promise<EventPage> {
    const { type, orgId, conversationId } = only;
    const fitting = [...this.events.values()]
      .filter((event) => event.recordedAt >= from && event.recordedAt <= Math.min(to, recordedAtOf(before)))
      .filter((event) => keyOf(event) < before)
      .filter((event) => (type ?? event.type) === event.type && (orgId ?? event.orgId) === event.orgId)
      .filter((event) => (conversationId ?? event.conversationId) === event.conversationId)
      .sort((one, other) => other.recordedAt - one.recordedAt || (one.webhookId < other.webhookId ? 1 : -1))
      .map(({ event: _, ...summary }) => summary);
    const events = fitting.slice(0, limit);
    const last = events.at(-1);
    return fitting.length > limit && last !== undefined ? { events, next: keyOf(last) } : { events };
  }
}
