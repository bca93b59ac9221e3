import { integerText, isJsonObject } from '../../json/json.ts';
import { type DriftEvent, type EventDetail, idText } from '../events/drift-event.ts';
import { activityTypes, eventTypes } from '../events/event-types.ts';

/** What the timers hear: activity, and Drift's own `conversation_inactive`, which settles a timer of ours. */
export const timerEventTypes: readonly string[] = [...activityTypes, eventTypes.conversationInactive];

/** What events tell of a conversation: the latest of each kind. Epoch milliseconds. */
export interface Activity {
  /** Something happened: a message of whomever, a status change. */
  readonly at?: number;
  /** It was closed. */
  readonly closedAt?: number;
  /** It was begun or reopened: by a contact's message, or by another status. An agent's note and a bot do neither. */
  readonly openedAt?: number;
  /** Drift itself said that it has been quiet since then. */
  readonly settledAt?: number;
}

export interface ConversationActivity {
  readonly orgId: string;
  readonly conversationId: string;
  readonly activity: Activity;
}

/** What an event on the bus means for its conversation's timer, or undefined where it means nothing. */
export function activityOf(detail: EventDetail): ConversationActivity | undefined {
  const conversationId = idText(detail.data[idField(detail.type)]);
  const orgId = integerText(detail.orgId);
  if (conversationId === undefined || orgId === undefined || !timerEventTypes.includes(detail.type)) return undefined;
  return { orgId, conversationId, activity: meaningOf(detail) };
}

function idField(type: string): 'id' | 'conversationId' {
  return type === eventTypes.newConversation ? 'id' : 'conversationId';
}

const typesOfConversation: readonly string[] = [...timerEventTypes, eventTypes.conversationManualPush];

/**
 * The member of `data` that should say which conversation the event moves, where it is no id: then the event goes out as
 * itself alone, and neither a push nor a quiet period follows. Undefined where all is well, or it moves none.
 */
export function uselessIdField({ type, data }: DriftEvent): string | undefined {
  const field = idField(type);
  return typesOfConversation.includes(type) && idText(data[field]) === undefined ? field : undefined;
}

function meaningOf({ type, data, occurredAt: at }: EventDetail): Activity {
  switch (type) {
    case eventTypes.conversationInactive:
      return { settledAt: at };
    case eventTypes.conversationStatusUpdated: {
      if (data.status !== 'closed') return { at, openedAt: at };
      // Written in whole seconds it is anywhere within its second: what was said in that second does not reopen it.
      const closedAt = data.changedAt === at / 1000 ? at + 999 : at;
      return { at: closedAt, closedAt };
    }
    case eventTypes.newConversation:
      return { at, openedAt: at };
    default:
      return isByContact(data.author) ? { at, openedAt: at } : { at };
  }
}

function isByContact(author: unknown): boolean {
  return isJsonObject(author) && author.type === 'contact' && author.bot !== true;
}

/** What two events tell together, in whatever order they came. */
export function mergeActivity(one: Activity, other: Activity): Activity {
  return defined({
    at: latest(one.at, other.at),
    closedAt: latest(one.closedAt, other.closedAt),
    openedAt: latest(one.openedAt, other.openedAt),
    settledAt: latest(one.settledAt, other.settledAt),
  });
}

export function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}

/** Without the members that are undefined. */
export function defined<T extends object>(members: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
