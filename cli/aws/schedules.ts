import { DescribeRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { awsFailure } from '../aws-errors.ts';
import type { DeployedStack } from './deployed-stack.ts';

export interface StackRule {
  /** Its id in the template, without what CDK adds. */
  readonly name: string;
  readonly isEnabled: boolean;
  enable(): Promise<void>;
}

/** The rules of the stack: its schedules, and those that bring events to its own queues. */
export async function readStackRules(stack: DeployedStack): Promise<readonly StackRule[]> {
  const client = new EventBridgeClient(stack.client);
  const resources = await stack.resources('AWS::Events::Rule');
  return Promise.all(
    resources.map(async ({ logicalId, physicalId }) => {
      // CloudFormation writes `<bus>|<rule>` where the bus is not the default one.
      const [first = '', second] = physicalId.split('|');
      const rule = second === undefined ? { Name: first } : { EventBusName: first, Name: second };
      try {
        const { State } = await client.send(new DescribeRuleCommand(rule));
        return {
          name: logicalId.slice(0, -8),
          isEnabled: State !== 'DISABLED',
          enable: async () => {
            await client.send(new EnableRuleCommand(rule)).catch((error: unknown) => {
              throw awsFailure(error, `the rule ${logicalId} could not be enabled`);
            });
          },
        };
      } catch (error) {
        throw awsFailure(error, `the rule ${logicalId} could not be looked at`);
      }
    }),
  );
}
