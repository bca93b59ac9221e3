import type { RequestContext } from './conditions.ts';
import { type AccessRequest, evaluateAccess, type Verdict } from './evaluate-access.ts';
import type { GrantLedger } from './grant-ledger.ts';
import { type Account, type Need, operationNeeds } from './operation-needs.ts';
import type { Statement } from './policy-document.ts';
import type { Roles } from './roles.ts';

/** A function, as it calls AWS: a session of its role. */
export interface Caller {
  readonly functionName: string;
  readonly roleArn: string;
}

export interface ServedCall {
  readonly service: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Something that was asked for and is not allowed. */
export interface Denial {
  readonly action: string;
  readonly resource: string;
  /** As AWS words it. */
  readonly message: string;
}

/** A service that acts for one of its own resources: the bus for a rule, API Gateway for a route. */
export interface ServiceCall {
  /** `events.amazonaws.com` */
  readonly service: string;
  readonly action: string;
  readonly resource: string;
  readonly sourceArn: string;
}

export interface AccessControl {
  /** The first need of a function's call that is not met; undefined where all are. Throws for an operation unknown here. */
  refuseCall(caller: Caller, call: ServedCall): Denial | undefined;
  /** The first of these that a function's role may not do; Lambda asks before it acts in the name of the role. */
  refuseRole(caller: Caller, needs: readonly Need[]): Denial | undefined;
  /** Whether the resource's own policy lets a service act on it. */
  allowsService(call: ServiceCall): boolean;
  /** The same question, asked ahead: nothing is noted as used. */
  wouldAllowService(call: ServiceCall): boolean;
  /** Whether Lambda may take on a role. */
  trustsLambda(roleArn: string): boolean;
}

export interface AccessControlOptions extends Account {
  readonly roles: Roles;
  /** The policy of a queue, a function or whatever else has one; none where there is none. */
  readonly policyOf: (resourceArn: string) => readonly Statement[];
  readonly ledger: GrantLedger;
  /** What somebody lacks, in a sentence for the console; once for each. */
  readonly onDenied: (text: string) => void;
}

/** Decides who may do what, as IAM would with the template's policies. */
export function createAccessControl(options: AccessControlOptions): AccessControl {
  const { region, accountId, roles, policyOf, ledger } = options;
  const told = new Set<string>();
  // The same few questions are asked with each event. A verdict holds as long as the policies are the same ones.
  const verdicts = new Map<string, { readonly resourcePolicy: readonly Statement[]; readonly verdict: Verdict }>();
  const maxVerdicts = 10_000;

  function decide(request: AccessRequest, identity: readonly Statement[], who: string): Verdict {
    const resourcePolicy = policyOf(request.resource);
    const key = `${who}|${identity.length}|${request.action}|${request.resource}|${JSON.stringify(request.context)}`;
    const known = verdicts.get(key);
    if (known !== undefined && known.resourcePolicy === resourcePolicy) return known.verdict;
    const verdict = evaluateAccess(request, { identity, resource: resourcePolicy });
    if (verdicts.size >= maxVerdicts) verdicts.clear();
    verdicts.set(key, { resourcePolicy, verdict });
    return verdict;
  }

  // Requests over TLS: the local endpoint speaks plain HTTP to itself, where AWS's clients would not.
  const common = { 'aws:securetransport': ['true'], 'aws:requestedregion': [region] };

  function decideForRole({ functionName, roleArn }: Caller, need: Need): Verdict {
    const context: RequestContext = {
      ...common,
      'aws:principalarn': [roleArn],
      'aws:principalaccount': [accountId],
      'aws:principalisawsservice': ['false'],
      // A bucket's ARN does not say whose it is; all that are known here are this account's.
      'aws:resourceaccount': [need.resource.split(':')[4] || accountId],
      ...need.context,
    };
    const principal = { kind: 'role' } as const;
    const { action, resource } = need;
    const identity = roles.find(roleArn)?.statements ?? [];
    return decide({ principal, action, resource, context }, identity, `${roleArn}|${functionName}`);
  }

  function refuseRole(caller: Caller, needs: readonly Need[]): Denial | undefined {
    for (const need of needs) {
      const verdict = decideForRole(caller, need);
      if (verdict.kind === 'allowed') {
        ledger.note(verdict.by);
        continue;
      }
      tell(`${caller.functionName} lacks ${need.action} on ${need.resource} (role ${caller.roleArn})`);
      return denialOf(caller, need, verdict);
    }
    return undefined;
  }

  function tell(text: string): void {
    if (told.has(text)) return;
    told.add(text);
    options.onDenied(text);
  }

  function denialOf(
    caller: Caller,
    { action, resource }: Need,
    verdict: Exclude<Verdict, { kind: 'allowed' }>,
  ): Denial {
    // SQS is known to print its actions in lower case.
    const printed = action.startsWith('sqs:') ? action.toLowerCase() : action;
    const why =
      verdict.kind === 'forbidden'
        ? `with an explicit deny in ${verdict.policyKind === 'identity-based' ? 'an' : 'a'} ${verdict.policyKind} policy`
        : `because no identity-based policy allows the ${printed} action`;
    const user = sessionArn(accountId, caller.roleArn, caller.functionName);
    return {
      action,
      resource,
      message: `User: ${user} is not authorized to perform: ${printed} on resource: ${resource} ${why}`,
    };
  }

  function decideForService({ service, action, resource, sourceArn }: ServiceCall): Verdict {
    const context: RequestContext = {
      ...common,
      'aws:sourcearn': [sourceArn],
      'aws:sourceaccount': [accountId],
      'aws:principalisawsservice': ['true'],
    };
    return decide({ principal: { kind: 'service', service }, action, resource, context }, [], service);
  }

  return {
    refuseCall(caller, { service, operation, input }) {
      const name = `${service}:${operation}`;
      const needs = Object.hasOwn(operationNeeds, name) ? operationNeeds[name] : undefined;
      if (needs === undefined) throw new Error(`nobody has said which permissions ${name} needs`);
      return refuseRole(caller, needs(input, options));
    },
    refuseRole,
    allowsService(call) {
      const verdict = decideForService(call);
      if (verdict.kind === 'allowed') ledger.note(verdict.by);
      else tell(`the policy of ${call.resource} does not let ${call.service} do ${call.action} for ${call.sourceArn}`);
      return verdict.kind === 'allowed';
    },
    wouldAllowService: (call) => decideForService(call).kind === 'allowed',
    trustsLambda(roleArn) {
      const trust = roles.find(roleArn)?.trust ?? [];
      const principal = { kind: 'service', service: 'lambda.amazonaws.com' } as const;
      const verdict = evaluateAccess(
        { principal, action: 'sts:AssumeRole', resource: roleArn, context: common },
        { identity: [], resource: trust },
      );
      if (verdict.kind === 'allowed') ledger.note(verdict.by);
      else tell(`Lambda may not take on the role ${roleArn}: its trust policy does not let it`);
      return verdict.kind === 'allowed';
    },
  };
}

/** Who a function is to AWS. */
export function sessionArn(accountId: string, roleArn: string, functionName: string): string {
  return `arn:aws:sts::${accountId}:assumed-role/${roleArn.slice(roleArn.lastIndexOf('/') + 1)}/${functionName}`;
}
