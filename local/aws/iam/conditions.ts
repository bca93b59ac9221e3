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
export const knownConditionKeys = [
  'aws:PrincipalAccount',
  'aws:PrincipalArn',
  'aws:PrincipalIsAWSService',
  'aws:RequestedRegion',
  'aws:SecureTransport',
  'aws:SourceAccount',
  'aws:SourceArn',
  'events:TargetArn',
  'events:detail-type',
  'events:source',
  'iam:AssociatedResourceArn',
  'iam:PassedToService',
  'lambda:FunctionArn',
] as const;

const known = new Set(knownConditionKeys.map((key) => key.toLowerCase()));

interface Operator {
  readonly compile: (wanted: string) => Matcher;
  /** Holds where none of the values fits, and where the key is not there at all. */
  readonly negated?: true;
}

const anyCase =
  (wanted: string): Matcher =>
  (value) =>
    value.toLowerCase() === wanted.toLowerCase();
const same =
  (wanted: string): Matcher =>
  (value) =>
    value === wanted;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const operators: Readonly<Record<string, Operator>> = {
  ArnEquals: { compile: compileArn },
  ArnLike: { compile: compileArn },
  ArnNotEquals: { compile: compileArn, negated: true },
  ArnNotLike: { compile: compileArn, negated: true },
  Bool: { compile: anyCase },
  StringEquals: { compile: same },
  StringEqualsIgnoreCase: { compile: anyCase },
  StringLike: { compile: compileText },
  StringNotEquals: { compile: same, negated: true },
  StringNotEqualsIgnoreCase: { compile: anyCase, negated: true },
  StringNotLike: { compile: compileText, negated: true },
};

/** All keys of all operators have to hold. Throws `PolicyError`. */
export function compileConditions(block: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Condition {
  const conditions = Object.entries(block).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) => compileCondition(operator, key, textsOf(key, wanted))),
  );
  return (context) => conditions.every((holds) => holds(context));
}

function compileCondition(written: string, key: string, wanted: readonly string[]): Condition {
  const [, quantifier, name = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(written) ?? [];
  const lowerKey = key.toLowerCase();
  if (!known.has(lowerKey)) throw new PolicyError(`the local run does not know the condition key ${key}`);
  if (name === 'Null' && quantifier === undefined && ifExists === undefined) {
    const isAbsent = (context: RequestContext) => context[lowerKey] === undefined;
    return (context) => wanted.some((text) => text.toLowerCase() === String(isAbsent(context)));
  }
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (operator === undefined) throw new PolicyError(`the local run does not know the condition operator ${written}`);
  if (wanted.some((text) => text.includes('${'))) {
    throw new PolicyError(`${key}: the local run does not know policy variables (${wanted.join(', ')})`);
  }

  const matchers = wanted.map(operator.compile);
  const fits = (value: string) => matchers.some((matches) => matches(value)) !== (operator.negated ?? false);
  return (context) => {
    const values = context[lowerKey];
    if (values === undefined) {
      return ifExists !== undefined || quantifier === 'ForAllValues' || operator.negated === true;
    }
    // Without a quantifier a negated operator must hold for each of several values, any other one for one of them.
    const every = quantifier === 'ForAllValues' || (quantifier === undefined && operator.negated === true);
    return every ? values.every(fits) : values.some(fits);
  };
}

function textsOf(key: string, wanted: unknown): string[] {
  return [wanted].flat().map((each) => {
    if (typeof each === 'string' || typeof each === 'boolean' || typeof each === 'number') return String(each);
    throw new PolicyError(`${key}: ${JSON.stringify(each)} is no text`);
  });
}
