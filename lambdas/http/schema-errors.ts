import type * as z from 'zod/mini';
import type { FieldError } from './problem.ts';

type Issue = z.core.$ZodIssue;

/**
 * What a schema found wrong, field by field, in words. Written here because zod/mini brings no texts (its locales
 * would add to every bundle).
 */
export function schemaErrors(issues: readonly Issue[], input: unknown): FieldError[] {
  const named = new Set<string>();
  return issues.flatMap((issue) => {
    const field = fieldPath(issue.path);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: field === '' ? key : `${field}.${key}`,
        detail: 'is not a known field',
      }));
    }
    // What is no text, for one, is not too short besides.
    if (named.has(field)) return [];
    named.add(field);
    return [{ field, detail: valueAt(input, issue.path) === undefined ? 'is missing' : sentence(issue) }];
  });
}

/** `eventTypes[3].name`, as people write it. */
function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

function sentence(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kindNames[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `must ${bound(issue.origin, 'at least', Number(issue.minimum))}`;
    case 'too_big':
      return `must ${bound(issue.origin, 'at most', Number(issue.maximum))}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    default:
      return issue.message === noText ? 'is not valid' : issue.message;
  }
}

const noText = 'Invalid input';

const kindNames: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function bound(origin: string, limit: string, value: number): string {
  switch (origin) {
    case 'string':
      return `have ${limit} ${value} ${value === 1 ? 'character' : 'characters'}`;
    case 'array':
    case 'set':
      return `have ${limit} ${value} ${value === 1 ? 'entry' : 'entries'}`;
    default:
      return `be ${limit} ${value}`;
  }
}
