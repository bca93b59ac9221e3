import * as z from 'zod';
import { notServed } from '../not-served.ts';
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

export type Patterns = readonly { readonly text: string; readonly matches: Matcher }[];

/** `everybody`, or services. */
export type Principals = 'everybody' | readonly string[];

const texts = z.union([z.string(), z.array(z.string())]);
const statementSchema = z.strictObject({
  Sid: z.optional(z.string()),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.optional(
    z.union([z.literal('*'), z.strictObject({ AWS: z.literal('*') }), z.strictObject({ Service: texts })]),
  ),
  Action: texts,
  Resource: z.optional(texts),
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
  const { Resource: resource } = written;
  if ((resource === undefined) !== (kind === 'trust')) {
    throw new PolicyError(kind === 'trust' ? 'a trust policy has no Resource' : 'Resource is missing');
  }
  return {
    policy,
    index,
    ...(written.Sid === undefined ? {} : { sid: written.Sid }),
    effect: written.Effect,
    actions: patternsOf(written.Action, compileAction),
    resources: resource === undefined ? [{ text: '*', matches: () => true }] : patternsOf(resource, compileResource),
    ...(written.Principal === undefined ? {} : { principals: principalsOf(written.Principal) }),
    condition: compileConditions(written.Condition ?? {}),
  };
}

type Texts = string | string[];

function patternsOf(written: Texts, compilePattern: (text: string) => Matcher): Patterns {
  return [written].flat().map((text) => {
    if (text.includes('${')) throw new PolicyError(notServed(`the policy variable ${text}`));
    return { text, matches: compilePattern(text) };
  });
}

function principalsOf(written: '*' | { AWS: '*' } | { Service: Texts }): Principals {
  return typeof written === 'object' && 'Service' in written ? [written.Service].flat() : 'everybody';
}
