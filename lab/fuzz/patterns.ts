import fc from 'fast-check';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lambdas/json/json.ts';

// Few names and few values, so that patterns and events have to do with each other.
const key = fc.oneof(
  { weight: 50, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constant('\uffff') },
);
const word = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom('', 'x', 'X', 'xy', 'xyx', 'y', 'a*b', '\\', '10.0.0.1', 'ß', 'ẞ', 'é') },
  // On the bus in another spelling.
  { weight: 1, arbitrary: fc.constantFrom('\uffff', '\u241b') },
);
const number = fc.constantFrom<JsonValue>(
  ...[0, 1, 2, -1, 300, 0.5, 5e9],
  ...['300.0', '1e0', '9007199254740993', '5000000001', '-0', '1'].map((text) => JSON.rawJSON(text)),
);
const comparable = fc.constantFrom<JsonValue>(0, 1, 2, -1, 300, 0.5, 5e9, JSON.rawJSON('300.0'), JSON.rawJSON('1e0'));
const scalar = fc.oneof({ weight: 3, arbitrary: word }, number, fc.constantFrom<JsonValue>(null, true, false));
/** Mostly what belongs there, now and then anything. */
const mostly = (arbitrary: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> =>
  fc.oneof(
    { weight: 40, arbitrary },
    { weight: 1, arbitrary: scalar },
    { weight: 1, arbitrary: fc.constantFrom<JsonValue>([], {}, ['x']) },
  );

const affix = mostly(fc.oneof({ weight: 3, arbitrary: word }, fc.record({ 'equals-ignore-case': word })));
const wildcard = fc.constantFrom('*', 'x*', '*x', 'x*x', '*y*', '\\*', 'a\\*b', 'x', '', '*.0.*', '**', '\\');
const oneOrMore = (arbitrary: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> =>
  fc.oneof(arbitrary, fc.array(arbitrary, { minLength: 1, maxLength: 2 }));
const filled = word.filter((text) => text !== '');
const lower = fc.constantFrom('>', '>=');
const upper = fc.constantFrom('<', '<=');
const numeric = mostly(
  fc.oneof(
    fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>=', '!='), comparable),
    fc.tuple(lower, comparable, upper, comparable),
  ) as fc.Arbitrary<JsonValue>,
);
const operator: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ exists: mostly(fc.boolean()) }) },
  fc.record({ prefix: affix }),
  fc.record({ suffix: affix }),
  fc.record({ 'equals-ignore-case': mostly(word) }),
  fc.record({ wildcard: mostly(wildcard) }),
  fc.record({ 'anything-but': mostly(fc.oneof(oneOrMore(word), oneOrMore(comparable))) }),
  fc
    .tuple(fc.constantFrom('prefix', 'suffix', 'equals-ignore-case'), mostly(oneOrMore(filled)))
    .map(([inner, operand]) => ({ 'anything-but': { [inner]: operand } })),
  mostly(oneOrMore(wildcard)).map((operand) => ({ 'anything-but': { wildcard: operand } })),
  fc.record({ numeric }),
);
const oddOperator = fc.dictionary(fc.oneof(key, fc.constantFrom('cidr', 'prefix', '')), scalar, {
  maxKeys: 2,
}) as fc.Arbitrary<JsonValue>;
const list = fc.array(
  fc.oneof(
    { weight: 50, arbitrary: scalar },
    { weight: 50, arbitrary: operator },
    { weight: 1, arbitrary: oddOperator },
  ),
  { minLength: 1, maxLength: 3 },
);
const oddNode = fc.constantFrom<JsonValue>([], {}, 'x', 1, null);

/** Mostly valid; what is not has one fault of many kinds. */
export const pattern: fc.Arbitrary<JsonObject> = fc.letrec<{ node: JsonValue; object: JsonObject; plain: JsonObject }>(
  (tie) => ({
    node: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 30, arbitrary: list },
      { weight: 20, arbitrary: tie('object') },
      { weight: 1, arbitrary: oddNode },
    ),
    plain: fc.dictionary(key, tie('node'), {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    }) as fc.Arbitrary<JsonObject>,
    object: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 6, arbitrary: tie('plain') },
      {
        weight: 2,
        arbitrary: fc
          .tuple(
            fc.dictionary(fc.constantFrom('a', 'd'), tie('node'), { maxKeys: 1, noNullPrototype: true }),
            fc.array(tie('plain'), { minLength: 2, maxLength: 3 }),
          )
          .map(([members, or]) => ({ ...members, $or: or }) as JsonObject),
      },
    ),
  }),
).object;

const nestedEvent: fc.Arbitrary<JsonObject> = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 3, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: tie('object') },
  ),
  object: fc.dictionary(fc.oneof({ weight: 9, arbitrary: key }, fc.constant('d')), tie('value'), {
    maxKeys: 4,
  }) as fc.Arbitrary<JsonObject>,
})).object;

/** Each object of one member becomes a key with a dot, which is the same to a pattern. */
function withDots(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withDots);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]): [string, JsonValue] => {
      const inner = withDots(member);
      const [only, ...others] = isJsonObject(inner) ? Object.entries(inner) : [];
      return only === undefined || others.length > 0 ? [key, inner] : [`${key}.${only[0]}`, only[1]];
    }),
  );
}

/** Of the same names and values, with arrays within arrays. */
export const event: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 4, arbitrary: nestedEvent },
  { weight: 1, arbitrary: nestedEvent.map((value) => withDots(value) as JsonObject) },
);
