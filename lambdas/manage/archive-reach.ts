import { archiveDays } from '../contracts/archive.ts';
import type { TimeRange } from './request.ts';
import { isoTime } from './subscription-view.ts';

/** The history is asked no further back than the archive reaches. */
const archiveMs = archiveDays * 24 * 60 * 60 * 1000;
/**
 * Events reach the archive some minutes after the bus.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
 */
const archiveLagMs = 10 * 60 * 1000;

/** Why nothing of a time can be replayed; undefined: some of it can. */
export function beyondArchive({ to }: TimeRange, now: number): string | undefined {
  const oldest = now - archiveMs;
  return to < oldest
    ? `lies before ${isoTime(oldest)}: events are kept for ${archiveDays} days, so nothing of that time can be replayed`
    : undefined;
}

/** What part of a time a replay does not cover: before `coveredFrom` nothing is kept; from `mayMissFrom` on it may not be there yet. */
export function archiveGaps({ from, to }: TimeRange, now: number, isOfArchive: boolean): Record<string, unknown> {
  const oldest = now - archiveMs;
  const archivedUntil = now - archiveLagMs;
  return {
    ...(from < oldest ? { coveredFrom: isoTime(oldest) } : {}),
    ...(isOfArchive && to > archivedUntil ? { mayMissFrom: isoTime(Math.max(from, archivedUntil)) } : {}),
  };
}
