import { canonicalJson, integerValue, type JsonObject, type JsonValue } from '../../lambdas/json/json.ts';

/** An event as a subscriber is to get it. */
export interface ExpectedEvent {
  readonly orgId: string;
  readonly type: string;
  readonly data: JsonObject;
}

export interface LegacyEnds {
  readonly mirroredAt: number;
  readonly removedAt: number;
}

/**
 * What has to go out for what came in, written again from the documentation and not from the product. `sure`: whatever
 * the moment between `from` and `until` at which it was handled; `possible`: at some of these moments.
 */
export function expectedEvents(
  cause: ExpectedEvent,
  { mirroredAt, removedAt }: LegacyEnds,
  from: number,
  until: number,
): { readonly sure: ExpectedEvent[]; readonly possible: ExpectedEvent[] } {
  const { orgId, type, data } = cause;
  const lives = removedAt > until ? 'yes' : removedAt > from ? 'perhaps' : 'no';
  const mirrors =
    mirroredAt <= from && removedAt > until ? 'yes' : mirroredAt <= until && removedAt > from ? 'perhaps' : 'no';
  const sure: ExpectedEvent[] = [];
  const possible: ExpectedEvent[] = [];
  const add = (event: ExpectedEvent, when: 'yes' | 'perhaps' | 'no') => {
    if (when === 'yes') sure.push(event);
    if (when !== 'no') possible.push(event);
  };
  const pushFor = (pushed: ExpectedEvent, mirrored: 'yes' | 'perhaps' | 'no') => {
    const { conversationId = null, lastUpdated = null } = pushed.data;
    add(
      { orgId, type: 'conversation_push', data: { conversationId, lastUpdated, type: pushed.type, data: pushed.data } },
      'yes',
    );
    const close = { conversationId, status: 'closed', changedAt: lastUpdated };
    add({ orgId, type: 'conversation_status_updated', data: close }, mirrored);
  };
  /** Null: it has none of its own, so whenever it arrives. */
  const manualPush = (time: number | null, mirrored: 'yes' | 'perhaps' | 'no') => {
    const { conversationId = null } = data;
    const push = { orgId, type: 'conversation_manual_push', data: { conversationId, lastUpdated: time } };
    add(push, 'yes');
    pushFor(push, mirrored);
  };

  switch (type) {
    case 'conversation_push':
      break;
    case 'conversation_status_updated':
      add(cause, lives);
      if (data.status === 'closed') manualPush(milliseconds(data.changedAt), 'no');
      break;
    case 'new_command_message':
      add(cause, 'yes');
      manualPush(milliseconds(data.createdAt), mirrors);
      break;
    case 'conversation_manual_push':
    case 'conversation_inactive':
      add(cause, 'yes');
      pushFor(cause, mirrors);
      break;
    default:
      add(cause, 'yes');
  }
  return { sure, possible };
}

/** Drift writes epoch milliseconds, and here and there seconds. */
export function milliseconds(time: JsonValue | undefined): number | null {
  if (typeof time !== 'number') return null;
  return time < 100_000_000_000 ? time * 1000 : time;
}

/** As an id has it. */
export function inMilliseconds({ changedAt, ...data }: JsonObject): JsonObject {
  return changedAt === undefined ? data : { ...data, changedAt: milliseconds(changedAt) ?? changedAt };
}

/** Equal for two events that differ in when they arrived only. */
export function timelessKey({ orgId, type, data }: { orgId: JsonValue; type: string; data: JsonObject }): string {
  const time = type === 'conversation_push' ? { lastUpdated: null } : { changedAt: null };
  return eventKey({ orgId, type, data: { ...data, ...time } });
}

/** Equal for two events that read the same. */
export function eventKey({ orgId, type, data }: { orgId: JsonValue; type: string; data: JsonValue }): string {
  const org = typeof orgId === 'string' ? integerValue(orgId) : orgId;
  return canonicalJson({ orgId: org as JsonValue, type, data });
}
