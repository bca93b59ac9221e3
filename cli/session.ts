import type { Command } from 'commander';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type ApiTarget, chooseTarget, type TargetOptions } from './api-target.ts';
import type { DeployedStack } from './aws/deployed-stack.ts';
import type { ExitCode } from './exit-codes.ts';
import { createPrinter, type Printer } from './printer.ts';
import { chooseStack } from './stack-target.ts';
import type { Surroundings } from './surroundings.ts';

export interface GlobalOptions extends TargetOptions {
  readonly json?: boolean;
}

/** What a command works with, once its options are read. */
export interface Session {
  readonly api: ApiClient;
  readonly printer: Printer;
  readonly surroundings: Surroundings;
}

/** For what the API does not know: the stack itself, as AWS tells of it. */
export interface StackSession {
  readonly stack: DeployedStack;
  readonly printer: Printer;
  readonly surroundings: Surroundings;
}

/** What the commands of `commands/` are registered with. */
export interface CommandLine {
  readonly surroundings: Surroundings;
  open(command: Command): Promise<Session>;
  openStack(command: Command): Promise<StackSession>;
  /** Undefined: only the address of an API is known, and not which stack it is of. */
  openStackIfKnown(command: Command): Promise<StackSession | undefined>;
  /** The exit status, where it is not 0 and nothing failed. */
  finish(exitCode: ExitCode): void;
}

export async function openSession(command: Command, surroundings: Surroundings, version: string): Promise<Session> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const target = await findTarget(options, surroundings);
  return {
    api: createApiClient(target, `fanout-cli/${version}`),
    printer: createPrinter(surroundings, { json: options.json === true }),
    surroundings,
  };
}

export async function openStackSession(command: Command, surroundings: Surroundings): Promise<StackSession> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const target = chooseStack(options, surroundings.env);
  const { openStack } = await import('./aws/deployed-stack.ts');
  return {
    stack: await openStack(target),
    printer: createPrinter(surroundings, { json: options.json === true }),
    surroundings,
  };
}

/** Undefined: the options and the environment name an API and no stack. */
export async function openStackIfKnown(
  command: Command,
  surroundings: Surroundings,
): Promise<StackSession | undefined> {
  const { api, stack } = command.optsWithGlobals<GlobalOptions>();
  const { FANOUT_API, FANOUT_STACK, AWS_ENDPOINT_URL } = surroundings.env;
  const named = stack ?? (api === undefined ? FANOUT_STACK : undefined);
  const url = api ?? FANOUT_API;
  // The local run on its own ports is known; on others it is where AWS_ENDPOINT_URL says so.
  const isKnown = named || !url || (AWS_ENDPOINT_URL && !url.startsWith('https:'));
  return isKnown ? openStackSession(command, surroundings) : undefined;
}

async function findTarget(options: TargetOptions, { env }: Surroundings): Promise<ApiTarget> {
  const choice = chooseTarget(options, env);
  if (choice.kind !== 'stack') return choice;
  const { profile } = options;
  const { findStackApi } = await import('./aws/stack-api.ts');
  const found = await findStackApi(chooseStack(options, env));
  return { kind: 'signed', ...found, ...(profile === undefined ? {} : { profile }) };
}
