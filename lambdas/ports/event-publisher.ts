import type { Broadcast } from '../domain/events/derive.ts';

/** Puts events on the bus. */
export interface EventPublisher {
  /**
   * Publishes all of them, or says that it could not. `failed` may mean that some went out, but where `isNothingTaken`: publish
   * all again, the ids are the same and the ledgers hold back what was delivered. `too-large`: an entry that the bus never takes.
   */
  publish(broadcasts: readonly Broadcast[]): Promise<PublishOutcome>;
}

export type PublishOutcome =
  | { readonly kind: 'published' }
  | { readonly kind: 'too-large'; readonly type: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly isNothingTaken?: true };
