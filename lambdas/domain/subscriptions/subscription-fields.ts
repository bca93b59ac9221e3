import * as z from 'zod/mini';
import { maxPatternLength } from '../../event-pattern/event-pattern.ts';
import { isJsonObject, type JsonObject } from '../../json/json.ts';
import { idPattern } from '../events/drift-event.ts';
import { eventTypePattern, maxEventTypeLength } from '../events/event-type-name.ts';
import { headerNamePattern, maxHeaders } from './header-rules.ts';
import { maxUrlLength } from './outbound-url.ts';

interface Field {
  readonly schema: z.ZodMiniType;
  /**
   * `required`: must be given when a subscription is made. `optional`: may be left out, and null in a PATCH removes it.
   * `defaulted`: may be left out, but there is always a value, so it cannot be removed.
   */
  readonly presence: 'required' | 'optional' | 'defaulted';
}

const maxDescriptionLength = 500;
const maxEventTypes = 50;
const maxOrgIds = 50;

const noOrgId = 'must be an organisation id: a whole number, or its digits as a text';
const orgId = z.union([z.int(), z.string().check(z.regex(idPattern, noOrgId))], noOrgId);

/** An object as it is; `z.record` would lose a member `__proto__` without a word. */
const objectAsItIs = <Value>() => z.custom<Value>(isJsonObject, 'must be an object');

/**
 * The fields of a subscription that people write, said once. The schemas of the API and of the table's items, PATCH,
 * the type `SubscriptionConfig` and what the store compares follow from here; answers, command line and docs have a
 * place for each, and the compiler or test/domain/subscriptions/subscription-fields.test.ts says which one is missing.
 */
export const subscriptionFields = {
  url: {
    presence: 'required',
    schema: z
      .string()
      .check(
        z.minLength(1),
        z.maxLength(maxUrlLength),
        z.meta({ format: 'uri', pattern: '^https?://' }),
        z.describe(
          'Where events are posted to. https, without credentials or fragment, and no private or reserved address.',
        ),
      ),
  },
  eventTypes: {
    presence: 'required',
    schema: z
      .array(
        z
          .string()
          .check(
            z.regex(eventTypePattern, 'must be the name of an event type, as new_message'),
            z.maxLength(maxEventTypeLength),
          ),
      )
      .check(
        z.minLength(1),
        z.maxLength(maxEventTypes),
        z.meta({ uniqueItems: true }),
        z.describe('The events to send. A type that this system does not know yet passes through as well.'),
      ),
  },
  orgIds: {
    presence: 'optional',
    schema: z
      .array(orgId)
      .check(
        z.minLength(1),
        z.maxLength(maxOrgIds),
        z.meta({ uniqueItems: true }),
        z.describe('Only events of these organisations; left out: of all. 64-bit, so larger ones as a text of digits.'),
      ),
  },
  filter: {
    presence: 'optional',
    schema: objectAsItIs<JsonObject>().check(
      z.meta({ type: 'object', minProperties: 1 }),
      z.describe(
        `An EventBridge event pattern on the event's data, at most ${maxPatternLength} characters, without wildcard.`,
      ),
    ),
  },
  headers: {
    presence: 'optional',
    schema: objectAsItIs<Record<string, string>>().check(
      z.meta({
        type: 'object',
        additionalProperties: { type: 'string' },
        propertyNames: { pattern: headerNamePattern.source },
        maxProperties: maxHeaders,
      }),
      z.describe(
        `Sent with each delivery: at most ${maxHeaders}, none of those that deliveries set themselves. Values of credentials are shown masked; a PATCH that sends the mask back leaves the value.`,
      ),
    ),
  },
  description: { presence: 'optional', schema: z.string().check(z.maxLength(maxDescriptionLength)) },
  status: {
    presence: 'defaulted',
    schema: z
      .enum(['active', 'paused'])
      .check(z.describe("Paused: events wait in the subscriber's queue, for up to 14 days.")),
  },
  maxConcurrency: {
    presence: 'optional',
    schema: z
      .int()
      .check(
        z.gte(2),
        z.lte(1000),
        z.describe(
          'How many batches of up to ten deliveries may be under way at once; 10 when left out. Fewer fill batches, which cost less for each delivery; 1000 is no bound.',
        ),
      ),
  },
  maxBatchingWindowSeconds: {
    presence: 'optional',
    schema: z
      .int()
      .check(
        z.gte(0),
        z.lte(60),
        z.describe(
          'How long deliveries may wait for others to fill a batch, which costs less. 0: they never wait. Where events are few, Lambda may wait 20 s however short the window is.',
        ),
      ),
  },
  maxAttempts: {
    presence: 'optional',
    schema: z
      .int()
      .check(
        z.gte(1),
        z.lte(16),
        z.describe(
          'How often an event is tried at most; left out: 16 times over 75 hours. After the last it is exhausted.',
        ),
      ),
  },
} as const satisfies Record<string, Field>;

type Fields = typeof subscriptionFields;
export type FieldName = keyof Fields;
type NamesOf<Presence extends Field['presence']> = {
  [Name in FieldName]: Fields[Name]['presence'] extends Presence ? Name : never;
}[FieldName];
export type OptionalFieldName = NamesOf<'optional'>;

/** What a field is once it was read, where that is not what its schema gives. */
interface ReadAs {
  readonly eventTypes: readonly string[];
  /** Decimal digits. Absent: all organisations. */
  readonly orgIds: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}
type ValueOf<Name extends FieldName> = Name extends keyof ReadAs ? ReadAs[Name] : z.output<Fields[Name]['schema']>;

/** The fields of a subscription that was read and makes sense. */
export type ReadFields = { readonly [Name in NamesOf<'required' | 'defaulted'>]: ValueOf<Name> } & {
  readonly [Name in OptionalFieldName]?: ValueOf<Name>;
};

export const fieldNames = Object.keys(subscriptionFields) as readonly FieldName[];
export const optionalFieldNames = fieldNames.filter(
  (name): name is OptionalFieldName => subscriptionFields[name].presence === 'optional',
);

type Optional<Schema extends z.ZodMiniType> = z.ZodMiniOptional<Schema>;
type CreateShape = {
  [Name in FieldName]: Fields[Name]['presence'] extends 'required'
    ? Fields[Name]['schema']
    : Optional<Fields[Name]['schema']>;
};
type ChangeShape = {
  [Name in FieldName]: Fields[Name]['presence'] extends 'optional'
    ? Optional<z.ZodMiniNullable<Fields[Name]['schema']>>
    : Optional<Fields[Name]['schema']>;
};

function shapeOf(schemaOf: (field: Field) => z.ZodMiniType): Record<string, z.ZodMiniType> {
  return Object.fromEntries(Object.entries(subscriptionFields).map(([name, field]) => [name, schemaOf(field)]));
}

/** What `POST /v1/subscriptions` takes. */
export const createSchema = z.strictObject(
  shapeOf(({ presence, schema }) => (presence === 'required' ? schema : z.optional(schema))) as CreateShape,
);

/** What `PATCH /v1/subscriptions/{id}` takes: a field given replaces the whole field, null removes it. */
export const changeSchema = z.strictObject(
  shapeOf(({ presence, schema }) => z.optional(presence === 'optional' ? z.nullable(schema) : schema)) as ChangeShape,
);
