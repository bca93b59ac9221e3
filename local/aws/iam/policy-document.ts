import * as z from 'zod';
import { type Condition, compileConditions } from './conditions.ts';
import { PolicyError } from './policy-error.ts';
import { compileAction, compileResource, type Matcher } from './wildcards.ts';

/**
 * `identity`: what a role may do, so it names no principal. `resource`: who may use a thing. `trust`: who may take on a
 * role, so it names no resource.
 */
export type PolicyKind = 'identity' | 'resource' | 'trust';

export interface Statement {
  /** The policy's name and the statement's place in it, from 0 on. */
  readonly policy: string;
  readonly index: number;
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: Patterns;
  readonly resources: Patterns;
  /** Undefined in an identity policy. */
  readonly principals?: Principals;
  readonly condition: Condition;
}

/** Those that a statement lists, or, negated, all but those. */
export interface Patterns {
  readonly patterns: readonly { readonly text: string; readonly matches: Matcher }[];
  readonly negated: boolean;
}

/** `aws`: account ids, ARNs and `*`. */
export interface Principals {
  readonly aws: readonly string[];
  readonly service: readonly string[];
}

const texts = z.union([z.string(), z.array(z.string())]);
const statementSchema = z.strictObject({
  Sid: z.optional(z.string()),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.optional(
    z.union([z.literal('*'), z.strictObject({ AWS: z.optional(texts), Service: z.optional(texts) })]),
  ),
  Action: z.optional(texts),
  NotAction: z.optional(texts),
  Resource: z.optional(texts),
  NotResource: z.optional(texts),
  Condition: z.optional(z.record(z.string(), z.record(z.string(), z.unknown()))),
});
const documentSchema = z.strictObject({
  Version: z.optional(z.enum(['2012-10-17', '2008-10-17'])),
  Id: z.optional(z.string()),
  // One or several; each is read for itself, so that what is said of a mistake names its place.
  Statement: z.unknown(),
});

/**
 * The statements of a policy. Throws `PolicyError`, which names the policy, for whatever is wrong in it or not known
 * here. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
export function readPolicy(document: unknown, policy: string, kind: PolicyKind): Statement[] {
  const read = documentSchema.safeParse(document);
  if (!read.success) throw new PolicyError(`the policy ${policy}: ${z.prettifyError(read.error)}`);
  return [read.data.Statement].flat().map((written, index) => {
    const statement = statementSchema.safeParse(written);
    try {
      if (!statement.success) throw new PolicyError(z.prettifyError(statement.error));
      return compile(statement.data, policy, index, kind);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      throw new PolicyError(`the policy ${policy}, statement ${statement.data?.Sid ?? index}: ${error.message}`);
    }
  });
}

function compile(written: z.infer<typeof statementSchema>, policy: string, index: number, kind: PolicyKind): Statement {
  if ((written.Principal === undefined) !== (kind === 'identity')) {
    throw new PolicyError(kind === 'identity' ? "a role's own policy has no Principal" : 'Principal is missing');
  }
  const unlimited = { patterns: [{ text: '*', matches: () => true }], negated: false };
  const hasResource = written.Resource !== undefined || written.NotResource !== undefined;
  if (kind === 'trust' && hasResource) throw new PolicyError('a trust policy has no Resource');
  return {
    policy,
    index,
    ...(written.Sid === undefined ? {} : { sid: written.Sid }),
    effect: written.Effect,
    actions: patternsOf('Action', written.Action, written.NotAction, compileAction),
    resources:
      kind === 'trust' ? unlimited : patternsOf('Resource', written.Resource, written.NotResource, compileResource),
    ...(written.Principal === undefined ? {} : { principals: principalsOf(written.Principal) }),
    condition: compileConditions(written.Condition ?? {}),
  };
}

type Texts = string | string[] | undefined;

function patternsOf(
  element: string,
  listed: Texts,
  negated: Texts,
  compilePattern: (text: string) => Matcher,
): Patterns {
  if ((listed === undefined) === (negated === undefined)) {
    throw new PolicyError(`${element} and Not${element}: it takes one of them`);
  }
  const texts = [listed ?? negated ?? []].flat();
  const variable = texts.find((text) => text.includes('${'));
  if (variable !== undefined) throw new PolicyError(`the local run does not know policy variables (${variable})`);
  return {
    patterns: texts.map((text) => ({ text, matches: compilePattern(text) })),
    negated: negated !== undefined,
  };
}

function principalsOf(written: '*' | { AWS?: Texts; Service?: Texts }): Principals {
  if (written === '*') return { aws: ['*'], service: [] };
  return { aws: [written.AWS ?? []].flat(), service: [written.Service ?? []].flat() };
}
