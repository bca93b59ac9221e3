import type { Command } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import { shortTime } from '../printer.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

export function registerConversations(program: Command, line: CommandLine): void {
  const group = program.command('conversations').description('What is known of a conversation');
  group
    .command('show')
    .description('Show its inactivity timer and its events, newest first, with their outcomes counted')
    .argument('<orgId>', 'the organisation')
    .argument('<conversationId>', 'the conversation')
    .addHelpText('after', examples('fanout conversations show 1 123456789'))
    .action(async (orgId: string, conversationId: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const path = `/v1/conversations/${encodeURIComponent(orgId)}/${encodeURIComponent(conversationId)}`;
      const { body } = await api.send({ method: 'GET', path });
      const events = (Array.isArray(body.events) ? body.events : []).filter(isJsonObject);
      printer.result(body, () =>
        [
          ...(isJsonObject(body.timer) ? [timerDetails(body.timer, printer.details)] : []),
          ...(events.length === 0
            ? []
            : [
                printer.table(
                  ['RECORDED (UTC)', 'EVENT TYPE', 'WEBHOOK ID', 'OUTCOMES'],
                  events.map((event) => [
                    shortTime(event.recordedAt),
                    String(event.type),
                    String(event.webhookId),
                    outcomesText(event.outcomes),
                  ]),
                ),
              ]),
        ].join('\n\n'),
      );
      if (events.length === 0) printer.notice('No events in the history.');
      if (typeof body.nextCursor === 'string')
        printer.notice('There are older events: fanout events list --org … --conversation …');
    });
}

function timerDetails(
  { state, lastActivityAt, dueAt }: JsonObject,
  details: (fields: [string, string | undefined][]) => string,
): string {
  return details([
    ['Timer', String(state)],
    ['Last activity (UTC)', shortTime(lastActivityAt)],
    ['Becomes inactive (UTC)', dueAt === undefined ? undefined : `${shortTime(dueAt)}, if nothing happens until then`],
  ]);
}

function outcomesText(outcomes: unknown): string {
  if (!isJsonObject(outcomes)) return '';
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ');
}
