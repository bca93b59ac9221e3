import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  findOversizeInteger,
  integerText,
  integerValue,
  type JsonValue,
  nestingDepth,
  parseJson,
} from '../../lambdas/json/json.ts';

const roundTrip = (text: string): string => JSON.stringify(parseJson(text));

describe('JSON that keeps its numbers', () => {
  it.each([
    '9007199254740993',
    '-9223372036854775808',
    '9223372036854775807',
    '1.0',
    '300.0',
    '1e3',
    '1E+2',
    '-0',
    '0.10',
    '0.30000000000000004',
    '123456789012345678901234567890',
    '12345678901234567.5',
    '1.7976931348623159e308',
    '0.0000001',
    '100',
    '0',
    '1591813767000',
  ])('sends on the number %s as it came in', (number) => {
    expect(roundTrip(`{"a":${number},"b":[${number}]}`)).toBe(`{"a":${number},"b":[${number}]}`);
  });

  it.each(['600000000.0863033', '0.000001', '0.0000001', '-0.5', '999999999999999'])('sends on %s', (n) => {
    expect(roundTrip(`[${n}]`)).toBe(`[${n}]`);
  });

  it('sends on any number as it came in', () => {
    const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max });
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits(25).map((text) => text.replace(/^0+(?=\d)/, '')),
        fc.option(digits(20), { nil: undefined }),
        fc.option(fc.integer({ min: -400, max: 400 }), { nil: undefined }),
      )
      .map(([sign, whole, fraction, exponent]) =>
        [sign, whole, fraction === undefined ? '' : `.${fraction}`, exponent === undefined ? '' : `e${exponent}`].join(
          '',
        ),
      );
    fc.assert(
      fc.property(number, (text) => {
        expect(roundTrip(`{"a":${text}}`)).toBe(`{"a":${text}}`);
      }),
      { numRuns: 5_000 },
    );
  });

  it('agrees with JSON.parse on everything else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(roundTrip(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps a key named __proto__ as data, and of a key that comes twice the last value', () => {
    expect(roundTrip('{"__proto__":{"a":9007199254740993}}')).toBe('{"__proto__":{"a":9007199254740993}}');
    expect(Object.keys(parseJson('{"__proto__":1}') ?? {})).toEqual(['__proto__']);
    expect(roundTrip('{"a":1.0,"__proto__":1,"b":[],"a":{},"__proto__":2}')).toBe('{"a":{},"__proto__":2,"b":[]}');
  });

  it.each(['', ' ', '{', '{}}', '{} x', '\ufeff{}', '{"a":1,}', '[1 2]', '{"a":01}', '{"a":tru}', '{"a":"\t"}'])(
    'does not take %j for JSON',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  it('reads a text of a megabyte in little more time than ten of a tenth', () => {
    // Of this thread alone: a machine that is busy with something else does not count.
    const secondsOf = (text: string) => {
      const before = process.threadCpuUsage();
      expect(parseJson(text)).toBeDefined();
      return process.threadCpuUsage(before).user / 1e6;
    };
    for (const part of [' ', '\\"', '9', '"a":1.0,', ',,{"[', '\\n']) {
      const body = part.repeat(1_000_000 / part.length);
      secondsOf(JSON.stringify({ body }));
      expect(secondsOf(JSON.stringify({ body }))).toBeLessThan(1);
    }
    expect(secondsOf(`{"a":${' '.repeat(1_000_000)}1}`)).toBeLessThan(1);
    expect(secondsOf(`[${'1.0,'.repeat(250_000)}1]`)).toBeLessThan(1);
  });
});

// github.com/nodejs/node/issues/63785: each pair is an object whose key ends in a backslash, and one that is read wrongly
// by JSON.parse of Node 24 after it.
describe('keys with escapes', () => {
  it.each([
    ['{"a":1,"\\\\":2}', '{"a":1,"\\n":2}'],
    ['{"b":1,"\\\\":2}', '{"b":1,"\\u0000":9007199254740993}'],
    ['{"c":1,"x\\\\":2}', '{"c":1,"x\\"y":[0.0000001]}'],
    ['{"d":{"\\\\":2}}', '{"d":{"\\t":-0},"e\\"":"\\""}'],
    ['{"f":1,"\\\\":2}', '{"f":1 ,\t"\\b":{"g":"h","__proto__":{"\\f":1e3}}}'],
  ])('are not taken for a key that was read before: %s, then %s', (before, text) => {
    const kept = parseJson(before);
    expect(roundTrip(text)).toBe(text.replaceAll(/ |\t(?=")/g, ''));
    expect(kept).toBeDefined();
  });

  it('keep the last value of those that come twice, and the place of the first', () => {
    expect(roundTrip('{"\\n":1.0,"a":2,"\\u000a":3.0}')).toBe('{"\\n":3.0,"a":2}');
  });

  it.each(['{"\\n":1', '{"\\n":1,}', '{"\\n":01}', '{"\\x":1}', '{"\\n" 1}', '["\\n":1]', '{"\\n":1}}'])(
    'do not make %s JSON',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );
});

describe('integers of 64 bits', () => {
  it.each([
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['9223372036854775808', undefined],
    ['-9223372036854775809', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['-0', '0'],
    ['"1"', undefined],
    ['null', undefined],
  ])('reads %s as %s', (text, expected) => {
    expect(integerText(parseJson(text))).toBe(expected);
  });

  it('turns digits back into the number that they spell', () => {
    expect(JSON.stringify([integerValue('9007199254740993'), integerValue('1')])).toBe('[9007199254740993,1]');
  });

  it('finds the integer that EventBridge would not carry and says where it is', () => {
    expect(findOversizeInteger(parseJson('{"a":[1,{"b":9223372036854775808}]}'))).toBe('a[1].b');
    expect(findOversizeInteger(parseJson('{"a":[1,{"b":9223372036854775807,"c":1e30}]}'))).toBeUndefined();
    expect(findOversizeInteger(parseJson('{"a":10000000000000000000}'))).toBe('a');
    expect(findOversizeInteger(parseJson('[-12345678901234570000]'))).toBe('[0]');
  });
});

describe('nesting', () => {
  it('is counted without parsing, whatever strings hold', () => {
    expect(nestingDepth('{"a":[[1]],"b":"[[[[{{\\"[["}')).toBe(3);
    expect(nestingDepth('[]')).toBe(1);
    expect(nestingDepth('1')).toBe(0);
  });

  it('agrees with the depth of the parsed value', () => {
    const depth = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(nestingDepth(JSON.stringify(value))).toBe(depth(value));
      }),
    );
  });
});

describe('canonical JSON', () => {
  it('is the same for every order of keys', () => {
    expect(canonicalJson(parseJson('{"b":[{"d":1,"c":2}],"a":9007199254740993}'))).toBe(
      '{"a":9007199254740993,"b":[{"c":2,"d":1}]}',
    );
  });

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value as JsonValue))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
