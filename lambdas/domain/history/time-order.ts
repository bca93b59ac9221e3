/**
 * The order of the history's lists: newest first by `recordedAt`, and by webhook id where two were recorded in one
 * millisecond. Each day is spread over a few partitions, so that no partition takes all writes.
 */
export const shardsPerDay = 4;

const dayMs = 24 * 60 * 60 * 1000;
/** Digits of epoch ms until the year 5138, so that texts sort like the numbers. */
const timeDigits = 14;

/** An event's place in the order: `01591813767000#msg_…`. */
export function timeKeyOf(recordedAt: number, webhookId: string): string {
  return `${timePrefix(recordedAt)}#${webhookId}`;
}

/** Sorts before all events of this instant and after those of earlier ones. */
export function timePrefix(recordedAt: number): string {
  return String(Math.max(0, recordedAt)).padStart(timeDigits, '0');
}

export function recordedAtOf(timeKey: string): number {
  return Number(timeKey.slice(0, timeDigits));
}

export function isTimeKey(text: string): boolean {
  return /^\d{14}(#|$)/.test(text) && text.length <= 400;
}

/** The partition of an event: its UTC day and one of the day's shards. */
export function timeShardOf(recordedAt: number, webhookId: string): string {
  let sum = 0;
  for (let index = 0; index < webhookId.length; index++) sum = (sum * 31 + webhookId.charCodeAt(index)) % 65_521;
  return `${dayOf(recordedAt)}#${sum % shardsPerDay}`;
}

export function timeShardsOfDay(day: string): string[] {
  return Array.from({ length: shardsPerDay }, (_, shard) => `${day}#${shard}`);
}

export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/** The last instant of the day before. */
export function endOfDayBefore(epochMs: number): number {
  return Math.floor(epochMs / dayMs) * dayMs - 1;
}
