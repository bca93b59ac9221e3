import { isRecord, TemplateError } from './template.ts';

/** What the functions of a template can ask for. Each throws `TemplateError` where there is no such thing. */
export interface EvaluationScope {
  /** Of a parameter, a pseudo parameter or a resource. */
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  condition(name: string): boolean;
  mapping(map: string, key: string, subKey: string): unknown;
}

/** The value of `AWS::NoValue`: what has it is left out. */
export const noValue = Symbol('AWS::NoValue');

type Intrinsic = (argument: unknown, scope: EvaluationScope, path: string) => unknown;

/**
 * Replaces the template's functions (`Ref`, `Fn::GetAtt`, `Fn::Sub` …) by what they mean. `path` says where in the
 * template the value stands, for errors.
 * Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function evaluate(value: unknown, scope: EvaluationScope, path: string): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => evaluate(item, scope, `${path}[${index}]`)).filter((item) => item !== noValue);
  }
  if (!isRecord(value)) return value;
  const names = Object.keys(value);
  const [name] = names;
  if (names.length === 1 && name !== undefined) {
    const intrinsic = Object.hasOwn(intrinsics, name) ? intrinsics[name] : undefined;
    if (intrinsic !== undefined) return intrinsic(value[name], scope, `${path}.${name}`);
    if (name.startsWith('Fn::')) throw new TemplateError(`${path}: the local run does not know ${name}`);
  }
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, evaluate(member, scope, `${path}.${key}`)] as const)
      .filter(([, member]) => member !== noValue),
  );
}

/** Evaluates a condition function, or the name of a condition in `{"Condition": "…"}`. */
export function evaluateCondition(value: unknown, scope: EvaluationScope, path: string): boolean {
  const result =
    isRecord(value) && typeof value.Condition === 'string'
      ? scope.condition(value.Condition)
      : evaluate(value, scope, path);
  if (typeof result !== 'boolean') throw new TemplateError(`${path}: this is no condition`);
  return result;
}

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (argument, scope, path) => scope.ref(text(argument, path)),

  'Fn::GetAtt': (argument, scope, path) => {
    const [logicalId, attribute] = readGetAtt(argument, path);
    return scope.attribute(logicalId, text(evaluate(attribute, scope, path), path));
  },

  'Fn::Sub': (argument, scope, path) => {
    const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
    const values = evaluate(variables, scope, path);
    if (!isRecord(values)) throw new TemplateError(`${path}: the variables are no map`);
    return text(template, path).replace(substitution, (_all, name: string) => {
      if (name.startsWith('!')) return `\${${name.slice(1)}}`;
      if (Object.hasOwn(values, name)) return scalarText(values[name], path);
      const dot = name.indexOf('.');
      return scalarText(dot < 0 ? scope.ref(name) : scope.attribute(name.slice(0, dot), name.slice(dot + 1)), path);
    });
  },

  'Fn::Join': (argument, scope, path) => {
    const [delimiter, parts] = pair(argument, path);
    return list(evaluate(parts, scope, path), path)
      .map((part) => scalarText(part, path))
      .join(text(delimiter, path));
  },

  'Fn::Split': (argument, scope, path) => {
    const [delimiter, source] = pair(argument, path);
    return scalarText(evaluate(source, scope, path), path).split(text(delimiter, path));
  },

  'Fn::Select': (argument, scope, path) => {
    const [index, items] = pair(argument, path);
    const chosen = Number(evaluate(index, scope, path));
    const choices = list(evaluate(items, scope, path), path);
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= choices.length) {
      throw new TemplateError(`${path}: there is no item ${chosen} in a list of ${choices.length}`);
    }
    return choices[chosen];
  },

  'Fn::Base64': (argument, scope, path) =>
    Buffer.from(scalarText(evaluate(argument, scope, path), path)).toString('base64'),

  'Fn::FindInMap': (argument, scope, path) => {
    const [map, key, subKey, ...rest] = list(evaluate(argument, scope, path), path);
    if (rest.length > 0) throw new TemplateError(`${path}: the local run does not know options of Fn::FindInMap`);
    return scope.mapping(text(map, path), scalarText(key, path), scalarText(subKey, path));
  },

  'Fn::If': (argument, scope, path) => {
    const [condition, whenTrue, whenFalse] = list(argument, path);
    return evaluate(scope.condition(text(condition, path)) ? whenTrue : whenFalse, scope, path);
  },

  'Fn::Equals': (argument, scope, path) => {
    const [left, right] = pair(evaluate(argument, scope, path), path);
    return scalarText(left, path) === scalarText(right, path);
  },
  'Fn::And': (argument, scope, path) => list(argument, path).every((part) => evaluateCondition(part, scope, path)),
  'Fn::Or': (argument, scope, path) => list(argument, path).some((part) => evaluateCondition(part, scope, path)),
  'Fn::Not': (argument, scope, path) => !evaluateCondition(list(argument, path)[0], scope, path),

  'Fn::ImportValue': (argument, _scope, path) => {
    throw new TemplateError(
      `${path}: imports ${JSON.stringify(argument)} from another stack, and the local run knows only this one`,
    );
  },
};

const substitution = /\$\{([^}]+)\}/g;

/** The logical ids, parameters and pseudo parameters that a value refers to. */
export function referencesOf(value: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) for (const item of part) visit(item);
    if (!isRecord(part)) return;
    const isIntrinsic = Object.keys(part).length === 1;
    if (isIntrinsic && typeof part.Ref === 'string') found.add(part.Ref);
    else if (isIntrinsic && part['Fn::GetAtt'] !== undefined)
      found.add(readGetAtt(part['Fn::GetAtt'], 'Fn::GetAtt')[0]);
    else if (isIntrinsic && part['Fn::Sub'] !== undefined) {
      const [template, variables] = [part['Fn::Sub']].flat() as unknown[];
      const own = isRecord(variables) ? Object.keys(variables) : [];
      for (const [, name = ''] of String(template).matchAll(substitution)) {
        if (!name.startsWith('!') && !own.includes(name)) found.add(name.split('.')[0] ?? name);
      }
      visit(variables);
    } else for (const member of Object.values(part)) visit(member);
  };
  visit(value);
  return found;
}

function readGetAtt(argument: unknown, path: string): [logicalId: string, attribute: unknown] {
  if (typeof argument === 'string') {
    const dot = argument.indexOf('.');
    return [argument.slice(0, dot), argument.slice(dot + 1)];
  }
  const [logicalId, attribute] = pair(argument, path);
  return [text(logicalId, path), attribute];
}

function text(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`${path}: a text is expected here, and this is ${JSON.stringify(value)}`);
}

function scalarText(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TemplateError(`${path}: a text or a number is expected here, and this is ${JSON.stringify(value)}`);
}

function list(value: unknown, path: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TemplateError(`${path}: a list is expected here, and this is ${JSON.stringify(value)}`);
}

function pair(value: unknown, path: string): [unknown, unknown] {
  const items = list(value, path);
  if (items.length !== 2)
    throw new TemplateError(`${path}: two items are expected here, and these are ${items.length}`);
  return [items[0], items[1]];
}
