import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject, parseJson } from '../../lambdas/json/json.ts';
import { inCommands, typoHint } from '../api-hints.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { type IdempotencyOptions, onceOnly, sendOnce, withIdempotencyKey } from '../idempotency.ts';
import { collectList, countOf, readSource, timeQuery } from '../option-values.ts';
import { readPages } from '../pages.ts';
import { type Printer, shortTime } from '../printer.ts';
import { noticeUntried, triedExitCode, triedJson, triedText, untilTried, withResendWait } from '../resend-wait.ts';
import type { CommandLine } from '../session.ts';
import { descriptionCell } from '../subscription-text.ts';
import { visibleText } from '../visible-text.ts';
import type { WaitOptions } from '../wait-options.ts';
import { examples } from './examples.ts';

/** The token of the local run, unless it was started with another. */
const localToken = 'local-drift-token';

export function registerEvents(program: Command, line: CommandLine): void {
  const group = program
    .command('events')
    .description('Find events, say what became of them, send them again; post events as Drift does');
  registerList(group, line);
  registerShow(group, line);
  registerResend(group, line);
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
      if (events.length > 0 && typeof body.detail === 'string') printer.notice(body.detail);
    });
}

function registerList(group: Command, line: CommandLine): void {
  group
    .command('list')
    .description('List the events of the history, newest first')
    .addOption(new Option('--since <time>', 'not older than this: 2h, or an instant').conflicts('from'))
    .addOption(new Option('--from <time>', 'from this instant on: 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago)'))
    .addOption(new Option('--to <time>', 'up to this instant'))
    .addOption(new Option('--type <type>', 'only events of this type'))
    .addOption(new Option('--org <orgId>', 'only of this organisation'))
    .addOption(new Option('--conversation <id>', 'only of this conversation'))
    .addOption(new Option('--limit <count>', 'how many at most').argParser(countOf).default(defaultLimit))
    .addOption(new Option('--all', 'without a limit').conflicts('limit'))
    .addHelpText(
      'after',
      examples(
        'fanout events list --since 2h',
        'fanout events list --type conversation_push --org 1 --from 2026-11-22',
      ),
    )
    .action(async (options: ListOptions, command: Command) => {
      const { api, printer, surroundings } = await line.open(command);
      const { items, hasMore } = await readPages(api, '/v1/events', 'events', {
        limit: options.all === true ? Number.POSITIVE_INFINITY : options.limit,
        query: {
          ...timeQuery(options, surroundings.clock()),
          type: options.type,
          orgId: options.org,
          conversationId: options.conversation,
        },
      });
      printer.result({ events: [...items], hasMore }, () => (items.length === 0 ? '' : eventTable(items, printer)));
      if (items.length === 0) printer.notice(`No events.${typoHint(options.type)}`);
      if (hasMore) printer.notice(`There are more than these ${items.length}: add --limit COUNT or --all.`);
    });
}

interface ListOptions {
  readonly since?: string;
  readonly from?: string;
  readonly to?: string;
  readonly type?: string;
  readonly org?: string;
  readonly conversation?: string;
  readonly limit: number;
  readonly all?: boolean;
}

const defaultLimit = 50;

function eventTable(events: readonly JsonObject[], printer: Printer): string {
  return printer.table(
    ['RECORDED (UTC)', 'EVENT TYPE', 'ORG', 'CONVERSATION', 'WEBHOOK ID'],
    events.map(({ recordedAt, type, orgId, conversationId, webhookId }) => [
      shortTime(recordedAt),
      String(type),
      numberText(orgId),
      numberText(conversationId),
      String(webhookId),
    ]),
  );
}

/** Ids have 64 bits: as they were written. */
function numberText(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function registerShow(group: Command, line: CommandLine): void {
  group
    .command('show')
    .description('Show one event, and what became of it at every subscription, and why')
    .argument('<webhookId>', 'the event, as events list shows it')
    .addHelpText('after', examples('fanout events show msg_…', 'fanout events show msg_… --json | jq -r .body'))
    .action(async (webhookId: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: `/v1/events/${encodeURIComponent(webhookId)}` });
      const subscribers = (Array.isArray(body.subscribers) ? body.subscribers : []).filter(isJsonObject);
      const derived = (Array.isArray(body.derived) ? body.derived : []).filter(isJsonObject);
      printer.result(body, () =>
        [
          printer.details([
            ['Webhook id', String(body.webhookId)],
            ['Event type', String(body.type)],
            ['Organisation', numberText(body.orgId)],
            ['Conversation', numberText(body.conversationId)],
            ['Occurred (UTC)', shortTime(body.occurredAt)],
            ['Recorded (UTC)', shortTime(body.recordedAt)],
            ['Derived from', isJsonObject(body.cause) ? `${body.cause.type} ${body.cause.webhookId}` : undefined],
            ['Derived', derived.map(({ type, webhookId: id }) => `${type} ${id}`).join(', ')],
            ['Body', String(body.body)],
          ]),
          subscribers.length === 0
            ? 'There are no subscriptions.'
            : printer.table(
                ['SUBSCRIPTION', 'DESCRIPTION', 'URL', 'OUTCOME', 'UNTIL (UTC)', 'REASON'],
                subscribers.map(({ subscriptionId, description, url, outcome, until, reason }) => [
                  String(subscriptionId),
                  descriptionCell(description),
                  url === undefined ? undefined : String(url),
                  String(outcome),
                  shortTime(until),
                  String(reason),
                ]),
              ),
        ].join('\n\n'),
      );
    });
}

interface ResendOptions extends IdempotencyOptions, WaitOptions {
  readonly to?: readonly string[];
}

function registerResend(group: Command, line: CommandLine): void {
  withIdempotencyKey(withResendWait(group.command('resend')))
    .description(
      'Send one event again, now and whatever became of it before, under the same webhook-id.\nExits 0 when it is queued, 7 when it was refused for a subscription, or is for none. With --wait: 0 when all was delivered,\n7 also when an attempt failed, 8 when one was not tried in time.',
    )
    .argument('<webhookId>', 'the event, as events list shows it')
    .addOption(
      new Option('--to <subscriptionId...>', 'only to these (default: all whose rule matches it now)').argParser(
        collectList,
      ),
    )
    .addHelpText('after', examples('fanout events resend msg_… --to sub_…', 'fanout events resend msg_… --wait'))
    .action(async (webhookId: string, options: ResendOptions, command: Command) => {
      const session = await line.open(command);
      const { api, printer } = session;
      const { body } = await sendOnce(onceOnly(api, options), {
        method: 'POST',
        path: `/v1/events/${encodeURIComponent(webhookId)}/resend`,
        body: options.to === undefined ? {} : { subscriptionIds: [...options.to] },
      });
      const resends = (Array.isArray(body.resends) ? body.resends : []).filter(isJsonObject);
      const queued = resends
        .filter(({ refused }) => refused === undefined)
        .map(({ subscriptionId, replayName }) => ({
          subscriptionId: String(subscriptionId),
          webhookId,
          replayName: String(replayName),
        }));
      const tried = options.wait === true ? await untilTried(session, queued, options.timeout) : undefined;
      const isRefused = queued.length < resends.length || resends.length === 0;
      line.finish(isRefused ? exitCodes.negative : tried === undefined ? exitCodes.ok : triedExitCode(queued, tried));
      const deliveryTo = ({ subscriptionId }: JsonObject) => tried?.get(String(subscriptionId));
      const document = {
        ...body,
        resends: resends.map((resend) =>
          tried === undefined || resend.refused !== undefined
            ? resend
            : { ...resend, ...triedJson(deliveryTo(resend)) },
        ),
      };
      printer.result(document, () =>
        resends.length === 0
          ? "No subscription's rule matches it: nothing was sent."
          : printer.table(
              ['SUBSCRIPTION', 'RESEND'],
              resends.map((resend) => [
                String(resend.subscriptionId),
                resend.refused !== undefined
                  ? `refused: ${inCommands(String(resend.refused))}`
                  : tried === undefined
                    ? 'queued'
                    : triedText(deliveryTo(resend)),
              ]),
            ),
      );
      if (tried !== undefined) noticeUntried(printer, queued, tried, options.timeout);
      else if (queued.length > 0) printer.notice(`See what became of it: fanout events show ${webhookId}`);
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
