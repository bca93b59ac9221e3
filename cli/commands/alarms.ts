import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { shortTime } from '../printer.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerAlarms(program: Command, line: CommandLine): void {
  program
    .command('alarms')
    .description(
      'The alarms of the stack, those that ring first; each is called as its article of docs/runbook.md.\nExits 0 when none rings, 7 when one does.',
    )
    .addHelpText('after', examples('fanout alarms', 'fanout alarms --stack webhook-fanout-prod --json'))
    .action(async (_options: unknown, command: Command) => {
      const { stack, printer } = await line.openStack(command);
      const { readAlarms } = await import('../aws/alarms.ts');
      const isRinging = ({ state }: { readonly state: string }) => state === 'ALARM';
      const alarms = (await readAlarms(stack)).toSorted(
        (one, other) => Number(isRinging(other)) - Number(isRinging(one)) || (one.article < other.article ? -1 : 1),
      );
      printer.result({ alarms: alarms.map((alarm) => ({ ...alarm })) }, () =>
        printer.table(
          ['ALARM', 'STATE', 'SINCE (UTC)', 'REASON'],
          alarms.map((alarm) => [
            alarm.article,
            alarm.state,
            shortTime(alarm.since),
            isRinging(alarm) ? (alarm.reason ?? alarm.description) : undefined,
          ]),
        ),
      );
      const ringing = alarms.filter(isRinging).length;
      printer.notice(ringing === 0 ? `None of ${alarms.length} rings.` : `${ringing} of ${alarms.length} ring.`);
      line.finish(ringing === 0 ? exitCodes.ok : exitCodes.negative);
    });
}
