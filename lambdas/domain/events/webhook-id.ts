import { createHash } from 'node:crypto';
import { canonicalJson, integerText, type JsonObject } from '../../json/json.ts';
import { type DriftEvent, idText, ownTime } from './drift-event.ts';
import { eventRow } from './event-types.ts';

/**
 * The same fact, sent twice by Drift or derived twice after a crash, has the same id: `msg_` and 160 bits of a hash
 * over org, type and what identifies the fact. Standard Webhooks asks for an id that is unique and stays the same
 * when a delivery is repeated; a dot would break its signature's content, base64url has none.
 */
export function webhookId(orgId: string, type: string, fact: readonly string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([orgId, type, ...fact]))
    .digest();
  return `msg_${digest.subarray(0, 20).toString('base64url')}`;
}

/** The id of an event as it came in, at `receivedAt` (epoch ms). */
export function webhookIdOf(event: DriftEvent, receivedAt: number): string {
  return webhookId(event.orgId, event.type, identifyingFact(event, receivedAt));
}

/**
 * For so long two posts with equal data and no time of their own are one fact. Without an end the second "Manually sync"
 * of a conversation would never arrive; with a short one, a post that Drift sends twice would. What is taken for one within
 * it costs no data: the conversation goes quiet later, and that pushes it.
 */
const timelessFactMs = 10 * 60 * 1000;

/** What identifies the fact that an event tells: two events of one type and org with equal facts are the same. */
export function identifyingFact(event: DriftEvent, receivedAt: number): string[] {
  const time = ownTime(event);
  const data = inMilliseconds(event, time);
  const known = factOfType(event.type, data);
  if (known !== undefined) return known;
  const fact = ['data', canonicalJson(data)];
  return time === undefined ? [...fact, String(Math.floor(receivedAt / timelessFactMs))] : fact;
}

/** Its data with its own time as it is read, by which two spellings of one fact, in seconds and in milliseconds, are equal. */
function inMilliseconds({ type, data }: DriftEvent, time: number | undefined): JsonObject {
  const { timeField = null } = eventRow(type) ?? {};
  return timeField === null || time === undefined ? data : { ...data, [timeField]: time };
}

function factOfType(type: string, data: JsonObject): string[] | undefined {
  const identity = eventRow(type)?.identity ?? 'data';
  if (identity === 'data') return undefined;
  const conversationId = idText(data.conversationId);
  if (conversationId === undefined) return undefined;
  switch (identity) {
    case 'message': {
      const id = idText(data.id);
      if (id === undefined) return undefined;
      // An edit has the id of its message, or one of its own, and perhaps its time: its text tells it from the next edit.
      const { type: messageType = null, createdAt = null, editedMessageId = null, body = null } = data;
      return ['message', conversationId, id, canonicalJson([messageType, createdAt, editedMessageId, body])];
    }
    case 'conversation': {
      const lastUpdated = integerText(data.lastUpdated);
      return lastUpdated === undefined ? undefined : ['conversation', conversationId, lastUpdated];
    }
    case 'status': {
      const changedAt = integerText(data.changedAt);
      return changedAt === undefined
        ? undefined
        : ['status', conversationId, canonicalJson(data.status ?? null), changedAt];
    }
    default:
      throw identity satisfies never;
  }
}
