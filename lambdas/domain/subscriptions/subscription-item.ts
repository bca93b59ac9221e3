import * as z from 'zod/mini';
import { parseEventPattern } from '../../event-pattern/event-pattern.ts';
import type { FieldError } from '../../http/problem.ts';
import { schemaErrors } from '../../http/schema-errors.ts';
import {
  integerText,
  isJsonObject,
  isWithin64Bits,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../json/json.ts';
import { testEventType } from '../events/event-types.ts';
import type { LegacyTimeline } from '../events/legacy-timeline.ts';
import { legacyErrors } from './legacy-entitlement.ts';
import type { OutboundPolicy } from './outbound-address.ts';
import { checkUrl } from './outbound-url.ts';
import { maxPatternLength, rulePattern } from './rule-pattern.ts';
import { maxSecrets, readSecrets, secretFault } from './signing-secret.ts';
import type { SigningSecret, SubscriptionConfig } from './subscription.ts';
import { subscriptionIdFault } from './subscription-id.ts';

export const maxEventTypes = 50;
export const maxOrgIds = 50;
export const maxHeaders = 20;
const maxUrlLength = 2048;
const maxHeaderValueLength = 2048;
const maxDescriptionLength = 500;

const noOrgId = 'must be an organisation id: a whole number, or its digits as a text';
const orgId = z.union([z.int().check(z.gte(0)), z.string().check(z.regex(/^\d{1,19}$/, noOrgId))], noOrgId);

/** The fields that people write. One schema each, for the API, the table's items and the OpenAPI document. */
const fields = {
  url: z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(maxUrlLength),
      z.describe(
        'Where events are posted to. https, without credentials or fragment, and no private or reserved address.',
      ),
    ),
  eventTypes: z
    .array(
      z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/, 'must be the name of an event type, as new_message')),
    )
    .check(
      z.minLength(1),
      z.maxLength(maxEventTypes),
      z.describe('The events to send. A type that this system does not know yet passes through as well.'),
    ),
  orgIds: z
    .array(orgId)
    .check(
      z.minLength(1),
      z.maxLength(maxOrgIds),
      z.describe('Only events of these organisations; left out: of all. 64-bit, so larger ones as a text of digits.'),
    ),
  filter: z
    .record(z.string(), z.unknown())
    .check(
      z.describe(
        `An EventBridge event pattern on the event's data, at most ${maxPatternLength} characters, without wildcard.`,
      ),
    ),
  headers: z
    .record(z.string(), z.string().check(z.maxLength(maxHeaderValueLength)))
    .check(z.describe(`Sent with each delivery: at most ${maxHeaders}, none of those that deliveries set themselves.`)),
  description: z.string().check(z.maxLength(maxDescriptionLength)),
  status: z
    .enum(['active', 'paused'])
    .check(z.describe('Paused: events wait in the subscriber’s queue, for up to 14 days.')),
  maxConcurrency: z
    .int()
    .check(z.gte(2), z.lte(1000), z.describe('How many batches of deliveries may be under way at once.')),
  maxBatchingWindowSeconds: z
    .int()
    .check(
      z.gte(0),
      z.lte(60),
      z.describe(
        'How long deliveries may wait for others to fill a batch, which costs less. 0: they never wait. Where events are few, Lambda may wait 20 s however short the window is.',
      ),
    ),
};

/** What `POST /v1/subscriptions` takes. */
export const createSchema = z.strictObject({
  url: fields.url,
  eventTypes: fields.eventTypes,
  orgIds: z.optional(fields.orgIds),
  filter: z.optional(fields.filter),
  headers: z.optional(fields.headers),
  description: z.optional(fields.description),
  status: z.optional(fields.status),
  maxConcurrency: z.optional(fields.maxConcurrency),
  maxBatchingWindowSeconds: z.optional(fields.maxBatchingWindowSeconds),
});

/** What `PATCH /v1/subscriptions/{id}` takes: a field given replaces the whole field, null removes it. */
export const changeSchema = z.strictObject({
  url: z.optional(fields.url),
  eventTypes: z.optional(fields.eventTypes),
  orgIds: z.optional(z.nullable(fields.orgIds)),
  filter: z.optional(z.nullable(fields.filter)),
  headers: z.optional(z.nullable(fields.headers)),
  description: z.optional(z.nullable(fields.description)),
  status: z.optional(fields.status),
  maxConcurrency: z.optional(z.nullable(fields.maxConcurrency)),
  maxBatchingWindowSeconds: z.optional(z.nullable(fields.maxBatchingWindowSeconds)),
});

const instant = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/, 'must be an instant in ISO 8601, UTC'));

/** A `config` record. An attribute that is not listed is refused: a misspelt `orgIds` would send all organisations' events. */
const itemSchema = z.strictObject({
  ...createSchema.shape,
  subscriptionId: z.string(),
  record: z.optional(z.literal('config')),
  secrets: z.optional(
    z
      .array(
        z.union(
          [
            z.string(),
            z.strictObject({ secret: z.string(), expiresAt: z.optional(z.union([z.int().check(z.gte(0)), instant])) }),
          ],
          'must be a secret, or {secret, expiresAt} with expiresAt in epoch milliseconds or ISO 8601',
        ),
      )
      .check(z.minLength(1), z.maxLength(maxSecrets)),
  ),
  createdAt: z.optional(instant),
  updatedAt: z.optional(instant),
});

export interface ItemRules {
  readonly outboundPolicy: OutboundPolicy;
  readonly timeline: LegacyTimeline;
  /** Epoch milliseconds. */
  readonly now: number;
  /** It rightly had the legacy event before that was closed to new subscribers. */
  readonly keepsLegacy: boolean;
}

export type ReadSubscription =
  | { readonly kind: 'valid'; readonly config: SubscriptionConfig }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/**
 * Reads the `config` record of a subscription, wherever it comes from: an item of the table as a plain object (numbers
 * as `parseJson` gives them, sets as lists), or what the API is about to write. `filter` may be its JSON text, which
 * is how the API stores it: DynamoDB would make `300.0` into `300`, and patterns tell them apart.
 */
export function readSubscriptionItem(item: unknown, rules: ItemRules): ReadSubscription {
  const prepared = prepareItem(item);
  if (prepared.kind === 'invalid') return prepared;
  const parsed = itemSchema.safeParse(prepared.item);
  if (!parsed.success) return { kind: 'invalid', errors: schemaErrors(parsed.error.issues, prepared.item) };

  const { record: _, orgIds, filter, secrets, status, ...rest } = parsed.data;
  const config: SubscriptionConfig = {
    ...(withoutUndefined(rest) as Pick<SubscriptionConfig, 'subscriptionId' | 'url' | 'eventTypes'>),
    status: status ?? 'active',
    ...(orgIds === undefined ? {} : { orgIds: orgIds.map((id) => String(BigInt(id))) }),
    ...(filter === undefined ? {} : { filter: filter as JsonObject }),
    ...(secrets === undefined ? {} : { secrets: readSecrets(secrets) }),
  };
  const errors = configErrors(config, rules);
  return errors.length === 0 ? { kind: 'valid', config } : { kind: 'invalid', errors };
}

/** Checks a request's body against a schema, with numbers that a double cannot carry turned to digits first. */
export function readBody<Schema extends z.ZodMiniType>(
  schema: Schema,
  body: JsonValue,
):
  | { readonly kind: 'valid'; readonly value: z.output<Schema> }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] } {
  const input = withPlainOrgIds(body);
  const parsed = schema.safeParse(input);
  return parsed.success
    ? { kind: 'valid', value: parsed.data }
    : { kind: 'invalid', errors: schemaErrors(parsed.error.issues, input) };
}

type PreparedItem =
  | { readonly kind: 'item'; readonly item: unknown }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

function prepareItem(item: unknown): PreparedItem {
  const plain = withPlainOrgIds(item);
  if (!isJsonObject(plain) || typeof plain.filter !== 'string') return { kind: 'item', item: plain };
  try {
    return { kind: 'item', item: { ...plain, filter: parseJson(plain.filter) } };
  } catch {
    return { kind: 'invalid', errors: [{ field: 'filter', detail: 'is not valid JSON' }] };
  }
}

function withPlainOrgIds(input: unknown): unknown {
  if (!isJsonObject(input) || !Array.isArray(input.orgIds)) return input;
  return { ...input, orgIds: input.orgIds.map((id) => (JSON.isRawJSON(id) ? (integerText(id) ?? id.rawJSON) : id)) };
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function configErrors(config: SubscriptionConfig, rules: ItemRules): FieldError[] {
  const idFault = subscriptionIdFault(config.subscriptionId);
  const filter = config.filter === undefined ? [] : filterErrors(config.filter);
  return [
    ...(idFault === undefined ? [] : [{ field: 'subscriptionId', detail: idFault }]),
    ...urlErrors(config.url, rules.outboundPolicy),
    ...eventTypeErrors(config.eventTypes),
    ...legacyErrors(config.eventTypes, rules.keepsLegacy, rules.now, rules.timeline),
    ...orgIdErrors(config.orgIds ?? []),
    ...filter,
    ...(filter.length === 0 ? patternLengthErrors(config) : []),
    ...headerErrors(config.headers ?? {}),
    ...secretErrors(config.secrets ?? []),
  ];
}

function urlErrors(url: string, policy: OutboundPolicy): FieldError[] {
  const verdict = checkUrl(url, policy);
  return verdict.kind === 'refused' ? [{ field: 'url', detail: verdict.message }] : [];
}

/** Drift's page of 2020 spells two names wrongly; who copies them would wait for ever. */
const slips: Readonly<Record<string, string>> = {
  conversation_status_change: 'conversation_status_updated',
  converation_manual_push: 'conversation_manual_push',
};

function eventTypeErrors(types: readonly string[]): FieldError[] {
  return types.flatMap((type, index) => {
    const field = `eventTypes[${index}]`;
    const meant = slips[type];
    if (meant !== undefined) return [{ field, detail: `is a misspelling of ${meant}` }];
    if (type === testEventType) return [{ field, detail: 'is sent on request only; it needs no subscription' }];
    return types.indexOf(type) === index ? [] : [{ field, detail: `lists ${type} a second time` }];
  });
}

function orgIdErrors(orgIds: readonly string[]): FieldError[] {
  return orgIds.flatMap((id, index) => {
    const field = `orgIds[${index}]`;
    if (!isWithin64Bits(id)) return [{ field, detail: 'is no 64-bit number' }];
    return orgIds.indexOf(id) === index ? [] : [{ field, detail: `lists ${id} a second time` }];
  });
}

/** What is wrong with a filter; `field` leads to the place. Also what `POST /v1/filters/test` says. */
export function filterErrors(filter: JsonObject): FieldError[] {
  const { length } = JSON.stringify(filter);
  if (length > maxPatternLength) {
    return [{ field: 'filter', detail: `has ${length} characters; at most ${maxPatternLength} are possible` }];
  }
  const wildcard = findWildcard(filter, 'filter');
  if (wildcard !== undefined) {
    return [
      {
        field: wildcard,
        detail: 'wildcard is not offered (a bus allows few such rules); use prefix, suffix or anything-but',
      },
    ];
  }
  const parsed = parseEventPattern(filter);
  if (parsed.kind === 'pattern') return [];
  return [{ field: joinPath('filter', parsed.path), detail: parsed.reason }];
}

function joinPath(head: string, path: string): string {
  if (path === '') return head;
  return path.startsWith('[') ? `${head}${path}` : `${head}.${path}`;
}

/** The path of the first `wildcard` operator. A field of that name is none: operators stand in a field's list. */
function findWildcard(pattern: JsonObject, path: string): string | undefined {
  for (const [key, value] of Object.entries(pattern)) {
    const here = `${path}.${key}`;
    const found = isJsonObject(value)
      ? findWildcard(value, here)
      : Array.isArray(value)
        ? firstDefined(value, (element, index) => {
            if (!isJsonObject(element)) return undefined;
            const place = `${here}[${index}]`;
            return key === '$or' ? findWildcard(element, place) : wildcardOperator(element, place);
          })
        : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function wildcardOperator(operator: JsonObject, path: string): string | undefined {
  if ('wildcard' in operator) return `${path}.wildcard`;
  const negated = operator['anything-but'];
  return isJsonObject(negated) && 'wildcard' in negated ? `${path}.anything-but.wildcard` : undefined;
}

function firstDefined<Item, Found>(
  items: readonly Item[],
  find: (item: Item, index: number) => Found | undefined,
): Found | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function patternLengthErrors(config: SubscriptionConfig): FieldError[] {
  const { length } = JSON.stringify(rulePattern(config));
  if (length <= maxPatternLength) return [];
  const field = config.filter !== undefined ? 'filter' : config.orgIds !== undefined ? 'orgIds' : 'eventTypes';
  return [
    {
      field,
      detail: `eventTypes, orgIds and filter together make a rule of ${length} characters; at most ${maxPatternLength} are possible`,
    },
  ];
}

/** RFC 9110, 5.6.2. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** Visible ASCII, with spaces and tabs inside. */
const headerValue = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/;
/** Set by deliveries themselves, or about the connection and not the request. */
const reservedHeaders = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
]);

function headerErrors(headers: Readonly<Record<string, string>>): FieldError[] {
  const names = Object.keys(headers);
  const lowerCaseNames = names.map((name) => name.toLowerCase());
  const tooMany =
    names.length > maxHeaders ? [{ field: 'headers', detail: `must have at most ${maxHeaders} entries` }] : [];
  const each = names.flatMap((name, index) => {
    const field = `headers.${name}`;
    const lowerCase = name.toLowerCase();
    if (!headerName.test(name)) return [{ field, detail: 'is no legal header name' }];
    if (reservedHeaders.has(lowerCase) || lowerCase.startsWith('webhook-')) {
      return [{ field, detail: 'is set by the delivery itself' }];
    }
    if (lowerCaseNames.indexOf(lowerCase) !== index) return [{ field, detail: 'is given a second time' }];
    const value = headers[name] ?? '';
    return headerValue.test(value)
      ? []
      : [{ field, detail: 'must be visible ASCII characters, without white space around them' }];
  });
  return [...tooMany, ...each];
}

function secretErrors(secrets: readonly SigningSecret[]): FieldError[] {
  return secrets.flatMap(({ secret, expiresAt }, index) => {
    const fault = secretFault(secret);
    if (fault !== undefined) return [{ field: `secrets[${index}]`, detail: fault }];
    return expiresAt !== undefined && Number.isNaN(expiresAt)
      ? [{ field: `secrets[${index}].expiresAt`, detail: 'is no instant' }]
      : [];
  });
}
