import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches, parseEventPattern } from '../../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonObject, JsonValue } from '../../../../lambdas/json/json.ts';
import { indexPatterns } from '../../../../local/aws/engine/pattern-index.ts';

function compiled(pattern: JsonValue) {
  const parsed = parseEventPattern(pattern);
  if (parsed.kind !== 'pattern') throw new Error(`${parsed.path}: ${parsed.reason}`);
  return parsed.pattern;
}

const id = JSON.rawJSON('9007199254740993');
const value = fc.constantFrom<JsonValue>('a', 'b', 1, 2, null, true, id, JSON.rawJSON('1'), 'number 9007199254740993');
const list = fc.array(
  fc.oneof(
    value,
    fc.constantFrom<JsonValue>({ exists: false }, { exists: true }, { prefix: 'a' }, { 'anything-but': 'a' }),
  ),
  { minLength: 1, maxLength: 2 },
);
const detail = <T>(inner: fc.Arbitrary<T>) =>
  fc.record(
    { orgId: inner, type: inner, data: fc.record({ x: inner }, { requiredKeys: ['x'] }) },
    { requiredKeys: [] },
  );
const branch = fc
  .record({ source: list, 'detail-type': list, detail: detail(list) }, { requiredKeys: [] })
  .filter(({ detail: inner, ...rest }) => Object.keys(rest).length > 0 || Object.keys(inner ?? {}).length > 0)
  .map(({ detail: inner, ...rest }) =>
    inner === undefined || Object.keys(inner).length === 0 ? rest : { ...rest, detail: inner },
  ) as fc.Arbitrary<JsonObject>;
const pattern = fc.oneof(
  branch,
  fc.tuple(branch, branch).map((branches): JsonObject => ({ $or: branches })),
);
const field = fc.oneof(value, fc.array(value, { maxLength: 2 }));
const name = fc.constantFrom('a', 'b', 'number 9007199254740993');
const event = fc.record({ source: name, 'detail-type': name, detail: detail(field) }) as fc.Arbitrary<JsonObject>;

describe('an index of patterns', () => {
  it('finds the very patterns that match, each once and in order', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), event, (patterns, value) => {
        const numbered = patterns.map((each, index) => [index, compiled(each)] as const);
        const expected = numbered.filter(([, each]) => matches(each, value)).map(([index]) => index);
        expect(indexPatterns(numbered).match(value)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
