import type { CompiledPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { BusEvent } from './event-envelope.ts';

/** Events that were kept for replays. */
export interface Archive {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly eventSourceArn: string;
  readonly eventPattern?: string;
  readonly compiledPattern?: CompiledPattern;
  /** 0: for ever. */
  readonly retentionDays: number;
  readonly description?: string;
  readonly createdAt: number;
  readonly events: ArchivedEvents;
}

export interface ArchivedEvents {
  add(event: BusEvent): void;
  /** Those from `from` up to `until` (epoch ms, without it), in the order in which they came. */
  between(from: number, until: number): BusEvent[];
  dropBefore(time: number): void;
  count(): number;
  sizeBytes(): number;
}

/** Keeps `maxBytes` at the most: what is oldest goes first. */
export function createArchivedEvents(maxBytes: number): ArchivedEvents {
  let events: { readonly event: BusEvent; readonly bytes: number }[] = [];
  let first = 0;
  let size = 0;
  const dropFirst = () => {
    size -= events[first]?.bytes ?? 0;
    first++;
    if (first > 1024 && first * 2 > events.length) {
      events = events.slice(first);
      first = 0;
    }
  };
  return {
    add(event) {
      // The envelope around a detail has about 300 bytes.
      const bytes = event.detailText.length + 300;
      events.push({ event, bytes });
      size += bytes;
      while (size > maxBytes && first < events.length - 1) dropFirst();
    },
    between: (from, until) =>
      events
        .slice(first)
        .map(({ event }) => event)
        .filter(({ time }) => time >= from && time < until),
    dropBefore(time) {
      while (first < events.length && (events[first]?.event.time ?? time) < time) dropFirst();
    },
    count: () => events.length - first,
    sizeBytes: () => size,
  };
}
