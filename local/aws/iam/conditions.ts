import { notServed } from '../not-served.ts';
import { PolicyError } from './policy-error.ts';
import { compileArn, compileText, type Matcher } from './wildcards.ts';

/** What is known of a request, by condition key in lower case. */
export type RequestContext = Readonly<Record<string, readonly string[]>>;

/** Whether a statement with this Condition element applies to a request. */
export type Condition = (context: RequestContext) => boolean;

/**
 * The keys that requests carry here, where AWS would have them too. A policy with any other key is refused: it would
 * never hold, or be ignored, and neither is what it says.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
const knownKeys = [
  ...['aws:PrincipalAccount', 'aws:PrincipalArn', 'aws:PrincipalIsAWSService', 'aws:RequestedRegion'],
  ...['aws:ResourceAccount', 'aws:SecureTransport', 'aws:SourceAccount', 'aws:SourceArn'],
  'dynamodb:Attributes',
  ...['events:TargetArn', 'events:detail-type', 'events:source'],
  ...['iam:AssociatedResourceArn', 'iam:PassedToService', 'lambda:FunctionArn'],
].map((key) => key.toLowerCase());

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const operators: Readonly<Record<string, (wanted: string) => Matcher>> = {
  ArnEquals: compileArn,
  ArnLike: compileArn,
  Bool: (wanted) => (value) => value.toLowerCase() === wanted.toLowerCase(),
  StringEquals: (wanted) => (value) => value === wanted,
  StringLike: compileText,
};

/** All keys of all operators have to hold. Throws `PolicyError`. */
export function compileConditions(block: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Condition {
  const conditions = Object.entries(block).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) => compileCondition(operator, key, textsOf(key, wanted))),
  );
  return (context) => conditions.every((holds) => holds(context));
}

/** Before an operator: each of the values has to match, and there may be none. */
const forAllValues = 'ForAllValues:';

function compileCondition(operator: string, key: string, wanted: readonly string[]): Condition {
  const isForAll = operator.startsWith(forAllValues);
  const name = isForAll ? operator.slice(forAllValues.length) : operator;
  const lowerKey = key.toLowerCase();
  if (!knownKeys.includes(lowerKey)) throw new PolicyError(notServed(`the condition key ${key}`));
  const compile = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (compile === undefined) throw new PolicyError(notServed(`the condition operator ${name}`));
  const variable = wanted.find((text) => text.includes('${'));
  if (variable !== undefined) throw new PolicyError(notServed(`${key}: the policy variable ${variable}`));
  const matchers = wanted.map(compile);
  const isWanted = (value: string): boolean => matchers.some((matches) => matches(value));
  if (isForAll) return (context) => context[lowerKey]?.every(isWanted) ?? true;
  return (context) => context[lowerKey]?.some(isWanted) ?? false;
}

function textsOf(key: string, wanted: unknown): string[] {
  return [wanted].flat().map((each) => {
    if (typeof each === 'string' || typeof each === 'boolean' || typeof each === 'number') return String(each);
    throw new PolicyError(`${key}: ${JSON.stringify(each)} is no text`);
  });
}
