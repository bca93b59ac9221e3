import fc from 'fast-check';
import { explain, matches, parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonObject, JsonValue } from '../../../lambdas/json/json.ts';
import { indexPatterns } from '../../../local/aws/engine/pattern-index.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';
import { damaged, jsonText, jsonWords } from '../json-text.ts';
import { event, pattern } from '../patterns.ts';
import { referenceMatches } from '../reference-matcher.ts';

const patternWords = [...jsonWords, '"$or"', '[{"exists":false}]', '{"prefix":', '"anything-but"', '[null]'];
const input = fc.oneof(
  { weight: 8, arbitrary: pattern as fc.Arbitrary<JsonValue> },
  {
    weight: 2,
    arbitrary: damaged(
      pattern.map((value) => JSON.stringify(value)),
      patternWords,
    ) as fc.Arbitrary<JsonValue>,
  },
  { weight: 1, arbitrary: jsonText() as fc.Arbitrary<JsonValue> },
);

export const patterns: FuzzTarget = {
  claim:
    'Any text as an event pattern is refused with the place of its fault, or matches events as a second matcher, written after event-ruler in another way, says.',
  property: () => fc.property(input, event, checkPattern) as fc.IRawProperty<unknown>,
};

export function checkPattern(given: JsonValue, value: JsonObject): void {
  const parsed = parseEventPattern(given);
  if (parsed.kind === 'invalid') {
    must(parsed.reason !== '', 'a refusal says why');
    return;
  }
  const compiled = parsed.pattern;
  const isMatch = matches(compiled, value);
  const expected = referenceMatches(compiled.pattern, value);
  must(isMatch === expected, () => `it ${isMatch ? 'matches' : 'does not match'}: ${JSON.stringify(compiled.pattern)}`);

  const reasons = explain(compiled, value);
  must((reasons.length === 0) === isMatch, 'what is explained is not what happens');
  must(
    reasons.every(({ reason }) => reason !== ''),
    'an explanation without words',
  );

  const again = parseEventPattern(JSON.stringify(compiled.pattern));
  must(again.kind === 'pattern' && matches(again.pattern, value) === isMatch, 'written down it is another pattern');
  const found = indexPatterns([[1, compiled]]).match({ source: 's', 'detail-type': 't', ...value });
  must(
    found.length === Number(matches(compiled, { source: 's', 'detail-type': 't', ...value })),
    'the index does not find it',
  );
}
