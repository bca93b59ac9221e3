import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { apiBase } from './api-target.ts';
import { awsFailure } from './aws-errors.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';

export interface StackOptions {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
}

/** The output of the stack that holds the management API's URL. */
const apiOutput = 'ManagementApiUrl';

/** Where a deployed stack's API is, from the stack's outputs, and the region it is in. */
export async function findStackApi(
  stack: string,
  { region, profile }: StackOptions,
): Promise<{ readonly baseUrl: string; readonly region: string }> {
  try {
    const client = new CloudFormationClient({
      ...(region === undefined ? {} : { region }),
      ...(profile === undefined ? {} : { profile }),
    });
    const resolvedRegion = await client.config.region();
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack })).catch((error: unknown) => {
      if (error instanceof Error && /does not exist/.test(error.message)) {
        throw new CommandFailed(exitCodes.notFound, `there is no stack ${stack} in ${resolvedRegion}`);
      }
      throw error;
    });
    const url = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === apiOutput)?.OutputValue;
    if (url === undefined) {
      throw new CommandFailed(
        exitCodes.notFound,
        `the stack ${stack} in ${resolvedRegion} has no output ${apiOutput}: is it a webhook fan-out, and deployed?`,
      );
    }
    return { baseUrl: apiBase(new URL(url)), region: resolvedRegion };
  } catch (error) {
    throw awsFailure(error, `the stack ${stack} could not be looked up`);
  }
}
