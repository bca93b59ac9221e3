import type { Queues } from '../../../../local/aws/engine/queues.ts';
import { createAccessControl } from '../../../../local/aws/iam/access-control.ts';
import { createGrantLedger } from '../../../../local/aws/iam/grant-ledger.ts';
import { createResourcePolicies } from '../../../../local/aws/iam/resource-policies.ts';
import { createRoles } from '../../../../local/aws/iam/roles.ts';

/** Whether queues let rules send to them, by their true policies. */
export function allowsSendBy(queues: () => Queues): (queueArn: string, ruleArn: string) => boolean {
  const access = createAccessControl({
    region: 'us-east-1',
    accountId: '000000000000',
    roles: createRoles(),
    ledger: createGrantLedger(),
    policyOf: createResourcePolicies({
      textOf: (arn) => queues().findByArn(arn)?.policy(),
      onUnreadable: () => {},
    }),
    secretArn: () => undefined,
    mappedFunctionArn: () => undefined,
    onDenied: () => {},
  });
  return (resource, sourceArn) =>
    access.allowsService({ service: 'events.amazonaws.com', action: 'sqs:SendMessage', resource, sourceArn });
}

/** For what is about something else: roles that Lambda may take on and that may do everything. */
export const everyRole = { refuseRole: () => undefined, trustsLambda: () => true };
