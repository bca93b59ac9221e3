import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import type { ApiClient } from '../api-client.ts';
import { typoHint } from '../api-hints.ts';
import { deliveryPath, subscriptionPath } from '../api-path.ts';
import { lastAnswer } from '../delivery-text.ts';
import { type IdempotencyOptions, onceOnly, sendOnce, withIdempotencyKey } from '../idempotency.ts';
import { countOf, timeQuery } from '../option-values.ts';
import { readPages } from '../pages.ts';
import { type Cell, shortTime } from '../printer.ts';
import { noticeUntried, triedExitCode, triedJson, triedText, untilTried, withResendWait } from '../resend-wait.ts';
import type { CommandLine } from '../session.ts';
import type { WaitOptions } from '../wait-options.ts';
import { examples } from './examples.ts';

const states = ['delivered', 'retrying', 'exhausted', 'discarded', 'undelivered', 'waiting', 'held'];
const defaultLimit = 50;

export function registerDeliveries(program: Command, line: CommandLine): void {
  const group = program.command('deliveries').description("The deliveries of a subscription's events");
  registerShow(group, line);
  registerResend(group, line);
  group
    .command('list')
    .description('List the deliveries to a subscription, newest first, with what waits for its first attempt')
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .addOption(
      new Option(
        '--state <state>',
        'only those in this state; undelivered: retrying, exhausted or discarded, newest failure first',
      ).choices(states),
    )
    .addOption(new Option('--type <type>', 'only events of this type'))
    .addOption(new Option('--status <status>', 'only those whose last answer was this: 503, or 5xx'))
    .addOption(new Option('--since <time>', 'not older than this: 2h, or an instant').conflicts('from'))
    .addOption(new Option('--from <time>', 'from this instant on: 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago)'))
    .addOption(new Option('--to <time>', 'up to this instant'))
    .addOption(new Option('--replay <name>', 'only those of this replay, as replays start shows it'))
    .addOption(new Option('--limit <count>', 'how many at most').argParser(countOf).default(defaultLimit))
    .addOption(new Option('--all', 'without a limit').conflicts('limit'))
    .addHelpText(
      'after',
      examples(
        'fanout deliveries list sub_…',
        'fanout deliveries list sub_… --state undelivered --all',
        'fanout deliveries list sub_… --since 2h --type conversation_push --status 5xx',
        "fanout deliveries list sub_… --json | jq '.deliveries[] | {webhookId, responseHead}'",
      ),
    )
    .action(async (id: string, options: ListOptions, command: Command) => {
      const { api, printer, surroundings } = await line.open(command);
      const { items, hasMore } = await readPages(api, subscriptionPath(id, '/deliveries'), 'deliveries', {
        limit: options.all === true ? Number.POSITIVE_INFINITY : options.limit,
        query: {
          state: options.state,
          eventType: options.type,
          status: options.status,
          replayName: options.replay,
          ...timeQuery(options, surroundings.clock()),
        },
      });
      printer.result({ deliveries: [...items], hasMore }, () =>
        items.length === 0
          ? ''
          : printer.table(
              ['WEBHOOK ID', 'EVENT TYPE', 'STATE', 'ATTEMPTS', 'LAST ATTEMPT (UTC)', 'NEXT (UTC)', 'LAST ANSWER'],
              items.map(deliveryRow),
            ),
      );
      if (items.length === 0) {
        const untried = options.state === 'undelivered' ? await waitingIn(api, id) : 0;
        if (untried === 0)
          printer.notice(
            options.replay === undefined
              ? `No deliveries.${typoHint(options.type)}`
              : 'No deliveries of this replay so far.',
          );
        else printer.notice(`Nothing has failed; ${untried} events wait in the queue: fanout deliveries list ${id}`);
      }
      if (hasMore) printer.notice(`There are more than these ${items.length}: add --limit COUNT or --all.`);
    });
}

/** How many events wait in the queue of a subscription, untried or postponed. */
async function waitingIn(api: ApiClient, id: string): Promise<number> {
  const { body } = await api.send({ method: 'GET', path: subscriptionPath(id) });
  if (!isJsonObject(body.queue)) return 0;
  return Number(body.queue.waiting) + Number(body.queue.inFlight);
}

interface ListOptions {
  readonly state?: string;
  readonly type?: string;
  readonly status?: string;
  readonly since?: string;
  readonly from?: string;
  readonly to?: string;
  readonly replay?: string;
  readonly limit: number;
  readonly all?: boolean;
}

function registerShow(group: Command, line: CommandLine): void {
  group
    .command('show')
    .description('Show one delivery: the request, each attempt, and what comes next')
    .argument('<subscriptionId>', 'the subscription')
    .argument('<webhookId>', 'the event')
    .addHelpText('after', examples('fanout deliveries show sub_… msg_…'))
    .action(async (id: string, webhookId: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: deliveryPath(id, webhookId) });
      const { state, reason, nextAttemptAt, request, history, responseHead } = body;
      const attempts = (Array.isArray(history) ? history : []).filter(isJsonObject);
      const sent = isJsonObject(request) ? request : {};
      printer.result(body, () =>
        [
          printer.details([
            ['State', String(state)],
            ['Reason', reason === undefined ? undefined : String(reason)],
            ['Next attempt (UTC)', shortTime(nextAttemptAt)],
            ['Url', sent.url === undefined ? undefined : String(sent.url)],
            ...Object.entries(isJsonObject(sent.headers) ? sent.headers : {}).map(
              ([name, value]) => [name, String(value)] as const,
            ),
            ['Body', sent.body === undefined ? undefined : String(sent.body)],
            ['Last response', responseHead === undefined ? undefined : String(responseHead)],
          ]),
          ...(attempts.length === 0
            ? []
            : [
                printer.table(
                  ['ATTEMPT (UTC)', 'RESULT', 'MS'],
                  attempts.map(({ at, status, error, durationMs, resent, byHand }) => [
                    shortTime(at),
                    `${String(status ?? error ?? '')}${resent === true ? ', sent twice: the first connection was dead' : ''}${byHand === true ? ', a resend' : ''}`,
                    String(durationMs),
                  ]),
                ),
              ]),
        ].join('\n\n'),
      );
    });
}

function registerResend(group: Command, line: CommandLine): void {
  withIdempotencyKey(withResendWait(group.command('resend')))
    .description(
      'Send one event to one subscription again, now and whatever its state, under the same webhook-id.\nExits 0 when it is queued; with --wait 0 when it was delivered, 7 when the attempt failed, 8 when it was not tried in time.',
    )
    .argument('<subscriptionId>', 'the subscription')
    .argument('<webhookId>', 'the event')
    .addHelpText(
      'after',
      examples('fanout deliveries resend sub_… msg_…', 'fanout deliveries resend sub_… msg_… --wait'),
    )
    .action(async (id: string, webhookId: string, options: IdempotencyOptions & WaitOptions, command: Command) => {
      const session = await line.open(command);
      const { api, printer } = session;
      const path = `${deliveryPath(id, webhookId)}/resend`;
      const { body } = await sendOnce(onceOnly(api, options), { method: 'POST', path });
      if (options.wait !== true) {
        printer.result(body, () => `Queued. See it with: fanout deliveries show ${id} ${webhookId}`);
        return;
      }
      const resends = [{ subscriptionId: id, webhookId, replayName: String(body.replayName) }];
      const tried = await untilTried(session, resends, options.timeout);
      const delivery = tried.get(id);
      line.finish(triedExitCode(resends, tried));
      printer.result({ ...body, ...triedJson(delivery) }, () => triedText(delivery));
      noticeUntried(printer, resends, tried, options.timeout);
    });
}

function deliveryRow(delivery: JsonObject): Cell[] {
  const { webhookId, eventType, state, attempts, lastAttemptAt, nextAttemptAt } = delivery;
  return [
    String(webhookId),
    String(eventType),
    String(state),
    String(attempts),
    shortTime(lastAttemptAt),
    shortTime(nextAttemptAt),
    lastAnswer(delivery),
  ];
}
