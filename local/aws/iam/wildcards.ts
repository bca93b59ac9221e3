import { PolicyError } from './policy-error.ts';

export type Matcher = (value: string) => boolean;

/** `*` is any text, `?` any character, as in StringLike. */
export function compileText(pattern: string): Matcher {
  if (!/[*?]/.test(pattern)) return (value) => value === pattern;
  const form = new RegExp(`^${[...pattern].map((each) => regexOf(each, '.')).join('')}$`, 's');
  return (value) => form.test(value);
}

/**
 * The Resource element: `*` and `?` stay within their segment, but a `*` that ends a segment goes beyond it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function compileResource(pattern: string): Matcher {
  if (pattern === '*') return () => true;
  const segments = pattern.split(':');
  if (segments[0] !== 'arn' || (segments.length < 6 && !pattern.endsWith('*'))) {
    throw new PolicyError(`Resource ${pattern} is neither an ARN nor *`);
  }
  if (/[*?]/.test(segments[2] ?? '')) throw new PolicyError(`Resource ${pattern} has a wildcard in place of a service`);
  if (!/[*?]/.test(pattern)) return (value) => value === pattern;
  const form = segments.map((segment) => {
    const inside = [...segment].map((each) => regexOf(each, '[^:]')).join('');
    return segment.endsWith('*') ? inside.replace(/\[\^:\]\*$/, '.*') : inside;
  });
  const whole = new RegExp(`^${form.join(':')}$`, 's');
  return (value) => whole.test(value);
}

/** ArnLike and ArnEquals, which are the same: each of the six parts of an ARN for itself. */
export function compileArn(pattern: string): Matcher {
  const wanted = partsOf(pattern);
  if (wanted === undefined) throw new PolicyError(`${pattern} is no ARN`);
  const matchers = wanted.map(compileText);
  return (value) => partsOf(value)?.every((part, index) => matchers[index]?.(part)) ?? false;
}

/** The Action element: case does not matter. */
export function compileAction(pattern: string): Matcher {
  if (pattern !== '*' && !/^[a-z0-9-]+:[A-Za-z0-9*?]+$/.test(pattern)) {
    throw new PolicyError(`Action ${pattern} is neither a service and the name of an action nor *`);
  }
  const matches = compileText(pattern.toLowerCase());
  return (value) => matches(value.toLowerCase());
}

function partsOf(arn: string): string[] | undefined {
  const segments = arn.split(':');
  if (segments.length < 6) return undefined;
  return [...segments.slice(0, 5), segments.slice(5).join(':')];
}

function regexOf(character: string, any: string): string {
  if (character === '*') return `${any}*`;
  if (character === '?') return any;
  return character.replace(/[.+^${}()|[\]\\]/, '\\$&');
}
