import type { Command } from 'commander';
import type { JsonObject } from '../../lambdas/json/json.ts';
import { orgSettingsPath } from '../api-path.ts';
import { durationSeconds } from '../option-values.ts';
import type { Printer } from '../printer.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

const quietPeriodMeaning =
  'The quiet period: how long nobody writes in a conversation until conversation_inactive is sent.';

export function registerOrgs(program: Command, line: CommandLine): void {
  const group = program.command('orgs').description('Settings of organisations');

  group
    .command('show')
    .description("Show an organisation's settings")
    .argument('<orgId>', "the organisation's id, as in Drift's events")
    .addHelpText('after', examples('fanout orgs show 1'))
    .action(async (orgId: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: orgSettingsPath(orgId) });
      printer.result(body, () => settingsText(printer, body));
    });

  group
    .command('set-quiet-period')
    .description(`Set an organisation's quiet period.\n${quietPeriodMeaning}`)
    .argument('<orgId>', "the organisation's id, as in Drift's events")
    .argument('<period>', 'a time like 90s, 10m or 2h (60 s to 24 h), or default', (text: string) =>
      text === 'default' ? null : durationSeconds(text),
    )
    .addHelpText('after', examples('fanout orgs set-quiet-period 1 30m', 'fanout orgs set-quiet-period 1 default'))
    .action(async (orgId: string, quietPeriodSeconds: number | null, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'PUT', path: orgSettingsPath(orgId), body: { quietPeriodSeconds } });
      printer.result(body, () => settingsText(printer, body));
    });
}

function settingsText(printer: Printer, { orgId, quietPeriodSeconds, isDefault }: JsonObject): string {
  return printer.details([
    ['Organisation', JSON.stringify(orgId)],
    ['Quiet period', `${String(quietPeriodSeconds)} s${isDefault === true ? ' (the default)' : ''}`],
  ]);
}
