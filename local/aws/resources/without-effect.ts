import { physicalName, type ResourceMaker } from './resource-maker.ts';
import type { World } from './world.ts';

/**
 * Types that change nothing on one machine. They have names and ARNs, because other resources refer to them; their
 * properties are not looked at.
 */
export const makersWithoutEffect: Readonly<Record<string, ResourceMaker>> = {
  // Nothing costs anything here.
  'AWS::Budgets::Budget': ({ logicalId }, world) => ({ ref: physicalName(world, logicalId) }),
  // Alarms ring for nobody here.
  'AWS::SNS::Subscription': ({ logicalId }, world) => ({ ref: physicalName(world, logicalId) }),
  'AWS::SNS::Topic': ({ logicalId, properties: { TopicName } }, world) => {
    const name = nameOf(world, logicalId, TopicName);
    const arn = `arn:aws:sns:${world.region}:${world.accountId}:${name}`;
    return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
  },
  'AWS::SNS::TopicPolicy': ({ logicalId }, world) => ({ ref: physicalName(world, logicalId) }),
};

function nameOf(world: World, logicalId: string, given: unknown): string {
  return typeof given === 'string' ? given : physicalName(world, logicalId);
}
