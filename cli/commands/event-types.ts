import type { Command } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CommandLine } from '../session.ts';
import { visibleJson } from '../visible-text.ts';
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

  group
    .command('show')
    .description('Show one event type: an example of what a subscriber gets, and its JSON Schema')
    .argument('<type>', 'the event type, as event-types list shows it')
    .addHelpText(
      'after',
      examples('fanout event-types show conversation_push', 'fanout event-types show new_message --json | jq .schema'),
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: '/v1/event-types' });
      const types = (Array.isArray(body.eventTypes) ? body.eventTypes : []).filter(isJsonObject);
      const type = types.find((each) => each.type === name);
      if (type === undefined) {
        throw new CommandFailed(
          exitCodes.notFound,
          `${name} is not a known event type; those that are: fanout event-types list`,
          'A subscription may ask for it all the same: what Drift sends is passed on under its name.',
        );
      }
      printer.result(type, () =>
        [
          printer.details([
            ['Event type', name],
            ['When', meaning(type)],
          ]),
          `Example:\n${visibleJson(JSON.stringify(type.example, undefined, 2))}`,
          `JSON Schema of the body:\n${visibleJson(JSON.stringify(type.schema, undefined, 2))}`,
        ].join('\n\n'),
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
