import type { Command } from 'commander';
import { isJsonObject } from '../../lambdas/json/json.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { readJsonObject } from '../option-values.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerFilters(program: Command, line: CommandLine): void {
  const group = program.command('filters').description('Try out filters before a subscription gets them');
  group
    .command('test')
    .description('Say whether a filter matches an event, and if not, why. Exits 0 for a match, 7 for none.')
    .argument('<filter>', "an EventBridge pattern on the event's data: JSON, @file, or - for standard input")
    .argument('<event>', 'an event with its data, as Drift posts it: JSON, @file, or - for standard input')
    .addHelpText(
      'after',
      examples(
        `fanout filters test '{"author":{"type":["contact"]}}' @event.json`,
        'fanout filters test @filter.json - < event.json',
      ),
    )
    .action(async (filterText: string, eventText: string, _options: unknown, command: Command) => {
      if (filterText === '-' && eventText === '-') {
        throw new CommandFailed(exitCodes.usage, 'standard input can be the filter or the event, not both');
      }
      const { api, printer, surroundings } = await line.open(command);
      const filter = await readJsonObject('the filter', filterText, surroundings);
      const event = await readJsonObject('the event', eventText, surroundings);
      const { body } = await api.send({ method: 'POST', path: '/v1/filters/test', body: { filter, event } });
      const mismatches = (Array.isArray(body.mismatches) ? body.mismatches : []).filter(isJsonObject);
      const isMatch = body.matches === true;
      printer.result(body, () =>
        isMatch
          ? printer.paint('green', 'The filter matches the event.')
          : [
              printer.paint('red', 'The filter does not match the event:'),
              printer.table(
                ['FIELD', 'WHY NOT'],
                mismatches.map(({ field, reason, alternative }) => [
                  String(field),
                  `${String(reason)}${alternative === undefined ? '' : ` (alternative ${String(alternative)})`}`,
                ]),
              ),
            ].join('\n'),
      );
      line.finish(isMatch ? exitCodes.ok : exitCodes.negative);
    });
}
