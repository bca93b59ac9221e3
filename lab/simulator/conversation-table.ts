import { latest } from '../../lambdas/domain/inactivity/activity.ts';
import {
  acceptedNoteOf,
  type Conversation,
  isSameConversation,
  timerShardOf,
} from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { ConversationStore, DueTimer } from '../../lambdas/inactivity/ports.ts';
import type { AcceptedActivities } from '../../lambdas/ingest/ports.ts';
import type { Invocation } from './invocation.ts';
import type { Random } from './random.ts';

/** How long a read that is not consistent, or the index, may lag behind. */
const staleForMs = 800;

interface Item {
  readonly timer: Conversation;
  readonly before: Conversation | undefined;
  readonly changedAt: number;
}

/** Conversations and their index of armed timers. */
export class ConversationTable {
  readonly items = new Map<string, Item>();
  readonly #accepted = new Map<string, Partial<Conversation>>();
  readonly #armed = new Map<number, Map<string, number>>();
  readonly #now: () => number;
  readonly #random: Random;
  readonly #onWritten: (invocation: Invocation, key: string, conversation: Conversation) => void;

  constructor(
    now: () => number,
    random: Random,
    onWritten: (invocation: Invocation, key: string, conversation: Conversation) => void = () => undefined,
  ) {
    this.#now = now;
    this.#random = random;
    this.#onWritten = onWritten;
  }

  get armedTimers(): number {
    return [...this.#armed.values()].reduce((sum, shard) => sum + shard.size, 0);
  }

  portsFor(invocation: Invocation): ConversationStore {
    return {
      readMany: (keys) => {
        for (const key of keys) invocation.about.add(key);
        return invocation.call('BatchGetItem conversations', () => {
          const found = keys.map((key) => [key, this.#perhapsStale(invocation, key)] as const);
          return new Map(found.flatMap(([key, timer]) => (timer === undefined ? [] : [[key, timer] as const])));
        });
      },
      read: (key) => {
        invocation.about.add(key);
        return invocation.call('GetItem conversation', () => this.#withNote(key));
      },
      replace: (key, expected, next) =>
        invocation.call('UpdateItem conversation', () => this.#replace(invocation, key, expected, next)),
      dueTimers: (shard, until) => this.#dueTimers(invocation, shard, until),
    };
  }

  acceptedFor(invocation: Invocation): AcceptedActivities {
    return {
      note: (key, activity) =>
        invocation.call('UpdateItem conversation', () => {
          const noted = this.#accepted.get(key) ?? {};
          const [field, at] = acceptedNoteOf(activity);
          this.#accepted.set(key, { ...noted, [field]: latest(noted[field], at) });
        }),
    };
  }

  #withNote(key: string): Conversation | undefined {
    const timer = this.items.get(key)?.timer;
    return timer === undefined ? undefined : { ...timer, ...this.#accepted.get(key) };
  }

  #perhapsStale(invocation: Invocation, key: string): Conversation | undefined {
    const item = this.items.get(key);
    if (item === undefined || this.#now() - item.changedAt > staleForMs) return item?.timer;
    return invocation.strikes('stale-read') ? item.before : item.timer;
  }

  #replace(invocation: Invocation, key: string, expected: Conversation | undefined, next: Conversation): boolean {
    const stored = this.items.get(key)?.timer;
    if (!isSameConversation(stored, expected)) return false;
    this.items.set(key, { timer: next, before: stored, changedAt: this.#now() });
    this.#onWritten(invocation, key, next);
    const shard = timerShardOf(key);
    const armed = this.#armed.get(shard) ?? new Map<string, number>();
    this.#armed.set(shard, armed);
    if (next.dueAt === undefined) armed.delete(key);
    else armed.set(key, next.dueAt);
    return true;
  }

  async *#dueTimers(invocation: Invocation, shard: number, until: number): AsyncIterable<readonly DueTimer[]> {
    const armed = this.#armed.get(shard);
    // An empty shard answers nothing, at once or later: leaving out the wait makes a day a third shorter.
    if (armed === undefined || armed.size === 0) return;
    for (let after = Number.NEGATIVE_INFINITY; ; ) {
      const page = await invocation.call('Query timers', () => {
        const due = [...armed].map(([conversationKey]) => this.#indexed(invocation, conversationKey));
        return due
          .filter((timer) => timer !== undefined)
          .filter(({ dueAt }) => dueAt <= until && dueAt > after)
          .sort((one, other) => one.dueAt - other.dueAt)
          .slice(0, this.#random.integer(1, 5));
      });
      const last = page.at(-1);
      if (last === undefined) return;
      for (const { conversationKey } of page) invocation.about.add(conversationKey);
      yield page;
      after = last.dueAt;
    }
  }

  #indexed(invocation: Invocation, conversationKey: string): DueTimer | undefined {
    const dueAt = this.#perhapsStale(invocation, conversationKey)?.dueAt;
    return dueAt === undefined ? undefined : { conversationKey, dueAt };
  }
}
