import { type AccessControl, type Caller, sessionArn } from './iam/access-control.ts';
import type { Roles } from './iam/roles.ts';
import type { LambdaFunctions } from './runtime/lambda-functions.ts';
import { accessDenied } from './wire/access-denied.ts';
import type { AuthorizationRequest } from './wire/http-server.ts';

/** Who calls the endpoint, by the access key: a function of the stack, a person with a policy, or the one at the keyboard. */
export interface Callers {
  /** Throws where the caller's role does not allow the call. The person at the keyboard may do everything. */
  authorize(request: AuthorizationRequest): void;
  /** Whether the caller may ask for a route of the API that takes IAM's word (`arn:aws:execute-api:…`). */
  mayInvoke(accessKeyId: string, routeArn: string): boolean;
  /** From now on whoever calls with this key may do what the policy says, and nothing else. Throws `PolicyError`. */
  addPerson(accessKeyId: string, policy: unknown): void;
  /** As GetCallerIdentity answers it. */
  identityArn(accessKeyId: string): string;
}

export function createCallers(options: {
  readonly accountId: string;
  readonly functions: LambdaFunctions;
  readonly access: AccessControl;
  readonly roles: Roles;
}): Callers {
  const { accountId, functions, access, roles } = options;
  const people = new Map<string, Caller>();
  const callerOf = (accessKeyId: string): Caller | undefined => {
    const found = functions.findByAccessKey(accessKeyId);
    return found === undefined ? people.get(accessKeyId) : { functionName: found.name, roleArn: found.roleArn };
  };
  return {
    mayInvoke(accessKeyId, routeArn) {
      const caller = callerOf(accessKeyId);
      const need = { action: 'execute-api:Invoke', resource: routeArn };
      return caller === undefined || access.refuseRole(caller, [need]) === undefined;
    },
    addPerson(accessKeyId, policy) {
      const roleArn = `arn:aws:iam::${accountId}:role/${accessKeyId}`;
      const assumedBy = { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }] };
      roles.add({ arn: roleArn, name: accessKeyId, assumedBy, writtenAs: accessKeyId });
      roles.attach(accessKeyId, accessKeyId, policy);
      people.set(accessKeyId, { functionName: accessKeyId, roleArn });
    },
    authorize({ accessKeyId, service, operation, input }) {
      const caller = callerOf(accessKeyId);
      const denial = caller && access.refuseCall(caller, { service, operation, input });
      if (denial !== undefined) throw accessDenied(service, denial);
    },
    identityArn(accessKeyId) {
      const caller = callerOf(accessKeyId);
      if (caller === undefined) return `arn:aws:iam::${accountId}:user/local`;
      return sessionArn(accountId, caller.roleArn, caller.functionName);
    },
  };
}
