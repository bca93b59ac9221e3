import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { routePrefixOf } from '../../lambdas/domain/routes/route-prefix.ts';
import { awsFailure } from '../aws-errors.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { StackTarget } from '../stack-target.ts';

/** What an SDK client is made with. */
export interface ClientConfig {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface StackResource {
  readonly logicalId: string;
  /** As CloudFormation calls it: of a queue its url, of a function its name. */
  readonly physicalId: string;
}

export interface DeployedStack {
  readonly name: string;
  readonly region: string;
  readonly client: ClientConfig;
  readonly outputs: Readonly<Record<string, string>>;
  /** Begins the names of what is made for subscribers. */
  readonly routePrefix: string;
  /** Of a type, `AWS::SQS::Queue`. Its logical ids end with eight characters that CDK adds. */
  resources(type: string): Promise<readonly StackResource[]>;
  /** Of the one function whose logical id begins so. */
  functionName(logicalId: string): Promise<string>;
}

/** Fails with a sentence where there is no such stack, or it is none of ours, or AWS cannot be asked. */
export async function openStack({ stack, ...client }: StackTarget): Promise<DeployedStack> {
  try {
    const cloudFormation = new CloudFormationClient(client);
    const region = await cloudFormation.config.region();
    const { Stacks } = await cloudFormation
      .send(new DescribeStacksCommand({ StackName: stack }))
      .catch((error: unknown) => {
        if (error instanceof Error && /does not exist/.test(error.message)) {
          throw new CommandFailed(exitCodes.notFound, `there is no stack ${stack} in ${region}`);
        }
        throw error;
      });
    const outputs = Object.fromEntries(
      (Stacks?.[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    );
    const name = Stacks?.[0]?.StackName ?? stack;
    let all: Promise<readonly StackResourceSummary[]> | undefined;
    const deployed: DeployedStack = {
      name,
      region,
      client: { ...client, region },
      outputs,
      get routePrefix() {
        return prefixOf(name, region);
      },
      async resources(type) {
        all ??= allResources(cloudFormation, stack);
        const found = await all.catch((error: unknown) => {
          throw awsFailure(error, `the resources of ${stack} could not be listed`);
        });
        return found
          .filter(({ ResourceType }) => ResourceType === type)
          .map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => ({
            logicalId: LogicalResourceId,
            physicalId: PhysicalResourceId,
          }));
      },
      async functionName(id) {
        const functions = await deployed.resources('AWS::Lambda::Function');
        const found = functions.find(({ logicalId }) => logicalId.slice(0, -8) === id);
        if (found !== undefined) return found.physicalId;
        throw new CommandFailed(exitCodes.notFound, `the stack ${name} in ${region} has no function ${id}`);
      },
    };
    return deployed;
  } catch (error) {
    const failure = awsFailure(error, `the stack ${stack} could not be looked up`);
    if (failure.exitCode !== exitCodes.unreachable || client.endpoint === undefined) throw failure;
    const hint = 'Is the local run up? Start it with: npm start. On another --aws-port: set AWS_ENDPOINT_URL';
    throw new CommandFailed(failure.exitCode, ...failure.lines, hint);
  }
}

async function allResources(client: CloudFormationClient, stack: string): Promise<readonly StackResourceSummary[]> {
  const all: StackResourceSummary[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(
      new ListStackResourcesCommand({ StackName: stack, ...(NextToken === undefined ? {} : { NextToken }) }),
    );
    all.push(...(page.StackResourceSummaries ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return all;
}

function prefixOf(stack: string, region: string): string {
  try {
    return routePrefixOf(stack);
  } catch {
    throw new CommandFailed(
      exitCodes.notFound,
      `the stack ${stack} in ${region} is no webhook fan-out: those are named webhook-fanout-<stage>`,
    );
  }
}
