import { createHash } from 'node:crypto';
import { canonicalJson, integerText, type JsonObject } from '../../json/json.ts';
import type { DriftEvent } from './drift-event.ts';
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

/** The id of an event as it came in. */
export function webhookIdOf(event: DriftEvent): string {
  return webhookId(event.orgId, event.type, identifyingFact(event));
}

/** What identifies the fact that an event tells: two events of one type and org with equal facts are the same. */
export function identifyingFact({ type, data }: DriftEvent): string[] {
  return factOfType(type, data) ?? ['data', canonicalJson(data)];
}

function factOfType(type: string, data: JsonObject): string[] | undefined {
  const identity = eventRow(type)?.identity ?? 'data';
  switch (identity) {
    case 'message': {
      const id = integerText(data.id);
      // An edit keeps the id of the message that it changes and has another message type.
      return id === undefined ? undefined : ['message', text(data.conversationId), id, text(data.type)];
    }
    case 'conversation': {
      const lastUpdated = integerText(data.lastUpdated);
      return lastUpdated === undefined ? undefined : ['conversation', text(data.conversationId), lastUpdated];
    }
    case 'status': {
      const changedAt = integerText(data.changedAt);
      return changedAt === undefined ? undefined : ['status', text(data.conversationId), text(data.status), changedAt];
    }
    case 'data':
      return undefined;
    default:
      throw identity satisfies never;
  }
}

function text(value: unknown): string {
  return integerText(value) ?? (typeof value === 'string' ? value : '');
}
