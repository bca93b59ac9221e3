import type { Command } from 'commander';
import { isJsonObject, parseJson } from '../../lambdas/json/json.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { readSource } from '../option-values.ts';
import type { CommandLine } from '../session.ts';
import { visibleText } from '../visible-text.ts';
import { examples } from './examples.ts';

/** The token of the local run, unless it was started with another. */
const localToken = 'local-drift-token';

export function registerEvents(program: Command, line: CommandLine): void {
  const group = program.command('events').description('Post events as Drift does');
  group
    .command('send')
    .description('Post one event to POST /drift/events. The bytes of the file are sent as they are, ids and all.')
    .argument('<file>', 'the event, {"orgId", "type", "data"} as JSON; - for standard input')
    .option(
      '--token <token>',
      `Drift's verification token (default: DRIFT_TOKEN; on the local run ${localToken}; not needed when the event holds it)`,
    )
    .addHelpText(
      'after',
      examples(
        'fanout events send event.json',
        `echo '{"orgId":1,"type":"new_message","data":{"id":1,"conversationId":7}}' | fanout events send -`,
        'DRIFT_TOKEN=… fanout events send event.json --stack webhook-fanout-prod',
      ),
    )
    .action(async (file: string, options: { token?: string }, command: Command) => {
      const { api, printer, surroundings } = await line.open(command);
      const bytes = await readSource(file, surroundings);
      if (bytes.length === 0) {
        throw new CommandFailed(exitCodes.usage, `${file === '-' ? 'standard input' : file} is empty`);
      }
      const given = options.token ?? (surroundings.env.DRIFT_TOKEN || undefined);
      const token = given ?? (api.target.kind === 'open' && !holdsToken(bytes) ? localToken : undefined);
      const { body } = await api.send({
        method: 'POST',
        path: '/drift/events',
        body: bytes,
        unsigned: true,
        ...(token === undefined ? {} : { headers: { 'x-verification-token': token } }),
      });
      const events = (Array.isArray(body.events) ? body.events : []).filter(isJsonObject);
      printer.result(body, () =>
        events.length === 0
          ? `Accepted${typeof body.detail === 'string' ? `: ${visibleText(body.detail)}` : ', and nothing is sent for it'}.`
          : printer.table(
              ['BROADCAST', 'WEBHOOK ID'],
              events.map(({ type, id }) => [String(type), String(id)]),
            ),
      );
    });
}

/** Whether the event brings a token of its own. What is no JSON is for the API to check. */
function holdsToken(bytes: Uint8Array): boolean {
  try {
    const event = parseJson(Buffer.from(bytes).toString('utf8'));
    return isJsonObject(event) && event.token !== undefined;
  } catch {
    return false;
  }
}
