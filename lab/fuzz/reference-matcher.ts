import type { JsonObject, JsonValue, RawNumber } from '../../lambdas/json/json.ts';

/**
 * EventBridge's matching, a second time and in another way: the event is taken apart into fields, each with its place in
 * the arrays around it, and a pattern's fields are tried one after the other, in the order of their names, as
 * aws/event-ruler does (ACFinder, ArrayMembership). Slow and short. The pattern is one that was found valid.
 */
export function referenceMatches(pattern: JsonObject, event: JsonObject): boolean {
  const fields: EventField[] = [];
  takeApart(event, [], new Map(), fields);
  return alternativesOf(pattern).some((conditions) => {
    const sorted = [...conditions].sort((one, other) => (one.path.join('.') < other.path.join('.') ? -1 : 1));
    return matchesFrom(sorted, 0, new Map(), fields);
  });
}

type Scalar = null | boolean | number | string | RawNumber;
/** By array: the index of the element. */
type Membership = ReadonlyMap<JsonValue, number>;

interface EventField {
  readonly name: string;
  readonly value: Scalar;
  readonly membership: Membership;
}

interface Condition {
  readonly path: readonly string[];
  readonly wanted: readonly JsonValue[];
}

function takeApart(value: JsonValue, path: readonly string[], membership: Membership, fields: EventField[]): void {
  if (Array.isArray(value)) {
    for (const [index, element] of value.entries()) {
      takeApart(element, path, new Map([...membership, [value, index]]), fields);
    }
  } else if (isScalar(value)) fields.push({ name: nameOf(path), value, membership });
  else for (const [key, member] of Object.entries(value)) takeApart(member, [...path, key], membership, fields);
}

/** Every way to choose one alternative of each `$or`. */
function alternativesOf(pattern: JsonObject, path: readonly string[] = []): Condition[][] {
  let choices: Condition[][] = [[]];
  const also = (more: Condition[][]): void => {
    choices = choices.flatMap((choice) => more.map((conditions) => [...choice, ...conditions]));
  };
  for (const [key, value] of Object.entries(pattern)) {
    if (key === '$or') also((value as JsonObject[]).flatMap((alternative) => alternativesOf(alternative, path)));
    else if (Array.isArray(value)) also([[{ path: [...path, key], wanted: value }]]);
    else also(alternativesOf(value as JsonObject, [...path, key]));
  }
  return choices;
}

function matchesFrom(
  conditions: readonly Condition[],
  index: number,
  membership: Membership,
  fields: readonly EventField[],
): boolean {
  const condition = conditions[index];
  if (condition === undefined) return true;
  const name = nameOf(condition.path);
  const candidates = fields.flatMap((field) => {
    const joined = field.name === name ? join(membership, field.membership) : undefined;
    return joined === undefined ? [] : [{ field, joined }];
  });
  const byValue = candidates.some(
    ({ field, joined }) =>
      condition.wanted.some((entry) => fits(entry, field.value)) && matchesFrom(conditions, index + 1, joined, fields),
  );
  if (byValue) return true;
  const mayBeAbsent = condition.wanted.some((entry) => isObject(entry) && entry.exists === false);
  return mayBeAbsent && candidates.length === 0 && matchesFrom(conditions, index + 1, membership, fields);
}

/** Undefined where the two are in different elements of an array. */
function join(one: Membership, other: Membership): Membership | undefined {
  for (const [array, index] of other) if ((one.get(array) ?? index) !== index) return undefined;
  return new Map([...one, ...other]);
}

function fits(entry: JsonValue, value: Scalar): boolean {
  if (isScalar(entry)) return sameScalar(entry, value);
  const [[operator, operand] = ['', null]] = Object.entries(entry as JsonObject);
  switch (operator) {
    case 'exists':
      return operand === true;
    case 'anything-but':
      return !excluded(operand, value);
    case 'numeric':
      return isNumber(value) && inRange(operand as JsonValue[], Number(textOf(value)));
    case 'cidr':
      return false;
    default:
      return typeof value === 'string' && fitsText(operator, operand, value);
  }
}

function excluded(operand: JsonValue, value: Scalar): boolean {
  if (isObject(operand)) {
    const [[operator, inner] = ['', null]] = Object.entries(operand);
    return typeof value === 'string' && [inner].flat().some((text) => fitsText(operator, text as JsonValue, value));
  }
  return ([operand].flat() as Scalar[]).some((one) =>
    isNumber(one) ? isNumber(value) && Number(textOf(one)) === Number(textOf(value)) : one === value,
  );
}

function fitsText(operator: string, operand: JsonValue, value: string): boolean {
  const ignoresCase = isObject(operand);
  const text = String(ignoresCase ? operand['equals-ignore-case'] : operand);
  const wanted = ignoresCase || operator === 'equals-ignore-case' ? spellingsOf(text) : [text];
  switch (operator) {
    case 'prefix':
      return wanted.some((one) => value.slice(0, one.length) === one);
    case 'suffix':
      return wanted.some((one) => one === '' || value.slice(-one.length) === one);
    case 'equals-ignore-case':
      return wanted.includes(value);
    case 'wildcard':
      return wildcardForm(text).test(value);
    default:
      throw new Error(`an operator that is not known was found valid: ${operator}`);
  }
}

/** Each character of the pattern in its lower and in its upper case: `ẞ` is neither of `ß`. */
function spellingsOf(text: string): string[] {
  return text
    .split('')
    .reduce<string[]>(
      (texts, character) =>
        texts.flatMap((one) => [...new Set([one + character.toLowerCase(), one + character.toUpperCase()])]),
      [''],
    );
}

function wildcardForm(pattern: string): RegExp {
  const pieces = [...pattern.matchAll(/\\(.)|([^\\])/gsu)].map(([, escaped, plain]) =>
    plain === '*'
      ? '.*'
      : (escaped ?? plain ?? '').replace(/[^\w\s]/u, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`),
  );
  return new RegExp(`^${pieces.join('')}$`, 'su');
}

function inRange(operand: readonly JsonValue[], value: number): boolean {
  if (Math.abs(value) > 5e9) return false;
  for (let index = 0; index < operand.length; index += 2) {
    const bound = Number(textOf(operand[index + 1] as number));
    const holds = {
      '=': value === bound,
      '<': value < bound,
      '<=': value <= bound,
      '>': value > bound,
      '>=': value >= bound,
    };
    if (!holds[operand[index] as keyof typeof holds]) return false;
  }
  return true;
}

/** Numbers are the same where they are written the same. */
function sameScalar(one: Scalar, other: Scalar): boolean {
  return isNumber(one) && isNumber(other) ? textOf(one) === textOf(other) : one === other;
}

function textOf(value: number | RawNumber): string {
  return typeof value === 'number' ? String(value) : value.rawJSON;
}

function isNumber(value: JsonValue): value is number | RawNumber {
  return typeof value === 'number' || JSON.isRawJSON(value);
}

function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== 'object' || value === null || JSON.isRawJSON(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return !isScalar(value) && !Array.isArray(value);
}

/** A key with a dot in it is a path, too. */
function nameOf(path: readonly string[]): string {
  return path.join('.');
}
