import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { DeleteQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { localAwsClients } from '../../../lab/support/local-aws-clients.ts';

/** What somebody changes in the console, and what `npm run deploy -- --revert-drift` gives back. */
export interface ChangesByHand {
  /** One variable of a function; undefined takes it away. */
  setVariable(functionName: string, variable: string, value: string | undefined): Promise<void>;
  /** 0: nothing of it runs any more. */
  reserveConcurrency(functionName: string, executions: number): Promise<void>;
  /** The mapping of a function that reads the source whose ARN has this in it. */
  disableMapping(functionName: string, source: string): Promise<void>;
  disableRule(name: string): Promise<void>;
  /** Undefined: nobody may send any more. */
  setQueuePolicy(queueUrl: string, policy: object | undefined): Promise<void>;
  deleteQueue(queueUrl: string): Promise<void>;
  /** All changes of what belongs to the stack are as the template has it again. */
  revertDrift(): Promise<void>;
  /** Also what the runbook's own commands bring back, as far as it is still there. */
  revertAll(): Promise<void>;
  /** All of it has been brought back. */
  forget(): void;
}

export function createChangesByHand({ eventBridge, lambda, sqs }: ReturnType<typeof localAwsClients>): ChangesByHand {
  const reverts: (() => Promise<unknown>)[] = [];
  const switches: (() => Promise<unknown>)[] = [];
  return {
    async setVariable(FunctionName, variable, value) {
      const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      const set = async (Variables: Record<string, string>): Promise<void> => {
        await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
        await waitUntilFunctionUpdatedV2(
          { client: lambda, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { FunctionName },
        );
      };
      const before = Environment?.Variables ?? {};
      const { [variable]: _, ...others } = before;
      reverts.push(() => set(before));
      await set(value === undefined ? others : { ...others, [variable]: value });
    },
    async reserveConcurrency(FunctionName, executions) {
      reverts.push(() => lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName })));
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: executions }));
    },
    async disableMapping(FunctionName, source) {
      const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
      const found = EventSourceMappings.find(({ EventSourceArn = '' }) => EventSourceArn.includes(source));
      if (found === undefined) throw new Error(`${FunctionName} has no mapping of ${source}`);
      const enable = (Enabled: boolean) =>
        lambda.send(new UpdateEventSourceMappingCommand({ UUID: found.UUID, Enabled }));
      switches.push(() => enable(true));
      await enable(false);
    },
    async disableRule(Name) {
      switches.push(() => eventBridge.send(new EnableRuleCommand({ Name })));
      await eventBridge.send(new DisableRuleCommand({ Name }));
    },
    async setQueuePolicy(QueueUrl, policy) {
      const Attributes = { Policy: policy === undefined ? '' : JSON.stringify(policy) };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    },
    async deleteQueue(QueueUrl) {
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    },
    async revertDrift() {
      for (const revert of reverts.splice(0).reverse()) await revert();
    },
    async revertAll() {
      for (const each of [...reverts, ...switches].reverse()) await each().catch(() => {});
      this.forget();
    },
    forget() {
      reverts.length = 0;
      switches.length = 0;
    },
  };
}
