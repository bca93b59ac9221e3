import {
  acceptedFields,
  type Conversation,
  isSameConversation,
  timerShardOf,
} from '../../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../../../lambdas/inactivity/ports.ts';

const pageSize = 3;
const isNote = (field: string): boolean => (acceptedFields as readonly string[]).includes(field);

/** Conversations in memory, counting what DynamoDB would charge for. */
export class InMemoryConversations implements ConversationStore {
  readonly items = new Map<string, Conversation>();
  writes = 0;
  /** Writes that also write the index: arming, setting anew, disarming. */
  indexWrites = 0;
  timersRead = 0;

  async readMany(keys: readonly string[]): Promise<Map<string, Conversation>> {
    const found = new Map<string, Conversation>();
    for (const key of keys) {
      const item = this.items.get(key);
      if (item !== undefined) found.set(key, item);
    }
    return found;
  }

  async read(key: string): Promise<Conversation | undefined> {
    return this.items.get(key);
  }

  async replace(key: string, expected: Conversation | undefined, next: Conversation): Promise<boolean> {
    const stored = this.items.get(key);
    if (!isSameConversation(stored, expected)) return false;
    // Ingest's notes stay as they are.
    const written = Object.entries(next).filter(([field]) => !isNote(field));
    const notes = Object.entries(stored ?? {}).filter(([field]) => isNote(field));
    this.items.set(key, Object.fromEntries([...written, ...notes]) as unknown as Conversation);
    this.writes++;
    if (stored?.dueAt !== next.dueAt) this.indexWrites++;
    return true;
  }

  async *dueTimers(shard: number, until: number): AsyncIterable<readonly DueTimer[]> {
    const due: DueTimer[] = [];
    for (const [conversationKey, { dueAt }] of this.items) {
      if (dueAt !== undefined && dueAt <= until && timerShardOf(conversationKey) === shard)
        due.push({ conversationKey, dueAt });
    }
    due.sort((one, other) => one.dueAt - other.dueAt);
    for (let start = 0; start < due.length; start += pageSize) {
      const page = due.slice(start, start + pageSize);
      this.timersRead += page.length;
      yield page;
    }
  }
}
