import { integerText } from '../../json/json.ts';
import { type EventDetail, idText } from '../events/drift-event.ts';
import { eventTypes } from '../events/event-types.ts';

/** Something happened in a conversation. `closes`: it was a close, which disarms the timer. */
export interface Activity {
  readonly orgId: string;
  readonly conversationId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly closes: boolean;
}

/** What an event on the bus means for its conversation's timer, or undefined where it means nothing. */
export function activityOf(detail: EventDetail): Activity | undefined {
  const idField = detail.type === eventTypes.newConversation ? 'id' : 'conversationId';
  const conversationId = idText(detail.data[idField]);
  const orgId = integerText(detail.orgId);
  if (conversationId === undefined || orgId === undefined) return undefined;
  const closes = detail.type === eventTypes.conversationStatusUpdated && detail.data.status === 'closed';
  return { orgId, conversationId, at: detail.occurredAt, closes };
}

/**
 * Folds the activities of one conversation into the one that counts: the latest. A close wins a tie, in whatever
 * order the two arrive, so that disorder cannot change the outcome.
 */
export function latestActivity(one: Activity, other: Activity): Activity {
  if (one.at !== other.at) return one.at > other.at ? one : other;
  return one.closes ? one : other;
}
