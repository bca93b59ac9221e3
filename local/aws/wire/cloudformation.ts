import { EngineError } from '../engine/engine-error.ts';
import type { Stacks } from '../stacks.ts';
import { Members, onePage, present } from './request-members.ts';
import type { AwsService, Input } from './service.ts';

const resourcesOnePage = 100;
/** Members of the query protocol. */
const protocolMembers = ['Action', 'Version'];

/** What CloudFormation says of a stack: its outputs and its resources. */
export function cloudformationService({ stacks }: { readonly stacks: Stacks }): AwsService {
  const stackOf = (input: Input) => {
    const name = new Members(input, 'ValidationError').text('StackName');
    const stack = stacks.find(name);
    if (stack !== undefined) return stack;
    throw new EngineError('ValidationError', `Stack with id ${name} does not exist`);
  };
  return {
    name: 'cloudformation',
    operations: {
      DescribeStacks: {
        takes: [...protocolMembers, 'StackName'],
        answer(input) {
          const { name, arn, createdAt, outputs } = stackOf(input);
          const stack = {
            StackName: name,
            StackId: arn,
            CreationTime: new Date(createdAt).toISOString(),
            StackStatus: 'CREATE_COMPLETE',
            Outputs: Object.entries(outputs).map(([key, value]) => ({ OutputKey: key, OutputValue: String(value) })),
          };
          return { Stacks: [stack] };
        },
      },
      ListStackResources: {
        takes: [...protocolMembers, 'StackName', 'NextToken'],
        answer(input) {
          const { resources, createdAt } = stackOf(input);
          const token = new Members(input, 'ValidationError').textIfAny('NextToken');
          const { page, next } = onePage(resources, resourcesOnePage, token, 'ValidationError');
          return {
            StackResourceSummaries: page.map(({ logicalId, physicalId, type }) => ({
              LogicalResourceId: logicalId,
              PhysicalResourceId: physicalId,
              ResourceType: type,
              ResourceStatus: 'CREATE_COMPLETE',
              LastUpdatedTimestamp: new Date(createdAt).toISOString(),
            })),
            ...present('NextToken', next),
          };
        },
      },
    },
  };
}
