import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command, CommanderError, Option } from 'commander';
import { CommandFailed } from './command-failed.ts';
import { registerAlarms } from './commands/alarms.ts';
import { registerConversations } from './commands/conversations.ts';
import { registerDeadLetters } from './commands/dead-letters.ts';
import { registerDeliveries } from './commands/deliveries.ts';
import { registerDriftToken } from './commands/drift-token.ts';
import { registerEventTypes } from './commands/event-types.ts';
import { registerEvents } from './commands/events.ts';
import { registerFilters } from './commands/filters.ts';
import { registerHealth } from './commands/health.ts';
import { registerLogs } from './commands/logs.ts';
import { registerOrgs } from './commands/orgs.ts';
import { registerReplays } from './commands/replays.ts';
import { registerSubscriptions } from './commands/subscriptions.ts';
import { registerVersion } from './commands/version.ts';
import { type ExitCode, exitCodes, exitCodesHelp } from './exit-codes.ts';
import { type CommandLine, openSession, openStackIfKnown, openStackSession } from './session.ts';
import type { Output, Surroundings } from './surroundings.ts';
import { visibleLines, visibleText } from './visible-text.ts';

/** Runs one command line (without `node` and the file's name) and says how it ended. Never throws. */
export async function runFanout(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stderr, env } = surroundings;
  let exitCode: ExitCode = exitCodes.ok;
  const version = packageVersion();
  const line: CommandLine = {
    surroundings,
    open: (command) => openSession(command, surroundings, version),
    openStack: (command) => openStackSession(command, surroundings),
    openStackIfKnown: (command) => openStackIfKnown(command, surroundings),
    finish: (code) => {
      exitCode = code;
    },
  };
  try {
    await createProgram(line, version).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommandFailed) {
      const [first = '', ...others] = error.lines.map(visibleText);
      stderr.write(`${[`fanout: ${first}`, ...others].join('\n')}\n`);
      return error.exitCode;
    }
    // commander has said what is wrong by now; its exit code is 0 for help and version only.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    stderr.write(`fanout: this is a bug of the command: ${visibleText(message)}\n`);
    stderr.write(env.FANOUT_DEBUG ? `${stack}\n` : 'Set FANOUT_DEBUG=1 to see where, and please report it.\n');
    return exitCodes.bug;
  }
}

function createProgram(line: CommandLine, version: string): Command {
  const { stdout, stderr } = line.surroundings;
  const program = new Command('fanout')
    .description('Manages a Drift webhook fan-out: who gets which events, and what became of them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help for a command')
    .exitOverride()
    .showHelpAfterError('(add --help to see what is possible)')
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => styleText('bold', title, { validateStream: false }),
    })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(visibleLines(text.replace(/^error: /, 'fanout: '))),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => isColoured(stdout),
      getErrHasColors: () => isColoured(stderr),
    })
    .addOption(new Option('--json', 'one JSON document instead of a table, numbers untouched'))
    .addOption(new Option('--api <url>', 'the API (default: FANOUT_API, or the local run at http://127.0.0.1:4400)'))
    .addOption(new Option('--insecure', 'send over plain http to another machine, secrets and all'))
    .addOption(new Option('--stack <name>', 'a deployed stack: its API, found with your AWS credentials'))
    .addOption(new Option('--region <region>', 'AWS region of the stack (default: as the AWS command line)'))
    .addOption(new Option('--profile <name>', 'AWS profile with the credentials (default: AWS_PROFILE)'))
    .addHelpText(
      'after',
      `
Examples:
  fanout subscriptions create https://crm.example/drift --events conversation_push --wait
  fanout subscriptions list
  fanout events send event.json
  fanout deliveries list sub_… --state undelivered
  fanout events show msg_…
  fanout subscriptions list --stack webhook-fanout-prod --json

Without an option it talks to the local run (npm start). An https API is a deployed one: requests to it are
signed with the credentials that the AWS command line would take.

${exitCodesHelp}`,
    );
  registerSubscriptions(program, line);
  registerConversations(program, line);
  registerDeliveries(program, line);
  registerReplays(program, line);
  registerOrgs(program, line);
  registerEvents(program, line);
  registerEventTypes(program, line);
  registerFilters(program, line);
  registerAlarms(program, line);
  registerDeadLetters(program, line);
  registerHealth(program, line);
  registerLogs(program, line);
  registerDriftToken(program, line);
  registerVersion(program, line);
  return program;
}

function isColoured(output: Output): boolean {
  return output.isTTY === true && (output.hasColors?.() ?? false);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
