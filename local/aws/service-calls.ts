import { EngineError } from './engine/engine-error.ts';
import type { AccessControl } from './iam/access-control.ts';
import type { InvocationOutcome } from './runtime/function-sandbox.ts';
import type { LambdaFunctions } from './runtime/lambda-functions.ts';

/** What one service asks of another's resource: let in by the policy of that resource, as on AWS. */
export interface ServiceCalls {
  /** Whether a queue's policy lets a rule send to it. */
  allowsSend(queueArn: string, ruleArn: string): boolean;
  /** Throws `ResourceNotFoundException`, `AccessDeniedException`. */
  invokeForRule(functionArn: string, payload: string, ruleArn: string, traceHeader?: string): void;
  /** Rejects with `AccessDeniedException`, and where the function cannot run now. */
  invokeForRoute(
    functionArn: string,
    payload: string,
    routeArn: string,
    traceHeader: string,
  ): Promise<InvocationOutcome>;
}

export function createServiceCalls(access: AccessControl, functions: LambdaFunctions): ServiceCalls {
  const events = 'events.amazonaws.com';
  const refuseInvocation = (service: string, functionArn: string, sourceArn: string): void => {
    const call = { service, action: 'lambda:InvokeFunction', resource: functionArn, sourceArn };
    if (access.allowsService(call)) return;
    throw new EngineError('AccessDeniedException', `${functionArn} does not allow ${sourceArn} to invoke it`);
  };
  return {
    allowsSend: (queueArn, ruleArn) =>
      access.allowsService({ service: events, action: 'sqs:SendMessage', resource: queueArn, sourceArn: ruleArn }),
    invokeForRule(functionArn, payload, ruleArn, traceHeader) {
      functions.describe(functionArn);
      refuseInvocation(events, functionArn, ruleArn);
      functions.invokeAsync(functionArn, payload, traceHeader);
    },
    async invokeForRoute(functionArn, payload, routeArn, traceHeader) {
      refuseInvocation('apigateway.amazonaws.com', functionArn, routeArn);
      return functions.invoke(functionArn, payload, traceHeader);
    },
  };
}
