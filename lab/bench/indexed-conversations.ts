import {
  type Conversation,
  isSameConversation,
  timerShardOf,
  timerShards,
} from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../../lambdas/inactivity/ports.ts';

const minuteMs = 60_000;
/** As the adapter for DynamoDB reads the index. */
const pageSize = 500;

/**
 * Conversations in memory with the index that DynamoDB keeps of them: armed timers by shard and due time, so that those
 * due are found without looking at the others. Counts what is done.
 */
export class IndexedConversations implements ConversationStore {
  readonly counts = { reads: 0, writes: 0, indexWrites: 0, timersRead: 0 };
  private readonly items = new Map<string, Conversation>();
  private readonly shards = Array.from({ length: timerShards }, () => new Map<number, Map<string, number>>());

  async readMany(keys: readonly string[]): Promise<Map<string, Conversation>> {
    const found = new Map<string, Conversation>();
    for (const key of keys) {
      const item = this.items.get(key);
      if (item !== undefined) found.set(key, item);
    }
    this.counts.reads += keys.length;
    return found;
  }

  async read(key: string): Promise<Conversation | undefined> {
    this.counts.reads++;
    return this.items.get(key);
  }

  async replace(key: string, expected: Conversation | undefined, next: Conversation): Promise<boolean> {
    const stored = this.items.get(key);
    if (!isSameConversation(stored, expected)) return false;
    this.put(key, next, stored);
    return true;
  }

  put(key: string, next: Conversation, stored = this.items.get(key)): void {
    this.items.set(key, next);
    this.counts.writes++;
    if (stored?.dueAt === next.dueAt) return;
    this.counts.indexWrites++;
    const shard = this.shardOf(timerShardOf(key));
    if (stored?.dueAt !== undefined) shard.get(minuteOf(stored.dueAt))?.delete(key);
    if (next.dueAt === undefined) return;
    const minute = minuteOf(next.dueAt);
    const due = shard.get(minute);
    if (due === undefined) shard.set(minute, new Map([[key, next.dueAt]]));
    else due.set(key, next.dueAt);
  }

  async *dueTimers(shardNumber: number, until: number): AsyncIterable<readonly DueTimer[]> {
    const shard = this.shardOf(shardNumber);
    const minutes = [...shard.keys()].filter((minute) => minute <= minuteOf(until)).sort((one, other) => one - other);
    const found: DueTimer[] = [];
    for (const minute of minutes) {
      for (const [conversationKey, dueAt] of shard.get(minute) ?? []) {
        if (dueAt <= until) found.push({ conversationKey, dueAt });
      }
    }
    found.sort((one, other) => one.dueAt - other.dueAt);
    this.counts.timersRead += found.length;
    for (let start = 0; start < found.length; start += pageSize) yield found.slice(start, start + pageSize);
  }

  private shardOf(shard: number): Map<number, Map<string, number>> {
    const found = this.shards[shard];
    if (found === undefined) throw new Error(`there is no shard ${shard}`);
    return found;
  }
}

function minuteOf(instant: number): number {
  return Math.floor(instant / minuteMs);
}
