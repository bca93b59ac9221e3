import type { Command } from 'commander';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerDriftToken(program: Command, line: CommandLine): void {
  program
    .command('drift-token')
    .description("The token by which posts are known as Drift's")
    .command('set')
    .description(
      'Stores the token of DRIFT_TOKEN. It is accepted with the next post, or 10 seconds later where a wrong one has just been refused; the token before it goes on being accepted, until the next one is set.',
    )
    .addHelpText(
      'after',
      examples('read -rs DRIFT_TOKEN && export DRIFT_TOKEN && fanout drift-token set --stack webhook-fanout-prod'),
    )
    .action(async (_options: unknown, command: Command) => {
      // Not as an argument: every user of the machine sees those of every process.
      const token = line.surroundings.env.DRIFT_TOKEN?.trim();
      if (!token) throw new CommandFailed(exitCodes.usage, 'which token? Set DRIFT_TOKEN to the one of the Drift app');
      const { stack, printer } = await line.openStack(command);
      const { putDriftToken } = await import('../aws/drift-token.ts');
      await putDriftToken(stack, token);
      printer.result({ stored: true }, () => 'Stored. The token before it goes on being accepted, until the next.');
    });
}
