import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explain, matches, parseEventPattern, usesWildcard } from '../../lambdas/event-pattern/event-pattern.ts';
import { type JsonObject, type JsonValue, parseJson } from '../../lambdas/json/json.ts';

function compiled(pattern: JsonValue) {
  const parsed = parseEventPattern(pattern);
  if (parsed.kind !== 'pattern') throw new Error(`${parsed.path}: ${parsed.reason}`);
  return parsed.pattern;
}

/** Whether a value, as the event has it in the field `x`, is matched by a list. Both are JSON text. */
function fits(list: string, value: string): boolean {
  return matches(compiled(`{"x": ${list}}`), parseJson(`{"x": ${value}}`));
}

function faultOf(pattern: string): { path: string; reason: string } | undefined {
  const parsed = parseEventPattern(pattern);
  return parsed.kind === 'invalid' ? { path: parsed.path, reason: parsed.reason } : undefined;
}

describe('values of a pattern', () => {
  it.each([
    ['["a"]', '"a"', true],
    ['["a", "b"]', '"b"', true],
    ['["a"]', '"A"', false],
    ['["300"]', '300', false],
    ['[300]', '"300"', false],
    ['[true]', 'true', true],
    ['[true]', '"true"', false],
    ['[null]', 'null', true],
    ['[null]', '""', false],
    ['[""]', '""', true],
    ['["a"]', '{"a": 1}', false],
    ['["10.0.0.1"]', '"10.0.0.1"', true],
    ['["10.0.0.1"]', '"10.0.0.2"', false],
    ['["::1"]', '"0:0:0:0:0:0:0:1"', true],
    ['["2001:DB8::1", "b"]', '"2001:db8:0::1"', true],
    ['["2001:db8::1"]', '"2001:db8::2"', false],
    ['["12:30"]', '"12:30"', true],
    ['["a"]', '["b", "a"]', true],
    ['["a"]', '[["a"]]', true],
    ['["a"]', '[]', false],
  ])('%s against %s: %s', (list, value, expected) => {
    expect(fits(list, value)).toBe(expected);
  });

  it.each([
    ['[300]', '300', true],
    ['[300]', '300.0', false],
    ['[3.0e2]', '300', false],
    ['[3.0e2]', '3.0e2', true],
    ['[0.0000001]', '1e-7', false],
    ['[9007199254740993]', '9007199254740993', true],
    ['[9007199254740993]', '9007199254740992', false],
    ['[9007199254740992]', '9007199254740993', false],
    ['[9007199254740992]', '9007199254740992', true],
    ['[-9223372036854775808]', '-9223372036854775808', true],
  ])('compares plain numbers as they are written: %s against %s is %s', (list, value, expected) => {
    expect(fits(list, value)).toBe(expected);
  });

  it('takes a raw number for the plain one that is written the same', () => {
    const pattern = compiled({ x: [JSON.rawJSON('42')] });
    expect(matches(pattern, { x: 42 })).toBe(true);
    expect(matches(compiled({ x: [42] }), { x: JSON.rawJSON('42') })).toBe(true);
  });
});

describe('comparisons', () => {
  it.each([
    ['[{"prefix": "con"}]', '"contact"', true],
    ['[{"prefix": "con"}]', '"Contact"', false],
    ['[{"prefix": ""}]', '"anything"', true],
    ['[{"prefix": "4"}]', '42', false],
    ['[{"prefix": {"equals-ignore-case": "CON"}}]', '"contact"', true],
    ['[{"prefix": {"equals-ignore-case": "CON"}}]', '"ace"', false],
    ['[{"suffix": ".png"}]', '"a.png"', true],
    ['[{"suffix": ".png"}]', '"a.PNG"', false],
    ['[{"suffix": {"equals-ignore-case": ".png"}}]', '"a.PNG"', true],
    ['[{"suffix": {"equals-ignore-case": ".png"}}]', '"a.gif"', false],
    ['[{"equals-ignore-case": "Alice"}]', '"aLICE"', true],
    ['[{"equals-ignore-case": "Alice"}]', '"alices"', false],
    ['[{"exists": true}]', 'null', true],
    ['[{"exists": true}]', '[]', false],
    ['[{"exists": false}]', '1', false],
    ['[{"exists": false}]', '[]', true],
    ['["a", {"prefix": "b"}, {"numeric": [">", 4]}]', '5', true],
  ])('%s against %s: %s', (list, value, expected) => {
    expect(fits(list, value)).toBe(expected);
  });

  it.each([
    ['{"anything-but": "a"}', '"b"', true],
    ['{"anything-but": "a"}', '"a"', false],
    ['{"anything-but": "a"}', 'null', true],
    ['{"anything-but": "a"}', '5', true],
    ['{"anything-but": "a"}', '["a"]', false],
    ['{"anything-but": "a"}', '["a", "b"]', true],
    ['{"anything-but": "a"}', '[]', false],
    ['{"anything-but": ["a", "b"]}', '"b"', false],
    ['{"anything-but": ["a", "b"]}', '"c"', true],
    ['{"anything-but": 5}', '5', false],
    ['{"anything-but": 5}', '5.0', false],
    ['{"anything-but": 5}', '"5"', true],
    ['{"anything-but": 5}', '9007199254740993', true],
    ['{"anything-but": [5, 6]}', '6', false],
    ['{"anything-but": {"prefix": "us-"}}', '"us-east-1"', false],
    ['{"anything-but": {"prefix": "us-"}}', '"eu-west-1"', true],
    ['{"anything-but": {"prefix": ["us-", "eu-"]}}', '"eu-west-1"', false],
    ['{"anything-but": {"prefix": "5"}}', '5', true],
    ['{"anything-but": {"suffix": ".png"}}', '"a.png"', false],
    ['{"anything-but": {"suffix": [".png", ".gif"]}}', '"a.jpg"', true],
    ['{"anything-but": {"equals-ignore-case": "open"}}', '"OPEN"', false],
    ['{"anything-but": {"equals-ignore-case": ["open", "pending"]}}', '"Pending"', false],
    ['{"anything-but": {"equals-ignore-case": ["open", "pending"]}}', '"closed"', true],
    ['{"anything-but": {"wildcard": "*/lib/*"}}', '"/usr/lib/x"', false],
    ['{"anything-but": {"wildcard": ["*/lib/*", "*.so"]}}', '"/usr/x.so"', false],
    ['{"anything-but": {"wildcard": ["*/lib/*", "*.so"]}}', '"/usr/x"', true],
  ])('%s against %s: %s', (comparison, value, expected) => {
    expect(fits(`[${comparison}]`, value)).toBe(expected);
  });

  it('does not take a missing field for anything but a value', () => {
    expect(matches(compiled('{"x": [{"anything-but": "a"}]}'), { y: 1 })).toBe(false);
    expect(matches(compiled('{"x": [{"anything-but": "a"}]}'), { x: { y: 1 } })).toBe(false);
  });

  it.each([
    ['[">", 0, "<=", 5]', '5', true],
    ['[">", 0, "<=", 5]', '0', false],
    ['[">", 0, "<=", 5]', '0.1', true],
    ['[">=", 0, "<", 5]', '5', false],
    ['["<", 10]', '-3', true],
    ['["<=", 10]', '10.0', true],
    ['["=", 301.8]', '3.018e2', true],
    ['["=", 5]', '"5"', false],
    ['[">", 0]', 'true', false],
    ['[">", 0]', '5000000000', true],
    ['[">", 0]', '5000000001', false],
    ['[">", 0]', '9007199254740993', false],
  ])('numeric %s against %s: %s', (operand, value, expected) => {
    expect(fits(`[{"numeric": ${operand}}]`, value)).toBe(expected);
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/12', '10.15.255.255', true],
    ['10.0.0.0/12', '10.16.0.0', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['10.0.0.0/8', '10.0.0.256', false],
    ['10.0.0.0/8', 'not an address', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', false],
    ['2001:db8::/32', '2001:db8:1::5', true],
    ['2001:db8::/32', '2001:db9::5', false],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::/0', '10.0.0.1', false],
  ])('cidr %s against %s: %s', (range, address, expected) => {
    expect(fits(`[{"cidr": "${range}"}]`, JSON.stringify(address))).toBe(expected);
  });

  it.each([
    ['*', '', true],
    ['a*', 'abc', true],
    ['*c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*a', 'a', false],
    ['*b*', 'abc', true],
    ['*b*b*', 'abc', false],
    ['a*b*c', 'a-b-b-c', true],
    ['*ab*ab', 'abxab', true],
    ['*ab*ab', 'xab', false],
    ['a\\*c', 'a*c', true],
    ['a\\*c', 'abc', false],
    ['a\\\\c', 'a\\c', true],
    ['abc', 'abc', true],
    ['a.c', 'abc', false],
  ])('wildcard %s against %s: %s', (wildcard, value, expected) => {
    expect(fits(`[{"wildcard": ${JSON.stringify(wildcard)}}]`, JSON.stringify(value))).toBe(expected);
  });

  it('says whether a pattern uses wildcard, and is not misled by a field of that name', () => {
    expect(usesWildcard(compiled('{"a": {"b": [{"wildcard": "*x"}]}}'))).toBe(true);
    expect(usesWildcard(compiled('{"a": [{"anything-but": {"wildcard": "*x"}}]}'))).toBe(true);
    expect(usesWildcard(compiled('{"wildcard": ["x"]}'))).toBe(false);
  });
});

describe('fields of a pattern', () => {
  it('must all match, wherever in the event they are', () => {
    const pattern = compiled('{"detail-type": ["new_message"], "detail": {"data": {"author": {"type": ["contact"]}}}}');
    const event = (type: string, author: JsonValue): JsonObject => ({
      'detail-type': type,
      detail: { data: { author, body: 'Hi' } },
    });
    expect(matches(pattern, event('new_message', { type: 'contact', bot: false }))).toBe(true);
    expect(matches(pattern, event('new_message', { type: 'user' }))).toBe(false);
    expect(matches(pattern, event('new_conversation', { type: 'contact' }))).toBe(false);
    expect(matches(pattern, event('new_message', 'contact'))).toBe(false);
  });

  it('are looked for among the event’s own keys only', () => {
    expect(matches(compiled('{"constructor": [{"exists": true}]}'), {})).toBe(false);
    expect(matches(compiled('{"constructor": {"name": [{"exists": true}]}}'), {})).toBe(false);
    expect(matches(compiled('{"__proto__": ["x"]}'), parseJson('{"__proto__": "x"}'))).toBe(true);
    expect(matches(compiled('{"x": {"rawJSON": [{"exists": true}]}}'), parseJson('{"x": 9007199254740993}'))).toBe(
      false,
    );
  });

  it('take an object for absent: exists works on leaves', () => {
    const pattern = compiled('{"detail": {"count": [{"exists": false}]}}');
    expect(matches(pattern, { detail: { count: { c1: 100 } } })).toBe(true);
    expect(matches(pattern, { detail: {} })).toBe(true);
    expect(matches(pattern, {})).toBe(true);
    expect(matches(pattern, { detail: { count: null } })).toBe(false);
  });

  it('must be found within one element of an array', () => {
    const pattern = compiled('{"items": {"name": ["a"], "count": [1]}}');
    expect(matches(pattern, { items: [{ name: 'a', count: 1 }] })).toBe(true);
    expect(
      matches(pattern, {
        items: [
          { name: 'a', count: 2 },
          { name: 'b', count: 1 },
        ],
      }),
    ).toBe(false);
    expect(matches(pattern, { items: [[{ name: 'a' }, { name: 'a', count: 1 }]] })).toBe(true);
  });

  it('are absent from an array where no element has them, until another field has chosen the element', () => {
    const first = compiled('{"items": {"a": [{"exists": false}, 1], "b": [2]}}');
    expect(matches(first, { items: [{ a: 1, b: 3 }, { b: 2 }] })).toBe(false);
    expect(matches(first, { items: [{ b: 3 }, { b: 2 }] })).toBe(true);
    const last = compiled('{"items": {"a": [1], "b": [{"exists": false}]}}');
    expect(matches(last, { items: [{ a: 2, b: 3 }, { a: 1 }] })).toBe(true);
  });

  it('may be found in different elements of different arrays', () => {
    const pattern = compiled('{"a": {"x": [1]}, "b": {"x": [2]}}');
    expect(matches(pattern, { a: [{ x: 0 }, { x: 1 }], b: [{ x: 2 }, { x: 3 }] })).toBe(true);
  });
});

describe('$or', () => {
  it('matches where any alternative does, together with what stands beside it', () => {
    const pattern = compiled('{"source": ["s"], "$or": [{"a": [1]}, {"b": [2], "c": [3]}]}');
    expect(matches(pattern, { source: 's', a: 1 })).toBe(true);
    expect(matches(pattern, { source: 's', b: 2, c: 3 })).toBe(true);
    expect(matches(pattern, { source: 's', b: 2 })).toBe(false);
    expect(matches(pattern, { source: 't', a: 1 })).toBe(false);
  });

  it('nests, and works at every level', () => {
    const pattern = compiled(
      '{"d": {"$or": [{"a": [1]}, {"b": [2], "$or": [{"c": [3]}, {"e": {"$or": [{"f": [4]}, {"g": [5]}]}}]}]}}',
    );
    expect(matches(pattern, { d: { a: 1 } })).toBe(true);
    expect(matches(pattern, { d: { b: 2, e: { g: 5 } } })).toBe(true);
    expect(matches(pattern, { d: { b: 2, e: { g: 6 } } })).toBe(false);
    expect(matches(pattern, { d: { e: { g: 5 } } })).toBe(false);
  });

  it('routes as the rule of a subscriber needs it', () => {
    const pattern = compiled(
      JSON.stringify({
        $or: [
          { source: ['drift'], 'detail-type': ['new_message'], detail: { orgId: [1], data: { type: ['chat'] } } },
          { source: ['webhook-fanout'], 'detail-type': ['webhook_delivery_exhausted'] },
          {
            source: ['webhook-fanout'],
            'detail-type': ['webhook_test'],
            detail: { data: { subscriptionId: ['sub_1'] } },
          },
        ],
      }),
    );
    const event = (source: string, type: string, detail: JsonObject): JsonObject => ({
      source,
      'detail-type': type,
      detail,
    });
    expect(matches(pattern, event('drift', 'new_message', { orgId: 1, data: { type: 'chat' } }))).toBe(true);
    expect(matches(pattern, event('drift', 'new_message', { orgId: 2, data: { type: 'chat' } }))).toBe(false);
    expect(matches(pattern, event('webhook-fanout', 'webhook_test', { data: { subscriptionId: 'sub_1' } }))).toBe(true);
    expect(matches(pattern, event('webhook-fanout', 'webhook_test', { data: { subscriptionId: 'sub_2' } }))).toBe(
      false,
    );
  });

  it('is refused beyond 1,000 combinations', () => {
    const alternatives = (field: string, count: number) =>
      JSON.stringify(Array.from({ length: count }, (_, index) => ({ [field]: [index] })));
    const pattern = (last: number) =>
      `{"a": {"$or": ${alternatives('x', 10)}}, "b": {"$or": ${alternatives('x', 10)}}, "c": {"$or": ${alternatives('x', last)}}}`;
    expect(compiled(pattern(10)).branches).toHaveLength(1000);
    expect(faultOf(pattern(11))).toMatchObject({ path: 'c.$or', reason: expect.stringContaining('1000 combinations') });
  });
});

describe('a faulty pattern', () => {
  it.each([
    ['nonsense', ''],
    ['"text"', ''],
    ['[]', ''],
    ['{}', ''],
    ['{"detail": {}}', 'detail'],
    ['{"source": "drift"}', 'source'],
    ['{"source": null}', 'source'],
    ['{"source": []}', 'source'],
    ['{"source": [["drift"]]}', 'source[0]'],
    ['{"source": [{}]}', 'source[0]'],
    ['{"source": ["a", {"prefix": "a", "suffix": "b"}]}', 'source[1]'],
    ['{"source": [{"contains": "a"}]}', 'source[0]'],
    ['{"source": [{"prefix": 1}]}', 'source[0].prefix'],
    ['{"source": [{"suffix": {"equals-ignore-case": 1}}]}', 'source[0].suffix.equals-ignore-case'],
    ['{"source": [{"prefix": {"wildcard": "a"}}]}', 'source[0].prefix'],
    ['{"x": [{"exists": "yes"}]}', 'x[0].exists'],
    ['{"detail": {"data": {"x": [{"numeric": []}]}}}', 'detail.data.x[0].numeric'],
    ['{"x": [{"numeric": ["!", 1]}]}', 'x[0].numeric[0]'],
    ['{"x": [{"numeric": [">"]}]}', 'x[0].numeric[1]'],
    ['{"x": [{"numeric": [">", "1"]}]}', 'x[0].numeric[1]'],
    ['{"x": [{"numeric": [">", 1, "<"]}]}', 'x[0].numeric[3]'],
    ['{"x": [{"numeric": [">", 1, ">", 2]}]}', 'x[0].numeric[2]'],
    ['{"x": [{"numeric": ["<", 1, ">", 0]}]}', 'x[0].numeric'],
    ['{"x": [{"numeric": [">", 5, "<", 5]}]}', 'x[0].numeric'],
    ['{"x": [{"numeric": [">", 1, "<", 5, "<", 6]}]}', 'x[0].numeric'],
    ['{"x": [{"numeric": [">", 5000000001]}]}', 'x[0].numeric[1]'],
    ['{"x": [{"anything-but": []}]}', 'x[0].anything-but'],
    ['{"x": [{"anything-but": null}]}', 'x[0].anything-but'],
    ['{"x": [{"anything-but": ["a", 1]}]}', 'x[0].anything-but'],
    ['{"x": [{"anything-but": [1, true]}]}', 'x[0].anything-but[1]'],
    ['{"x": [{"anything-but": 9007199254740993}]}', 'x[0].anything-but'],
    ['{"x": [{"anything-but": {"prefix": ""}}]}', 'x[0].anything-but.prefix'],
    ['{"x": [{"anything-but": {"numeric": [">", 1]}}]}', 'x[0].anything-but'],
    ['{"x": [{"anything-but": {"wildcard": ["a", "**"]}}]}', 'x[0].anything-but.wildcard[1]'],
    ['{"x": [{"wildcard": "a**"}]}', 'x[0].wildcard'],
    ['{"x": [{"wildcard": "a\\\\"}]}', 'x[0].wildcard'],
    ['{"x": [{"cidr": "10.0.0.0"}]}', 'x[0].cidr'],
    ['{"x": [{"cidr": "10.0.0.0/32"}]}', 'x[0].cidr'],
    ['{"x": [{"cidr": "300.0.0.0/8"}]}', 'x[0].cidr'],
    ['{"x": [{"cidr": "::/128"}]}', 'x[0].cidr'],
    ['{"$or": {"a": [1]}}', '$or'],
    ['{"$or": [{"a": [1]}]}', '$or'],
    ['{"$or": [{"a": [1]}, 2]}', '$or[1]'],
    ['{"d": {"$or": [{"a": [1]}, {}]}}', 'd.$or[1]'],
    ['{"$or": [{"prefix": ["a"]}, {"b": [1]}]}', '$or[0].prefix'],
    ['{"a": [1], "$or": [{"a": [2]}, {"b": [1]}]}', '$or[0].a'],
    ['{"a": {"b": [1]}, "$or": [{"a": [2]}, {"c": [1]}]}', 'a'],
    ['{"d": {"a": [1]}, "$or": [{"d": {"a-b": [2], "a": {"b": [{"exists": false}]}}}, {"c": [1]}]}', 'd.a'],
  ])('is refused, with its place: %s', (pattern, path) => {
    expect(faultOf(pattern)).toMatchObject({ path, reason: expect.stringMatching(/\S/) });
  });

  it('may be nested as deep as can be: it is refused, not fatal', () => {
    expect(faultOf(`${'{"a":'.repeat(100_000)}[1]${'}'.repeat(100_000)}`)?.reason).toContain('nested');
    let value: JsonValue = [1];
    for (let depth = 0; depth < 20_000; depth++) value = { a: value };
    expect(parseEventPattern(value)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('nested') });
  });
});

describe('why an event does not match', () => {
  it('is told by field', () => {
    const pattern = compiled(
      '{"detail": {"type": ["chat"], "author": {"type": ["contact"]}, "id": [{"exists": true}]}}',
    );
    expect(explain(pattern, { detail: { type: 'edit', author: { type: 'contact' } } })).toEqual([
      { path: 'detail.id', reason: 'is missing; wanted: [{"exists":true}]', wanted: '[{"exists":true}]' },
      { path: 'detail.type', reason: 'is "edit"; wanted: ["chat"]', wanted: '["chat"]', found: '"edit"' },
    ]);
  });

  it('is nothing where it matches', () => {
    expect(explain(compiled('{"x": [1]}'), { x: 1 })).toEqual([]);
  });

  it('is told for every alternative of $or', () => {
    expect(explain(compiled('{"$or": [{"a": [1]}, {"b": [2]}]}'), { a: 2 })).toEqual([
      { path: 'a', reason: 'is 2; wanted: [1]', wanted: '[1]', found: '2', alternative: '$or[0]' },
      { path: 'b', reason: 'is missing; wanted: [2]', wanted: '[2]', alternative: '$or[1]' },
    ]);
  });

  it('is told where no single element of an array has it all', () => {
    const pattern = compiled('{"items": {"a": [1], "b": [2]}}');
    expect(explain(pattern, { items: [{ a: 1 }, { b: 2 }] })).toEqual([
      { path: 'items', reason: 'no single element of the array matches in all of items.a, items.b' },
    ]);
  });

  it('shows a 64-bit id with all its digits', () => {
    const [mismatch] = explain(compiled('{"id": [9007199254740993]}'), parseJson('{"id": 9007199254740995}'));
    expect(mismatch?.reason).toBe('is 9007199254740995; wanted: [9007199254740993]');
  });
});

describe('whatever the JSON', () => {
  const keys = fc.constantFrom('a', 'a-b', 'b', 'c', '$or', '__proto__');
  const anyJson = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<JsonValue>(null, true, 0, 1, -5, 'x', '', 'a*', '10.0.0.0/8', '>', JSON.rawJSON('1e999')),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(keys, fc.constantFrom('prefix', 'anything-but', 'numeric', 'wildcard', 'cidr', 'exists')),
        tie('value'),
        { maxKeys: 4 },
      ) as fc.Arbitrary<JsonValue>,
    ),
  })).value;

  it('parsing, matching and explaining never throw, and a mismatch always has a reason', () => {
    fc.assert(
      fc.property(anyJson, anyJson, (pattern, event) => {
        const parsed = parseEventPattern(pattern);
        if (parsed.kind === 'invalid') return parsed.reason !== '';
        return matches(parsed.pattern, event) === (explain(parsed.pattern, event).length === 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('an event nested deeper than the stack is matched', () => {
    const text = (depth: number) => `{"x": ${'['.repeat(depth)}"a"${']'.repeat(depth)}}`;
    expect(matches(compiled('{"x": ["a"]}'), JSON.parse(text(200_000)))).toBe(true);
    expect(matches(compiled('{"x": {"y": ["a"]}}'), JSON.parse(text(200_000)))).toBe(false);
  });

  it('a match agrees with event-ruler’s own account of it: fields, sorted, from consistent array elements', () => {
    const leaf = fc.subarray<JsonValue>([1, 2, { exists: false }, { 'anything-but': 1 }], {
      minLength: 1,
      maxLength: 2,
    });
    const key = fc.constantFrom('b', 'b-c', 'd');
    const fields = (inner: fc.Arbitrary<JsonValue>) =>
      fc.dictionary(key, inner, { minKeys: 1, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
    const root = (inner: fc.Arbitrary<JsonValue>) => inner.map((a): JsonObject => ({ a }));
    const pattern = fields(fc.oneof(leaf, fields(leaf)));
    const value = fc.constantFrom(1, 2, 3);
    const listOf = (inner: fc.Arbitrary<JsonValue>) => fc.array(inner, { minLength: 1, maxLength: 3 });
    const inner = fc.oneof(value, fields(value), listOf(fc.oneof(value, fields(value))));
    const event = fc.oneof(fields(inner), listOf(fields(inner)), listOf(fc.oneof(inner, listOf(fields(inner)))));
    fc.assert(
      fc.property(root(pattern), root(event), (patternValue, eventValue) => {
        const parsed = parseEventPattern(patternValue);
        if (parsed.kind !== 'pattern') return;
        expect(matches(parsed.pattern, eventValue)).toBe(matchesByFields(patternValue, eventValue));
      }),
      { numRuns: 3000 },
    );
  });
});

/** event-ruler's algorithm, plain and slow: a field has a name, a value, and its element in each array around it. */
function matchesByFields(pattern: JsonObject, event: JsonObject): boolean {
  interface Field {
    readonly name: string;
    readonly value: JsonValue;
    readonly elements: ReadonlyMap<JsonValue[], number>;
  }
  const fields: Field[] = [];
  const addFields = (value: JsonValue, name: string, elements: ReadonlyMap<JsonValue[], number>): void => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        const isInner = typeof item === 'object' && item !== null;
        addFields(item, name, isInner ? new Map([...elements, [value, index]]) : elements);
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        addFields(item as JsonValue, name === '' ? key : `${name}.${key}`, elements);
      }
    } else fields.push({ name, value, elements });
  };
  addFields(event, '', new Map());

  const lists: [string, JsonValue[]][] = [];
  const addLists = (value: JsonObject, name: string): void => {
    for (const [key, item] of Object.entries(value)) {
      const path = name === '' ? key : `${name}.${key}`;
      if (Array.isArray(item)) lists.push([path, item]);
      else addLists(item as JsonObject, path);
    }
  };
  addLists(pattern, '');
  lists.sort(([one], [other]) => (one < other ? -1 : 1));

  const agree = (one: Field['elements'], other: Field['elements']): boolean =>
    [...one].every(([array, index]) => !other.has(array) || other.get(array) === index);
  const step = (index: number, chosen: Field['elements']): boolean => {
    const list = lists[index];
    if (list === undefined) return true;
    const candidates = fields.filter(({ name, elements }) => name === list[0] && agree(elements, chosen));
    if (candidates.length === 0 && list[1].some((entry) => typeof entry === 'object' && 'exists' in (entry ?? {}))) {
      return step(index + 1, chosen);
    }
    return candidates.some(
      ({ value, elements }) =>
        list[1].some(
          (entry) => entry === value || (typeof entry === 'object' && 'anything-but' in (entry ?? {}) && value !== 1),
        ) && step(index + 1, new Map([...chosen, ...elements])),
    );
  };
  return step(0, new Map());
}

describe('at the edges, as event-ruler has it', () => {
  it.each([
    '0.12345678901234567890',
    '1e-400',
    '1e400',
    '9007199254740993',
    '0.1000000000000000055511151231257827',
    '123456789.123456789012',
  ])('%s is compared with nothing: a double does not print it back', (number) => {
    expect(faultOf(`{"x": [{"numeric": ["=", ${number}]}]}`)?.path).toBe('x[0].numeric[1]');
    expect(faultOf(`{"x": [{"anything-but": ${number}}]}`)?.path).toBe('x[0].anything-but');
    expect(fits('[{"numeric": [">", -5000000000]}]', number)).toBe(false);
    expect(fits('[{"anything-but": 0}]', number)).toBe(true);
  });

  it.each([
    ['1.50', '15e-1'],
    ['-0', '0'],
    ['0.0', '0'],
    ['3.0e2', '300'],
    ['0.1', '1E-1'],
    ['5000000000', '5e9'],
    ['5e-324', '4.9406564584124654e-324'],
  ])('%s is compared, also with %s', (one, other) => {
    expect(faultOf(`{"x": [{"numeric": ["=", ${one}]}]}`)).toBeUndefined();
    expect(fits(`[{"numeric": ["=", ${one}]}]`, one)).toBe(true);
    if (one !== '5e-324') expect(fits(`[{"numeric": ["=", ${one}]}]`, other)).toBe(true);
  });

  it('5e9 is the last number that is compared', () => {
    expect(faultOf('{"x": [{"numeric": ["<=", 5e9]}]}')).toBeUndefined();
    expect(faultOf('{"x": [{"numeric": ["<=", 5000000001]}]}')?.path).toBe('x[0].numeric[1]');
    expect(faultOf('{"x": [{"anything-but": [5000000001]}]}')?.path).toBe('x[0].anything-but[0]');
    expect(fits('[{"numeric": [">", 0]}]', '5000000001')).toBe(false);
  });

  it.each([
    ['ß', 'ß', true],
    ['ß', 'SS', true],
    ['ß', 'ss', false],
    ['SS', 'ß', false],
    ['SS', 'sS', true],
    ['k', '\u212a', false],
    ['a.b', 'AxB', false],
    ['(a', '(A', true],
  ])('equals-ignore-case %s against %s: %s', (pattern, value, expected) => {
    expect(fits(`[{"equals-ignore-case": "${pattern}"}]`, `"${value}"`)).toBe(expected);
    expect(fits(`[{"prefix": {"equals-ignore-case": "${pattern}"}}]`, `"${value} and more"`)).toBe(expected);
    expect(fits(`[{"suffix": {"equals-ignore-case": "${pattern}"}}]`, `"before ${value}"`)).toBe(expected);
    expect(fits(`[{"anything-but": {"equals-ignore-case": "${pattern}"}}]`, `"${value}"`)).toBe(!expected);
  });

  it('a key with a dot is refused: event-ruler takes it for a level', () => {
    expect(faultOf('{"detail": {"a.b": ["x"]}}')?.path).toBe('detail.a.b');
  });

  it.each([
    ['{"a.b": "x"}', true],
    ['{"a.b": "y"}', false],
    ['{"a": {"c": 1}, "a.b": "x"}', true],
    ['{"a": {"b": "y"}, "a.b": "x"}', true],
    ['{"a": "y", "a.b": "x"}', true],
    ['{"list": [{"a.b": "x"}]}', false],
  ])(
    'a dot in a key of an event is a level, as for event-ruler: {"a": {"b": ["x"]}} against %s: %s',
    (text, expected) => {
      const event = parseJson(text) as JsonObject;
      const pattern = compiled('{"a": {"b": ["x"]}}');
      expect(matches(pattern, event)).toBe(expected);
      expect(explain(pattern, event).length === 0).toBe(expected);
      expect(matches(compiled('{"a": {"b": [{"exists": false}]}}'), event)).toBe('list' in event);
    },
  );

  it('a dot in a key within an array is a level within its element', () => {
    const pattern = compiled('{"l": {"a": {"b": ["x"], "c": ["y"]}}}');
    expect(matches(pattern, parseJson('{"l": [{"a.b": "x", "a.c": "y"}]}'))).toBe(true);
    expect(matches(pattern, parseJson('{"l.a.b": "x", "l": {"a.c": "y"}}'))).toBe(true);
    expect(matches(pattern, parseJson('{"l": [{"a.b": "x"}, {"a.c": "y"}]}'))).toBe(false);
    expect(
      matches(compiled('{"l": {"a": {"b": ["x"], "c": [{"exists": false}]}}}'), parseJson('{"l": [{"a.b": "x"}]}')),
    ).toBe(true);
  });

  it('an event has its keys once: of one that was posted twice the last value counts', () => {
    expect(fits('["b"]', '"a", "x": "b"')).toBe(true);
    expect(fits('["a"]', '"a", "x": "b"')).toBe(false);
  });
});
