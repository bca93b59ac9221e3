import type { Conversation } from '../domain/inactivity/inactivity-timer.ts';

/** A conversation is known by `<orgId>#<conversationId>`, both as decimal digits. */
export type ConversationKey = string;

/** Keeps each conversation's last activity and its timer. */
export interface ConversationStore {
  /** What is stored, perhaps a moment old. A conversation that is not known is missing from the map. */
  readMany(keys: readonly ConversationKey[]): Promise<Map<ConversationKey, Conversation>>;
  /** What is stored now. */
  read(key: ConversationKey): Promise<Conversation | undefined>;
  /**
   * One conditional write: stores `next` if what is stored is still `expected` (undefined: not known).
   * False: somebody else was first; read again.
   */
  replace(key: ConversationKey, expected: Conversation | undefined, next: Conversation): Promise<boolean>;
  /** The armed timers of one shard that are due at `until` (epoch ms) or before, a page at a time, earliest first. */
  dueTimers(shard: number, until: number): AsyncIterable<readonly DueTimer[]>;
}

export interface DueTimer {
  readonly conversationKey: ConversationKey;
  readonly dueAt: number;
}

/** The quiet period of each organisation. */
export interface QuietPeriods {
  /** In seconds; an organisation that set none has the default. */
  ofOrgs(orgIds: readonly string[]): Promise<Map<string, number>>;
}

/** Wakes emit-inactivity, to the second. */
export interface TimerQueue {
  /** Throws where some could not be handed over; the next sweep finds them again. */
  schedule(timers: readonly (DueTimer & { readonly delaySeconds: number })[]): Promise<void>;
}
