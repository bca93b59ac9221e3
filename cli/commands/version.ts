import type { Command } from 'commander';
import { sourceVersion } from '../../infra/source-version.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerVersion(program: Command, line: CommandLine): void {
  program
    .command('version')
    .description('The commit that is deployed, and the one of this command line')
    .addHelpText('after', examples('fanout version --stack webhook-fanout-prod'))
    .action(async (_options: unknown, command: Command) => {
      const { stack, printer } = await line.openStack(command);
      const deployed = stack.outputs.Version;
      const commandLine = sourceVersion();
      const document = {
        stack: stack.name,
        region: stack.region,
        ...(deployed === undefined ? {} : { deployed }),
        ...(commandLine === undefined ? {} : { commandLine }),
      };
      printer.result(document, () =>
        printer.details([
          ['Stack', `${stack.name} in ${stack.region}`],
          ['Deployed', deployed ?? 'not recorded: it was not deployed from a Git checkout'],
          ['Command line', commandLine ?? 'not known: this is no Git checkout'],
        ]),
      );
    });
}
