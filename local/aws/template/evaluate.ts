import { notServed } from '../not-served.ts';
import { isRecord, TemplateError } from './template.ts';

/** What the functions of a template can ask for. Each throws `TemplateError` where there is no such thing. */
export interface EvaluationScope {
  /** Of a parameter, a pseudo parameter or a resource. */
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
}

/** The value of `AWS::NoValue`: what has it is left out. */
export const noValue = Symbol('AWS::NoValue');

type Intrinsic = (argument: unknown, scope: EvaluationScope, path: string) => unknown;

/**
 * Replaces the template's functions (`Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`) by what they mean. `path` says where in
 * the template the value stands, for errors.
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
    if (name.startsWith('Fn::')) throw new TemplateError(`${path}: ${notServed(name)}`);
  }
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, evaluate(member, scope, `${path}.${key}`)] as const)
      .filter(([, member]) => member !== noValue),
  );
}

const substitution = /\$\{([^}]+)\}/g;

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (argument, scope, path) => scope.ref(text(argument, path)),

  'Fn::GetAtt': (argument, scope, path) => scope.attribute(...readGetAtt(argument, path)),

  'Fn::Sub': (argument, scope, path) =>
    text(argument, path).replace(substitution, (_all, name: string) => {
      if (name.startsWith('!')) return `\${${name.slice(1)}}`;
      const dot = name.indexOf('.');
      return scalarText(dot < 0 ? scope.ref(name) : scope.attribute(name.slice(0, dot), name.slice(dot + 1)), path);
    }),

  'Fn::Join': (argument, scope, path) => {
    const [delimiter, parts] = pair(argument, path);
    return list(evaluate(parts, scope, path), path)
      .map((part) => scalarText(part, path))
      .join(text(delimiter, path));
  },
};

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
      for (const [, name = ''] of String(part['Fn::Sub']).matchAll(substitution)) {
        if (!name.startsWith('!')) found.add(name.split('.')[0] ?? name);
      }
    } else for (const member of Object.values(part)) visit(member);
  };
  visit(value);
  return found;
}

function readGetAtt(argument: unknown, path: string): [logicalId: string, attribute: string] {
  const [logicalId, attribute] = pair(argument, path);
  return [text(logicalId, path), text(attribute, path)];
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
