import * as z from 'zod/mini';
import { maxPatternLength, parseEventPattern, wildcardPlace } from '../../event-pattern/event-pattern.ts';
import { type FieldError, firstErrors } from '../../http/problem.ts';
import { schemaErrors } from '../../http/schema-errors.ts';
import {
  integerText,
  isJsonObject,
  isWithin64Bits,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../json/json.ts';
import { firstSpelled } from '../../json/queue-safe-json.ts';
import { testEventType } from '../events/event-types.ts';
import type { LegacyTimeline } from '../events/legacy-timeline.ts';
import { headerErrors } from './header-rules.ts';
import { instantSchema } from './iso-instant.ts';
import { legacyErrors } from './legacy-entitlement.ts';
import type { OutboundPolicy } from './outbound-address.ts';
import { checkUrl } from './outbound-url.ts';
import { rulePattern } from './rule-pattern.ts';
import { maxSecrets, readSecrets, secretFault, secretsInForce } from './signing-secret.ts';
import type { SigningSecret, SubscriptionConfig } from './subscription.ts';
import { createSchema } from './subscription-fields.ts';
import { subscriptionIdFault } from './subscription-id.ts';

/** The latest instant that a `Date` can hold, epoch milliseconds. */
const maxInstant = 8_640_000_000_000_000;

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
            z.strictObject({
              secret: z.string(),
              expiresAt: z.optional(z.union([z.int().check(z.gte(0), z.lte(maxInstant)), instantSchema])),
            }),
          ],
          'must be a secret, or {secret, expiresAt} with expiresAt in epoch milliseconds or ISO 8601',
        ),
      )
      .check(z.minLength(1), z.maxLength(maxSecrets)),
  ),
  resumedAt: z.optional(instantSchema),
  createdAt: z.optional(instantSchema),
  updatedAt: z.optional(instantSchema),
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
  if (!parsed.success) return invalid(schemaErrors(parsed.error.issues, prepared.item));

  const { record: _, orgIds, filter, secrets, status, ...rest } = parsed.data;
  const config: SubscriptionConfig = {
    ...(withoutUndefined(rest) as Pick<SubscriptionConfig, 'subscriptionId' | 'url' | 'eventTypes'>),
    status: status ?? 'active',
    ...(orgIds === undefined ? {} : { orgIds: orgIds.map((id) => String(BigInt(id))) }),
    ...(filter === undefined ? {} : { filter: filter as JsonObject }),
    ...(secrets === undefined ? {} : { secrets: readSecrets(secrets) }),
  };
  const errors = configErrors(config, rules);
  return errors.length === 0 ? { kind: 'valid', config } : invalid(errors);
}

/** Which events an item asks for. Of a rejected one: what makes sense of it. */
export type EventSelection = Partial<Pick<SubscriptionConfig, 'eventTypes' | 'orgIds' | 'filter'>>;

/** What can be read of an item, whatever else is wrong with it. Left out: what is not there, or makes no sense. */
export function readSelection({ eventTypes, orgIds, filter }: JsonObject): EventSelection {
  const { shape } = createSchema;
  const types = shape.eventTypes.safeParse(eventTypes);
  const ids = shape.orgIds.safeParse(plainNumbers(orgIds));
  const idTexts = (ids.success ? ids.data : undefined)?.map(String);
  const prepared = prepareItem({ filter });
  const pattern = prepared.kind === 'item' && isJsonObject(prepared.item) ? prepared.item.filter : undefined;
  const isPattern = isJsonObject(pattern) && filterErrors(pattern, types.success ? types.data : []).length === 0;
  return {
    ...(types.success ? { eventTypes: types.data } : {}),
    ...(idTexts?.every(isWithin64Bits) === true ? { orgIds: idTexts.map((id) => String(BigInt(id))) } : {}),
    ...(isPattern ? { filter: pattern } : {}),
  };
}

function invalid(errors: readonly FieldError[]): { readonly kind: 'invalid'; readonly errors: readonly FieldError[] } {
  return { kind: 'invalid', errors: firstErrors(errors) };
}

/** Checks a request's body against a schema, with its numbers read as `plainNumbers` says. */
export function readBody<Schema extends z.ZodMiniType>(
  schema: Schema,
  body: JsonValue,
):
  | { readonly kind: 'valid'; readonly value: z.output<Schema> }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] } {
  const input = plainNumbers(body);
  const parsed = schema.safeParse(input);
  return parsed.success ? { kind: 'valid', value: parsed.data } : invalid(schemaErrors(parsed.error.issues, input));
}

type PreparedItem =
  | { readonly kind: 'item'; readonly item: unknown }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

function prepareItem(item: unknown): PreparedItem {
  const plain = plainNumbers(item);
  if (!isJsonObject(plain) || typeof plain.filter !== 'string') return { kind: 'item', item: plain };
  try {
    return { kind: 'item', item: { ...plain, filter: parseJson(plain.filter) } };
  } catch {
    return { kind: 'invalid', errors: [{ field: 'filter', detail: 'is not valid JSON' }] };
  }
}

/** In these the way in which a number is written counts. */
const asWritten: ReadonlySet<string> = new Set(['filter', 'event']);

/** A whole number is one however it is written (`600.0`, `6e2`); one that a double cannot carry becomes its digits. */
function plainNumbers(value: unknown): unknown {
  if (JSON.isRawJSON(value)) {
    const number = Number(value.rawJSON);
    return Number.isSafeInteger(number) ? number : (integerText(value) ?? value.rawJSON);
  }
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, asWritten.has(name) ? member : plainNumbers(member)]),
  );
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function configErrors(config: SubscriptionConfig, rules: ItemRules): FieldError[] {
  const idFault = subscriptionIdFault(config.subscriptionId);
  const filter = config.filter === undefined ? [] : filterErrors(config.filter, config.eventTypes);
  return [
    ...(idFault === undefined ? [] : [{ field: 'subscriptionId', detail: idFault }]),
    ...urlErrors(config.url, rules.outboundPolicy),
    ...eventTypeErrors(config.eventTypes),
    ...legacyErrors(config.eventTypes, rules.keepsLegacy, rules.now, rules.timeline),
    ...orgIdErrors(config.orgIds ?? []),
    ...filter,
    ...(filter.length === 0 ? patternLengthErrors(config) : []),
    ...headerErrors(config.headers ?? {}),
    ...secretErrors(config.secrets, rules.now),
  ];
}

function urlErrors(url: string, policy: OutboundPolicy): FieldError[] {
  const verdict = checkUrl(url, policy);
  return verdict.kind === 'refused' ? [{ field: 'url', detail: verdict.message }] : [];
}

/** Drift's page of 2020 spells two names wrongly; who copies them would wait for ever. */
const misspellings: ReadonlyMap<string, string> = new Map([
  ['conversation_status_change', 'conversation_status_updated'],
  ['converation_manual_push', 'conversation_manual_push'],
]);

function eventTypeErrors(types: readonly string[]): FieldError[] {
  return types.flatMap((type, index) => {
    const field = `eventTypes[${index}]`;
    const meant = misspellings.get(type);
    if (meant !== undefined) return [{ field, detail: `is a misspelling of ${meant}` }];
    if (type === testEventType) return [{ field, detail: 'is sent on request only; it needs no subscription' }];
    return types.indexOf(type) === index ? [] : [{ field, detail: `lists ${type} more than once` }];
  });
}

function orgIdErrors(orgIds: readonly string[]): FieldError[] {
  return orgIds.flatMap((id, index) => {
    const field = `orgIds[${index}]`;
    if (!isWithin64Bits(id)) return [{ field, detail: 'is not a 64-bit number' }];
    return orgIds.indexOf(id) === index ? [] : [{ field, detail: `lists ${id} more than once` }];
  });
}

/** What is wrong with a filter; `field` leads to the place. Also what `POST /v1/filters/test` says, for any event types. */
export function filterErrors(filter: JsonObject, eventTypes: readonly string[] = []): FieldError[] {
  const { length } = JSON.stringify(filter);
  if (length > maxPatternLength) {
    return [{ field: 'filter', detail: `has ${length} characters; at most ${maxPatternLength} are possible` }];
  }
  const [spelled] = spelledErrors(filter, 'filter');
  if (spelled !== undefined) return [spelled];
  const parsed = parseEventPattern(filter);
  if (parsed.kind === 'invalid') return [{ field: joinPath('filter', parsed.path), detail: parsed.reason }];
  const wildcard = wildcardPlace(parsed.pattern);
  if (wildcard !== undefined) {
    return [
      {
        field: joinPath('filter', wildcard),
        detail: 'wildcard is not offered (a bus allows few such rules); use prefix, suffix or anything-but',
      },
    ];
  }
  // The rule has alternatives of its own, which count too, and below which words of the language are no fields.
  const rule = parseEventPattern(rulePattern({ subscriptionId: 'any', eventTypes: ['any', ...eventTypes], filter }));
  if (rule.kind === 'pattern') return [];
  const path = rule.path.replace(/^(?:\$or\[0\]\.)?detail\.data\.?/, '');
  return [{ field: joinPath('filter', path), detail: `${rule.reason}; every rule has a $or of its own` }];
}

/** A rule would compare them with their spelling, whose text is another: see json/queue-safe-json.ts. */
function spelledErrors(value: JsonValue, field: string): FieldError[] {
  if (typeof value === 'string') return spelledError(value, field, 'has');
  if (Array.isArray(value)) return value.flatMap((entry, index) => spelledErrors(entry, `${field}[${index}]`));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    // The key itself is not said: what shows the error need not take the character either.
    const ofKey = spelledError(key, field, 'has a key with');
    return ofKey.length > 0 ? ofKey : spelledErrors(member, `${field}.${key}`);
  });
}

function spelledError(text: string, field: string, has: string): FieldError[] {
  const character = firstSpelled(text);
  return character === undefined ? [] : [{ field, detail: `${has} ${character}, which a rule cannot compare` }];
}

function joinPath(head: string, path: string): string {
  if (path === '') return head;
  return path.startsWith('[') ? `${head}${path}` : `${head}.${path}`;
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

function secretErrors(secrets: readonly SigningSecret[] | undefined, now: number): FieldError[] {
  if (secrets === undefined) return [];
  const faults = secrets.flatMap(({ secret }, index) => {
    const detail = secretFault(secret);
    return detail === undefined ? [] : [{ field: `secrets[${index}]`, detail }];
  });
  if (faults.length > 0 || secretsInForce(secrets, now).length > 0) return faults;
  return [
    {
      field: 'secrets',
      detail: 'have all expired, so nothing could be signed; expiresAt is in epoch milliseconds, or in ISO 8601',
    },
  ];
}
