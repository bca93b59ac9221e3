import { canonicalJson, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../lambdas/json/json.ts';

/** What a subscription asks for, read from its item anew and as simply as can be. */
export interface ExpectedSubscription {
  readonly types: readonly string[];
  readonly orgIds: readonly string[] | undefined;
  readonly accepts: (data: JsonObject) => boolean;
}

/** The filters that operators use, and what each means. */
export const filters: readonly { readonly pattern: JsonObject; readonly accepts: (data: JsonObject) => boolean }[] = [
  {
    pattern: { author: { type: ['contact'] } },
    accepts: ({ author }) => isJsonObject(author) && author.type === 'contact',
  },
  { pattern: { author: { bot: [false] } }, accepts: ({ author }) => isJsonObject(author) && author.bot === false },
  {
    pattern: { body: [{ prefix: '<p>Hi' }] },
    accepts: ({ body }) => typeof body === 'string' && body.startsWith('<p>Hi'),
  },
  {
    pattern: { status: [{ 'anything-but': ['open'] }] },
    accepts: ({ status }) => status !== undefined && status !== 'open',
  },
  { pattern: { lastUpdated: [{ exists: true }] }, accepts: (data) => 'lastUpdated' in data },
];

/** Undefined for an item that makes no sense. */
export function readExpectedSubscription(item: JsonObject): ExpectedSubscription | undefined {
  const { url, eventTypes, orgIds, filter } = item;
  if (typeof url !== 'string' || !url.startsWith('https://') || !Array.isArray(eventTypes)) return undefined;
  const pattern = typeof filter === 'string' ? parseJson(filter) : filter;
  const known = filters.find(
    (candidate) => pattern !== undefined && canonicalJson(candidate.pattern) === canonicalJson(pattern),
  );
  if (pattern !== undefined && known === undefined) return undefined;
  return {
    types: eventTypes as string[],
    orgIds: Array.isArray(orgIds) ? orgIds.map(String) : undefined,
    accepts: known?.accepts ?? (() => true),
  };
}

/** Whether an event that is on the bus is for whoever wishes so. */
export function isWanted(
  wish: ExpectedSubscription,
  event: { readonly source: string; readonly type: string; readonly orgId: JsonValue; readonly data: JsonObject },
): boolean {
  if (!wish.types.includes(event.type)) return false;
  if (event.source === 'webhook-fanout') return true;
  if (event.source !== 'drift') return false;
  const org = JSON.isRawJSON(event.orgId) ? event.orgId.rawJSON : String(event.orgId);
  return (wish.orgIds === undefined || wish.orgIds.includes(org)) && wish.accepts(event.data);
}
