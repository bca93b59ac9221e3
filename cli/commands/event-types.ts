import type { Command } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerEventTypes(program: Command, line: CommandLine): void {
  const group = program.command('event-types').description('What can be subscribed to');
  group
    .command('list')
    .description('List the event types, where they come from and what they mean')
    .addHelpText('after', examples('fanout event-types list', 'fanout event-types list --json'))
    .action(async (_options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: '/v1/event-types' });
      const types = (Array.isArray(body.eventTypes) ? body.eventTypes : []).filter(isJsonObject);
      printer.result(body, () =>
        printer.table(
          ['EVENT TYPE', 'ORIGIN', 'WHEN'],
          types.map((type) => [String(type.type), String(type.origin ?? ''), meaning(type)]),
        ),
      );
    });
}

function meaning({ description, legacy }: JsonObject): string {
  const text = typeof description === 'string' ? description : '';
  if (!isJsonObject(legacy)) return text;
  const replacements = Array.isArray(legacy.replacements) ? legacy.replacements.join(', ') : '';
  const closed = legacy.openToNewSubscribers === false ? ', closed to new subscribers' : '';
  return `${text} Legacy (${String(legacy.phase)}${closed}): use ${replacements}.`;
}
