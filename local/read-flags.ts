import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * `parseArgs` for who types a command: `--help` prints the usage and ends the process with 0; something that cannot be
 * read ends it with 2 and one line that names it.
 */
export function readFlags<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's message goes on about positional arguments.
    return refuseFlags((error as Error).message.split(/[.\n]/, 1)[0] ?? '');
  }
}

/** For a flag whose value makes no sense. */
export function refuseFlags(message: string): never {
  console.error(`${message} (--help says what there is)`);
  process.exit(2);
}

/** `--seeds 20` as a number; refuses what is none, or less than `least`. */
export function wholeNumberFlag(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least) return value;
  return refuseFlags(`--${name} ${text}: give a whole number from ${least} to 999999999`);
}
