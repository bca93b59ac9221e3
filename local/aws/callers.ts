import { type AccessControl, type Caller, sessionArn } from './iam/access-control.ts';
import type { LambdaFunctions } from './runtime/lambda-functions.ts';
import { accessDenied } from './wire/access-denied.ts';
import type { AuthorizationRequest } from './wire/http-server.ts';

/** Who calls the endpoint, by the access key: a function of the stack, or the person at the keyboard. */
export interface Callers {
  /** Throws where a function's role does not allow the call. The person may do everything. */
  authorize(request: AuthorizationRequest): void;
  /** As GetCallerIdentity answers it. */
  identityArn(accessKeyId: string): string;
}

export function createCallers(options: {
  readonly accountId: string;
  readonly functions: LambdaFunctions;
  readonly access: AccessControl;
}): Callers {
  const { accountId, functions, access } = options;
  const callerOf = (accessKeyId: string): Caller | undefined => {
    const found = functions.findByAccessKey(accessKeyId);
    return found && { functionName: found.name, roleArn: found.roleArn };
  };
  return {
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
