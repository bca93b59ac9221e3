import type { TargetOptions } from './api-target.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';

/** As `npm start` names it. */
const localStack = 'webhook-fanout-local';
const localRegion = 'us-east-1';
const localEndpoint = 'http://127.0.0.1:4401';

/** A stack, and how AWS is spoken to about it. */
export interface StackTarget {
  readonly stack: string;
  readonly region?: string;
  readonly profile?: string;
  /** Of all services, in place of AWS's own. */
  readonly endpoint?: string;
  /** Left out: those that the AWS command line would take. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/**
 * The stack that the options and the environment mean, for what the API does not know: queues and log groups. Without
 * any it is the local run, whose AWS endpoint takes any credentials.
 */
export function chooseStack(
  { api, stack, region, profile }: TargetOptions,
  env: Readonly<Record<string, string | undefined>>,
): StackTarget {
  const named = stack ?? (api === undefined ? env.FANOUT_STACK || undefined : undefined);
  if (named !== undefined) {
    return {
      stack: named,
      ...(region === undefined ? {} : { region }),
      ...(profile === undefined ? {} : { profile }),
    };
  }
  const url = api ?? (env.FANOUT_API || undefined);
  if (url?.startsWith('https:')) {
    throw new CommandFailed(
      exitCodes.usage,
      'this is asked of AWS, and the address of an API does not say which stack it is of: add --stack, as --stack webhook-fanout-prod',
    );
  }
  return {
    stack: localStack,
    region: localRegion,
    endpoint: env.AWS_ENDPOINT_URL || localEndpoint,
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID || 'local',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY || 'local',
    },
  };
}
