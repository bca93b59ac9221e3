import { apiBase } from '../api-target.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { StackTarget } from '../stack-target.ts';
import { openStack } from './deployed-stack.ts';

/** The output of the stack that holds the management API's URL. */
const apiOutput = 'ManagementApiUrl';

/** Where a deployed stack's API is, from the stack's outputs, and the region it is in. */
export async function findStackApi(
  target: StackTarget,
): Promise<{ readonly baseUrl: string; readonly region: string }> {
  const { name, region, outputs } = await openStack(target);
  const url = outputs[apiOutput];
  if (url === undefined) {
    throw new CommandFailed(
      exitCodes.notFound,
      `the stack ${name} in ${region} has no output ${apiOutput}: is it a webhook fan-out, and deployed?`,
    );
  }
  return { baseUrl: apiBase(new URL(url)), region };
}
