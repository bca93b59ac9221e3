import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';

/** As the URL parser writes them; no other name is sure to lead to this machine. */
const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export const localApi = 'http://127.0.0.1:4400';

export interface TargetOptions {
  readonly api?: string;
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  /** Plain http to another machine, secrets and all. */
  readonly insecure?: boolean;
}

/** Where requests go. `signed` ones carry an AWS signature (SigV4) for `execute-api`; see `signingRegion`. */
export type ApiTarget = { readonly kind: 'open'; readonly baseUrl: string } | SignedTarget;

export interface SignedTarget {
  readonly kind: 'signed';
  readonly baseUrl: string;
  readonly region?: string;
  readonly profile?: string;
}

/** What the options and the environment ask for; a stack's URL is not known yet. */
export type TargetChoice = ApiTarget | { readonly kind: 'stack'; readonly stack: string };

/**
 * An option goes before the environment, and without either it is the local run. https means deployed, so signed; the
 * local run speaks http and takes no signature.
 */
export function chooseTarget(options: TargetOptions, env: Readonly<Record<string, string | undefined>>): TargetChoice {
  if (options.api !== undefined && options.stack !== undefined) {
    throw new CommandFailed(exitCodes.usage, '--api and --stack say two different places: give one of them');
  }
  if (options.api !== undefined) return targetOf(options.api, '--api', options, env);
  if (options.stack !== undefined) return { kind: 'stack', stack: options.stack };
  const api = env.FANOUT_API || undefined;
  const stack = env.FANOUT_STACK || undefined;
  if (api !== undefined && stack !== undefined) {
    throw new CommandFailed(exitCodes.usage, 'FANOUT_API and FANOUT_STACK say two different places: set one of them');
  }
  if (stack !== undefined) return { kind: 'stack', stack };
  return targetOf(api ?? localApi, 'FANOUT_API', options, env);
}

function targetOf(
  text: string,
  source: string,
  { region, profile, insecure = false }: TargetOptions,
  env: Readonly<Record<string, string | undefined>>,
): ApiTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new CommandFailed(exitCodes.usage, `${source} must be a URL like ${localApi}, but is ${text}`);
  }
  const baseUrl = apiBase(url);
  if (url.protocol === 'http:') {
    // Signing secrets and Drift's token would go over the network for all to read.
    if (!insecure && !loopback.test(url.hostname)) {
      throw new CommandFailed(
        exitCodes.usage,
        `${source} is plain http to another machine, ${url.host}: use https, or add --insecure if everybody on the way may read it`,
      );
    }
    return { kind: 'open', baseUrl };
  }
  const found = region ?? regionOfHost(url.hostname) ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  return {
    kind: 'signed',
    baseUrl,
    ...(found === undefined || found === '' ? {} : { region: found }),
    ...(profile === undefined ? {} : { profile }),
  };
}

/** Asked for where a request is signed: Drift's posts are not, and need none. */
export function signingRegion({ baseUrl, region }: SignedTarget): string {
  if (region !== undefined) return region;
  throw new CommandFailed(
    exitCodes.usage,
    `the AWS region of ${new URL(baseUrl).host} does not show in its name: add --region, as --region eu-west-1`,
  );
}

/** The stack's outputs and the docs show URLs with a path; whoever copies one means the API it belongs to. */
export function apiBase(url: URL): string {
  const path = url.pathname.replace(/\/+$/, '').replace(/\/(v1|drift\/events)$/, '');
  return `${url.origin}${path}`;
}

function regionOfHost(hostname: string): string | undefined {
  return /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(hostname)?.[1];
}
