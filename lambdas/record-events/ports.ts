import type { RecordedEvent } from '../domain/history/recorded-event.ts';

/** Writes the event history. */
export interface EventRecorder {
  /** Once per webhook id: false where the event is known, which changes nothing. `expiresAt` in epoch ms. */
  record(event: RecordedEvent, expiresAt: number): Promise<boolean>;
}
