import { type Command, Option } from 'commander';
import { durationSeconds } from './option-values.ts';

export interface WaitOptions {
  readonly wait?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** `--wait` and `--timeout`. `most`: the default, as it can be given. */
export function withWait(command: Command, description: string, most = '2m'): Command {
  return withTimeout(command.addOption(new Option('--wait', description)), most);
}

export function withTimeout(command: Command, most: string): Command {
  return command.addOption(
    new Option('--timeout <time>', 'how long to wait at most')
      .argParser(durationSeconds)
      .default(durationSeconds(most), most),
  );
}
