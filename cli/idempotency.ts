import { randomUUID } from 'node:crypto';
import { type Command, Option } from 'commander';
import { AnswerLost, type ApiAnswer, type ApiClient, type ApiRequest } from './api-client.ts';
import { CommandFailed } from './command-failed.ts';

export interface IdempotencyOptions {
  readonly idempotencyKey?: string;
}

/** For commands that would do something a second time when they are run a second time. */
export function withIdempotencyKey(command: Command): Command {
  return command.addOption(
    new Option(
      '--idempotency-key <key>',
      'any text: what was done under it within 24 hours is not done again (default: a new one each time)',
    ),
  );
}

export interface OnceOnly {
  readonly api: ApiClient;
  readonly key: string;
  /** What the same command needs besides the key to be the same request: instants in the place of `24h`. */
  readonly sameTimes: string;
}

export function onceOnly(api: ApiClient, { idempotencyKey }: IdempotencyOptions, sameTimes = ''): OnceOnly {
  return { api, key: idempotencyKey ?? randomUUID(), sameTimes };
}

/**
 * Sends a request under an `Idempotency-Key`, and once more where no answer came, so that it is done once. `part`: of several
 * requests of one command, from 0.
 */
export async function sendOnce({ api, key, sameTimes }: OnceOnly, request: ApiRequest, part = 0): Promise<ApiAnswer> {
  const headers = { ...request.headers, 'idempotency-key': part === 0 ? key : `${key}/${part}` };
  const keyed = { ...request, headers };
  try {
    return await api.send(keyed);
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error;
  }
  try {
    return await api.send(keyed);
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error;
    const again = `--idempotency-key ${key}${sameTimes === '' ? '' : ` ${sameTimes}`}`;
    const hint = `It may have been done. To make sure, and not do it twice, run the same command with ${again}`;
    throw new CommandFailed(error.exitCode, ...error.lines, hint);
  }
}
