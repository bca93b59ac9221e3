import ipaddr from 'ipaddr.js';
import { isJsonObject, type JsonObject, type JsonValue, type RawNumber } from '../json/json.ts';

/** A value that an event's field can have where a pattern has its list: no array, no object. */
export type Scalar = null | boolean | number | string | RawNumber;

/** One entry of a pattern's list. */
export type ValueTest =
  | { readonly kind: 'exact'; readonly value: Scalar }
  | { readonly kind: 'exists' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'operator'; readonly test: (value: Scalar) => boolean };

export type ParsedValueTest =
  | { readonly kind: 'test'; readonly test: ValueTest }
  | { readonly kind: 'invalid'; readonly path: string; readonly reason: string };

/**
 * EventBridge compares numbers between -5.0e9 and 5.0e9, with 15 digits of precision
 * (docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html). Ids and epoch milliseconds can
 * lie beyond: as plain values they match as they are written. (The newest event-ruler compares every double; what is
 * documented is what can be relied on.)
 */
const largestComparableNumber = 5e9;

/** Reads one entry of a pattern's list. `path` is its place, for what is answered about a fault. */
export function parseValueTest(entry: JsonValue, path: string): ParsedValueTest {
  // An address is one however it is spelled (event-ruler, CIDR.ipToRangeIfPossible).
  const address = typeof entry === 'string' ? parseAddress(entry) : undefined;
  if (address !== undefined) return onStrings((value) => isWithin(value, address, address.length * 8));
  if (isScalar(entry)) return { kind: 'test', test: { kind: 'exact', value: plainest(entry) } };
  if (Array.isArray(entry)) return invalid(path, 'a list holds values and comparisons, not another list');
  const [[operator, operand] = ['', null], ...others] = Object.entries(entry as JsonObject);
  if (others.length > 0 || operator === '') {
    return invalid(path, 'a comparison is an object with exactly one key, such as {"prefix": "a"}');
  }
  return parseOperator(operator, operand, `${path}.${operator}`, path);
}

export function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== 'object' || value === null || JSON.isRawJSON(value);
}

/** A raw number that JavaScript would print just as it is written becomes a plain one, so that equals are the same. */
export function plainest(value: Scalar): Scalar {
  if (typeof value !== 'object' || value === null) return value;
  const number = Number(value.rawJSON);
  return String(number) === value.rawJSON ? number : value;
}

function parseOperator(operator: string, operand: JsonValue, path: string, entryPath: string): ParsedValueTest {
  switch (operator) {
    case 'prefix':
    case 'suffix':
      return parseAffix(operator, operand, path);
    case 'equals-ignore-case':
    case 'wildcard': {
      const test = parseStringTest(operator, operand, path);
      return typeof test === 'function' ? onStrings(test) : test;
    }
    case 'anything-but':
      return parseAnythingBut(operand, path);
    case 'numeric':
      return parseNumeric(operand, path);
    case 'cidr':
      return parseCidr(operand, path);
    case 'exists':
      if (typeof operand !== 'boolean') return invalid(path, 'must be true or false');
      return { kind: 'test', test: { kind: operand ? 'exists' : 'absent' } };
    default:
      return invalid(
        entryPath,
        `unknown comparison ${JSON.stringify(operator)}; known are prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr, exists`,
      );
  }
}

type Invalid = Extract<ParsedValueTest, { kind: 'invalid' }>;
type StringTest = (value: string) => boolean;
type StringOperator = 'prefix' | 'suffix' | 'equals-ignore-case' | 'wildcard';

function parseAffix(operator: 'prefix' | 'suffix', operand: JsonValue, path: string): ParsedValueTest {
  if (isJsonObject(operand)) {
    const [[inner, text] = ['', null], ...others] = Object.entries(operand);
    if (inner !== 'equals-ignore-case' || others.length > 0) {
      return invalid(path, 'must be a string or {"equals-ignore-case": string}');
    }
    if (typeof text !== 'string') return invalid(`${path}.equals-ignore-case`, 'must be a string');
    const either = inEitherCase(text);
    const form = new RegExp(operator === 'prefix' ? `^${either}` : `${either}$`);
    return onStrings((value) => form.test(value));
  }
  const test = parseStringTest(operator, operand, path);
  return typeof test === 'function' ? onStrings(test) : test;
}

function parseStringTest(operator: StringOperator, operand: JsonValue, path: string): StringTest | Invalid {
  if (typeof operand !== 'string') return invalid(path, 'must be a string');
  switch (operator) {
    case 'prefix':
      return (value) => value.startsWith(operand);
    case 'suffix':
      return (value) => value.endsWith(operand);
    case 'equals-ignore-case': {
      const form = new RegExp(`^${inEitherCase(operand)}$`);
      return (value) => form.test(value);
    }
    case 'wildcard':
      return parseWildcard(operand, path);
    default:
      throw new Error(`no such comparison: ${operator satisfies never}`);
  }
}

/**
 * As event-ruler compares (EqualsIgnoreCaseParser): each character of the pattern by itself, in its lower or its upper
 * case. So `ß` matches `SS`, and `SS` does not match `ß`.
 */
function inEitherCase(text: string): string {
  const escaped = (part: string): string => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  return text
    .split('')
    .map((character) => `(?:${escaped(character.toLowerCase())}|${escaped(character.toUpperCase())})`)
    .join('');
}

/**
 * `*` stands for any text, `\*` and `\\` for themselves. The pieces between the stars are looked for one after the
 * other, each at its first place: no step is ever taken back, however the text looks.
 */
function parseWildcard(pattern: string, path: string): StringTest | Invalid {
  const pieces: string[] = [];
  let piece = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    if (character === '*') {
      if (pattern[index + 1] === '*') return invalid(path, 'two wildcards in a row are not allowed');
      pieces.push(piece);
      piece = '';
      continue;
    }
    if (character === '\\') {
      index++;
      if (pattern[index] !== '*' && pattern[index] !== '\\') {
        return invalid(path, 'a backslash stands before * or another backslash only');
      }
    }
    piece += pattern[index];
  }
  const [first, ...middle] = pieces;
  const last = piece;
  if (first === undefined) return (value) => value === last;
  return (value) => {
    const end = value.length - last.length;
    if (end < first.length || !value.startsWith(first) || !value.endsWith(last)) return false;
    let from = first.length;
    for (const part of middle) {
      const found = value.indexOf(part, from);
      if (found < 0 || found + part.length > end) return false;
      from = found + part.length;
    }
    return true;
  };
}

/**
 * Everything but what is listed: also a value of another kind, null included. A field that is missing does not match
 * (aws/event-ruler, ByteMachine: an anything-but is taken away where a value is equal, for whatever value there is).
 */
function parseAnythingBut(operand: JsonValue, path: string): ParsedValueTest {
  if (isJsonObject(operand)) return parseAnythingButTest(operand, path);
  const isList = Array.isArray(operand);
  const values: readonly JsonValue[] = isList ? operand : [operand];
  if (values.length === 0) return invalid(path, 'must not be empty');
  const strings = values.filter((value) => typeof value === 'string');
  if (strings.length === values.length) {
    const excluded = new Set<Scalar>(strings);
    return onScalars((value) => !excluded.has(value));
  }
  const numbers = new Set<number>();
  for (const [index, value] of values.entries()) {
    const place = isList ? `${path}[${index}]` : path;
    if (typeof value === 'string') return invalid(path, 'strings and numbers cannot be mixed');
    if (!isNumber(value)) {
      return invalid(place, 'must be a string, a number, a list of either, or an object with one comparison');
    }
    const number = comparableNumber(value);
    if (number === undefined) return invalid(place, beyondComparison);
    numbers.add(number);
  }
  return onScalars((value) => {
    const number = isNumber(value) ? comparableNumber(value) : undefined;
    return number === undefined || !numbers.has(number);
  });
}

function parseAnythingButTest(operand: JsonObject, path: string): ParsedValueTest {
  const [[operator, inner] = ['', null], ...others] = Object.entries(operand);
  const known: readonly string[] = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'] satisfies StringOperator[];
  if (others.length > 0 || !known.includes(operator)) {
    return invalid(path, `an object here has exactly one key of ${known.join(', ')}`);
  }
  const innerPath = `${path}.${operator}`;
  const isList = Array.isArray(inner);
  const texts: readonly JsonValue[] = isList ? inner : [inner];
  if (texts.length === 0) return invalid(innerPath, 'must not be empty');
  const tests: StringTest[] = [];
  for (const [index, text] of texts.entries()) {
    const place = isList ? `${innerPath}[${index}]` : innerPath;
    if (text === '' && (operator === 'prefix' || operator === 'suffix')) return invalid(place, 'must not be empty');
    const test = parseStringTest(operator as StringOperator, text, place);
    if (typeof test !== 'function') return test;
    tests.push(test);
  }
  return onScalars((value) => typeof value !== 'string' || !tests.some((test) => test(value)));
}

const beyondComparison =
  'EventBridge compares numbers between -5.0e9 and 5.0e9 only, as far as a double holds every digit; another number can be matched as a plain value';

function parseNumeric(operand: JsonValue, path: string): ParsedValueTest {
  if (!Array.isArray(operand) || operand.length === 0) {
    return invalid(path, 'must be a list such as [">", 0, "<=", 5]');
  }
  const [operator, , upperOperator] = operand;
  const numbers: number[] = [];
  for (const index of [1, 3]) {
    if (index > 1 && operand.length <= 2) break;
    const value = operand[index];
    if (value === undefined || !isNumber(value)) return invalid(`${path}[${index}]`, 'must be a number');
    const number = comparableNumber(value);
    if (number === undefined) return invalid(`${path}[${index}]`, beyondComparison);
    numbers.push(number);
  }
  const [bound = 0, upper] = numbers;
  if (operator !== '=' && operator !== '<' && operator !== '<=' && operator !== '>' && operator !== '>=') {
    return invalid(`${path}[0]`, 'must be one of "=", "<", "<=", ">", ">="');
  }
  if (upper === undefined) return onNumbers(comparisons[operator](bound));
  if (operator !== '>' && operator !== '>=') {
    return invalid(path, 'a range begins with ">" or ">=" and ends with "<" or "<="');
  }
  if (upperOperator !== '<' && upperOperator !== '<=') return invalid(`${path}[2]`, 'must be "<" or "<="');
  if (operand.length > 4) return invalid(path, 'takes two comparisons at most');
  if (bound >= upper) return invalid(path, 'the lower bound must be below the upper one');
  const isAbove = comparisons[operator](bound);
  const isBelow = comparisons[upperOperator](upper);
  return onNumbers((value) => isAbove(value) && isBelow(value));
}

const comparisons = {
  '=': (bound: number) => (value: number) => value === bound,
  '<': (bound: number) => (value: number) => value < bound,
  '<=': (bound: number) => (value: number) => value <= bound,
  '>': (bound: number) => (value: number) => value > bound,
  '>=': (bound: number) => (value: number) => value >= bound,
} as const;

function parseCidr(operand: JsonValue, path: string): ParsedValueTest {
  if (typeof operand !== 'string') return invalid(path, 'must be a string such as "10.0.0.0/8"');
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(operand) ?? [];
  const network = parseAddress(address);
  if (network === undefined) return invalid(path, 'must be an IPv4 or IPv6 address, a slash and a number of bits');
  const prefixBits = Number(bits);
  // event-ruler refuses a mask that leaves one address only.
  if (prefixBits >= network.length * 8) {
    return invalid(path, `must have fewer than ${network.length * 8} bits; match one address as a plain value`);
  }
  return onStrings((value) => isWithin(value, network, prefixBits));
}

function isWithin(value: string, network: readonly number[], prefixBits: number): boolean {
  const address = parseAddress(value);
  return address !== undefined && address.length === network.length && sharesBits(address, network, prefixBits);
}

/** The bytes of an address, spelled as event-ruler takes it: four decimal parts, or hexadecimal groups. */
function parseAddress(text: string): number[] | undefined {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split('.').map(Number);
    return parts.every((part) => part <= 255) ? parts : undefined;
  }
  if (text.length > 39 || !/^[\da-fA-F:]*:[\da-fA-F:]*$/.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toByteArray();
}

function sharesBits(one: readonly number[], other: readonly number[], bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (one[index] !== other[index]) return false;
  const rest = 8 - (bits & 7);
  return rest === 8 || (one[whole] ?? 0) >> rest === (other[whole] ?? 0) >> rest;
}

function isNumber(value: JsonValue | undefined): value is number | RawNumber {
  return typeof value === 'number' || JSON.isRawJSON(value);
}

function textOf(value: number | RawNumber): string {
  return typeof value === 'number' ? String(value) : value.rawJSON;
}

/** Undefined where event-ruler does not compare it: it has digits that a double does not print back (ComparableNumber). */
function comparableNumber(value: number | RawNumber): number | undefined {
  const text = textOf(value);
  const number = Number(text);
  if (Math.abs(number) > largestComparableNumber || decimalOf(text) !== decimalOf(String(number))) return undefined;
  return number;
}

/** One text for all spellings of a decimal number: `1.50`, `15e-1` and `1.5` have one. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

function onScalars(test: (value: Scalar) => boolean): ParsedValueTest {
  return { kind: 'test', test: { kind: 'operator', test } };
}

function onStrings(test: StringTest): ParsedValueTest {
  return onScalars((value) => typeof value === 'string' && test(value));
}

function onNumbers(test: (value: number) => boolean): ParsedValueTest {
  return onScalars((value) => {
    if (!isNumber(value)) return false;
    const number = comparableNumber(value);
    return number !== undefined && test(number);
  });
}

function invalid(path: string, reason: string): Invalid {
  return { kind: 'invalid', path, reason };
}
