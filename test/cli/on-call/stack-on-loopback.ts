import { vi } from 'vitest';
import { type LocalAws, startLocalAws } from '../../local/aws/wire/local-aws.ts';
import { type CommandRun, runCommand } from '../command-run.ts';

export const stackName = 'webhook-fanout-local';

/** The local AWS with a stack of the given resources, and the commands that look at it. */
export async function startStack(resources: Readonly<Record<string, { type: string; physicalId: string }>> = {}) {
  const aws: LocalAws = await startLocalAws();
  const describe = (all: typeof resources, outputs: Readonly<Record<string, string>> = {}): void =>
    aws.stacks.add({
      name: stackName,
      arn: `arn:aws:cloudformation:us-east-1:000000000000:stack/${stackName}/local`,
      createdAt: 0,
      outputs,
      resources: Object.entries(all).map(([logicalId, resource]) => ({ logicalId, ...resource })),
    });
  describe(resources);
  return {
    aws,
    describe,
    /** On standard input there is no terminal. */
    fanout: (args: readonly string[]): Promise<CommandRun> =>
      runCommand(args, {
        env: { AWS_ENDPOINT_URL: aws.url },
        onSleep: () => new Promise((resolve) => setTimeout(resolve, 5)),
      }),
    /** With the environment of an operator: the SDK reads it from the process. */
    async onStack(
      args: readonly string[],
      env: Readonly<Record<string, string | undefined>> = {},
    ): Promise<CommandRun> {
      const operator = {
        AWS_ENDPOINT_URL: aws.url,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'any',
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_PROFILE: undefined,
        AWS_DEFAULT_REGION: undefined,
        ...env,
      };
      for (const [name, value] of Object.entries(operator)) vi.stubEnv(name, value);
      try {
        return await runCommand(args);
      } finally {
        vi.unstubAllEnvs();
      }
    },
    stop: () => aws.stop(),
  };
}

export type StackOnLoopback = Awaited<ReturnType<typeof startStack>>;
