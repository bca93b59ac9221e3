import type { RequestContext } from './conditions.ts';
import type { Patterns, Statement } from './policy-document.ts';

export interface AccessRequest {
  readonly principal: Principal;
  /** `sqs:SendMessage` */
  readonly action: string;
  /** An ARN; `*` for an action for which IAM knows no resource. */
  readonly resource: string;
  readonly context: RequestContext;
}

export type Principal =
  | { readonly kind: 'role' }
  /** `events.amazonaws.com` */
  | { readonly kind: 'service'; readonly service: string };

/** One action of one statement on one resource, as it is written. */
export interface Grant {
  readonly policy: string;
  readonly statement: number;
  readonly sid?: string;
  readonly action: string;
  readonly resource: string;
}

export type Verdict =
  | { readonly kind: 'allowed'; readonly by: readonly Grant[] }
  /** Nothing allows it. */
  | { readonly kind: 'not-allowed' }
  | { readonly kind: 'forbidden'; readonly by: Grant; readonly policyKind: 'identity-based' | 'resource-based' };

export interface Policies {
  /** Of the role that asks; none for a service. */
  readonly identity: readonly Statement[];
  /** Of the resource. */
  readonly resource: readonly Statement[];
}

/**
 * Within one account: a Deny anywhere decides; else an Allow on either side is enough; else no. A service has no policies
 * of its own, so the resource has to let it in.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluateAccess(request: AccessRequest, { identity, resource }: Policies): Verdict {
  const allows: Grant[] = [];
  for (const [policyKind, statements] of [
    ['identity-based', identity],
    ['resource-based', resource],
  ] as const) {
    for (const statement of statements) {
      const grant = grantOf(statement, request);
      if (grant === undefined || !statement.condition(request.context)) continue;
      if (!isMeant(statement, request.principal)) continue;
      if (statement.effect === 'Deny') return { kind: 'forbidden', by: grant, policyKind };
      allows.push(grant);
    }
  }
  return allows.length === 0 ? { kind: 'not-allowed' } : { kind: 'allowed', by: allows };
}

function grantOf(statement: Statement, { action, resource }: AccessRequest): Grant | undefined {
  const byAction = matchingText(statement.actions, action);
  if (byAction === undefined) return undefined;
  const byResource = matchingText(statement.resources, resource);
  if (byResource === undefined) return undefined;
  return {
    policy: statement.policy,
    statement: statement.index,
    ...(statement.sid === undefined ? {} : { sid: statement.sid }),
    action: byAction,
    resource: byResource,
  };
}

function matchingText(patterns: Patterns, value: string): string | undefined {
  return patterns.find(({ matches }) => matches(value))?.text;
}

function isMeant({ principals = 'everybody' }: Statement, principal: Principal): boolean {
  if (principals === 'everybody') return true;
  return principal.kind === 'service' && principals.includes(principal.service);
}
