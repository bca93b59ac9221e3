import type { MadeResource, ResolvedResource } from '../template/make-stack.ts';
import { physicalName, type ResourceMaker } from './resource-maker.ts';
import type { World } from './world.ts';

/**
 * Types that change nothing on one machine, each with the reason. They have names and ARNs, because other resources
 * refer to them; their properties are not looked at.
 */
interface WithoutEffect {
  readonly reason: string;
  readonly made: (name: string, world: World, resource: ResolvedResource) => MadeResource;
}

const nameOnly: WithoutEffect['made'] = (name) => ({ ref: name });

const table: Readonly<Record<string, WithoutEffect>> = {
  'AWS::CDK::Metadata': { reason: 'tells AWS which constructs were used', made: nameOnly },
  'AWS::CloudWatch::CompositeAlarm': {
    reason: 'the alarms that it is made of are watched',
    made: (name, { region, accountId }) => ({
      ref: name,
      attributes: { Arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}` },
    }),
  },
  'AWS::Logs::LogGroup': {
    reason: 'what functions write goes to the console',
    made: (name, { region, accountId }) => ({
      ref: name,
      attributes: { Arn: `arn:aws:logs:${region}:${accountId}:log-group:${name}:*` },
    }),
  },
  'AWS::Logs::QueryDefinition': {
    reason: 'a saved search in logs that are not kept',
    made: (name) => ({ ref: name, attributes: { QueryDefinitionId: name } }),
  },
  'AWS::Logs::ResourcePolicy': { reason: 'nobody writes to the logs but the functions', made: nameOnly },
  'AWS::SNS::Subscription': { reason: 'alarms ring for nobody here', made: nameOnly },
  'AWS::SNS::Topic': {
    reason: 'alarms ring for nobody here',
    made: (name, { region, accountId }) => {
      const arn = `arn:aws:sns:${region}:${accountId}:${name}`;
      return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
    },
  },
  'AWS::SNS::TopicPolicy': { reason: 'alarms ring for nobody here', made: nameOnly },
  'AWS::SSM::Parameter': {
    reason: 'read by people and other stacks',
    made: (name, _world, { properties }) => ({
      ref: String(properties.Name ?? name),
      attributes: { Type: properties.Type, Value: properties.Value },
    }),
  },
};

/** The property that names a resource, where the template names it. */
const nameProperties = ['AlarmName', 'LogGroupName', 'TopicName', 'Name'];

export const makersWithoutEffect: Readonly<Record<string, ResourceMaker>> = Object.fromEntries(
  Object.entries(table).map(([type, { made }]): [string, ResourceMaker] => [
    type,
    (resource, world) => {
      const given = nameProperties.map((property) => resource.properties[property]).find((name) => name !== undefined);
      const name = typeof given === 'string' ? given : physicalName(world, resource.logicalId);
      return made(name, world, resource);
    },
  ]),
);

/** Why each of them has no effect, for who asks. */
export const reasonsWithoutEffect: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(table).map(([type, { reason }]) => [type, reason]),
);
