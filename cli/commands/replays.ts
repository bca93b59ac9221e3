import { type Command, Option } from 'commander';
import { archiveDays } from '../../lambdas/contracts/archive.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../lambdas/json/json.ts';
import { subscriptionPath } from '../api-path.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { type IdempotencyOptions, type OnceOnly, onceOnly, sendOnce, withIdempotencyKey } from '../idempotency.ts';
import { instantText, timeQuery } from '../option-values.ts';
import { deliveryLogGroup } from '../own-functions.ts';
import { readPages } from '../pages.ts';
import { type Printer, shortTime } from '../printer.ts';
import type { CommandLine, StackSession } from '../session.ts';
import { examples } from './examples.ts';

interface StartOptions extends IdempotencyOptions {
  readonly webhookId?: string;
  readonly failed?: boolean;
  readonly missed?: boolean;
  readonly includeDelivered?: boolean;
  readonly from?: string;
  readonly to?: string;
}

export function registerReplays(program: Command, line: CommandLine): void {
  const group = program.command('replays').description('Send events to a subscription again');

  withIdempotencyKey(group.command('start'))
    .description(
      'Replay one event, what is exhausted or discarded, or what was missed. Delivered events are sent again only with --include-delivered.',
    )
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .addOption(
      new Option('--webhook-id <id>', 'this one event, as deliveries list shows it').conflicts(['failed', 'missed']),
    )
    .addOption(
      new Option('--failed', 'what is exhausted or discarded, by the time of its first failure').conflicts([
        'webhookId',
        'missed',
      ]),
    )
    .addOption(new Option('--missed', "all events of that time in the bus's archive, as for a new subscription"))
    .addOption(new Option('--include-delivered', 'with --missed: what was delivered too, from the event history'))
    .addOption(new Option('--from <time>', 'begin at this time: 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago)'))
    .addOption(new Option('--to <time>', 'end at this time (default: now)'))
    .addHelpText(
      'after',
      examples(
        'fanout replays start sub_… --failed --from 24h',
        'fanout replays start sub_… --missed --from 2026-11-22T00:00:00Z --to 2026-11-22T06:00:00Z',
        'fanout replays start sub_… --webhook-id msg_…',
      ),
    )
    .action(async (id: string, options: StartOptions, command: Command) => {
      const body = replayBody(options, line.surroundings.clock());
      const session = await line.open(command);
      const once = onceOnly(session.api, options, timesOf(body));
      const result = await startReplay(session.printer, once, id, body);
      session.printer.result(result, () => replayText(session.printer, result));
    });

  group
    .command('plan')
    .description('How many events a replay of what was missed would send; nothing is sent')
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .addOption(new Option('--from <time>', 'begin at this time: 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago)'))
    .addOption(new Option('--to <time>', 'end at this time (default: now)'))
    .addOption(new Option('--include-delivered', 'count what was delivered too'))
    .addHelpText(
      'after',
      examples('fanout replays plan sub_… --from 24h', 'fanout replays plan sub_… --from 2h --json'),
    )
    .action(async (id: string, options: StartOptions, command: Command) => {
      if (options.from === undefined) throw fromIsMissing();
      const { api, printer, surroundings } = await line.open(command);
      const { body } = await api.send({
        method: 'GET',
        path: subscriptionPath(id, '/replay/plan'),
        query: {
          ...timeQuery(options, surroundings.clock()),
          ...(options.includeDelivered === true ? { includeDelivered: 'true' } : {}),
        },
      });
      const atLeast = body.isAtLeast === true ? 'at least ' : '';
      printer.result(body, () =>
        printer.details([
          ['Events to send', `${atLeast}${String(body.events)}`],
          ['Delivered already', `${atLeast}${String(body.delivered)}`],
          ['Being retried', `${atLeast}${String(body.retrying)}`],
          ['Waiting untried', `${atLeast}${String(body.untried)}, which probably come by themselves`],
          ...gapsText(body),
          ['Counted back to (UTC)', shortTime(body.searchedBackTo)],
        ]),
      );
    });

  group
    .command('list')
    .description('List the replays of what was missed, newest first')
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .addHelpText('after', examples('fanout replays list sub_…'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: subscriptionPath(id, '/replay') });
      const replays = (Array.isArray(body.replays) ? body.replays : []).filter(isJsonObject);
      printer.result(body, () =>
        replays.length === 0
          ? ''
          : printer.table(
              ['REPLAY', 'STATE', 'FROM (UTC)', 'TO (UTC)', 'REACHED (UTC)', 'REASON'],
              replays.map(({ name, state, from, to, lastReplayedAt, reason }) => [
                String(name),
                String(state),
                shortTime(from),
                shortTime(to),
                shortTime(lastReplayedAt),
                reason === undefined ? undefined : String(reason),
              ]),
            ),
      );
      if (replays.length === 0) printer.notice('No replays.');
    });

  group
    .command('show')
    .description(
      'One replay: its state, what became of the events that it has sent so far, and, of a stack, how many it dropped when it was cancelled',
    )
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .argument('<name>', 'the replay, as replays start and replays list show it')
    .addHelpText('after', examples('fanout replays show sub_… NAME'))
    .action(async (id: string, name: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: subscriptionPath(id, '/replay') });
      const known = (Array.isArray(body.replays) ? body.replays : []).filter(isJsonObject);
      const { state, reason, startedAt } = known.find((replay) => replay.name === name) ?? {};
      const stackSession = await line.openStackIfKnown(command);
      const { items } = await readPages(api, subscriptionPath(id, '/deliveries'), 'deliveries', {
        limit: Number.POSITIVE_INFINITY,
        query: { replayName: name },
      });
      const countOf = (wanted: string) => items.filter((delivery) => delivery.state === wanted).length;
      const counts = {
        delivered: countOf('delivered'),
        retrying: countOf('retrying'),
        exhausted: countOf('exhausted'),
        discarded: countOf('discarded'),
        ...(stackSession === undefined ? {} : { dropped: await countDropped(stackSession, name, startedAt) }),
      };
      const replay = {
        name,
        ...(state === undefined ? {} : { state }),
        ...(reason === undefined ? {} : { reason }),
        ...counts,
      };
      printer.result(replay, () =>
        printer.details([
          ['Replay', name],
          [
            'State',
            state !== undefined
              ? String(state)
              : items.length === 0
                ? 'nothing is known of it: its events still wait in the queue, were delivered before, or there is none of this name'
                : 'not one of the archive: its events went into the queue at once',
          ],
          ['Reason', reason === undefined ? undefined : String(reason)],
          ...Object.entries(counts).map(
            ([word, count]) => [`${word[0]?.toUpperCase()}${word.slice(1)}`, count] as const,
          ),
        ]),
      );
    });

  group
    .command('cancel')
    .description('Cancel a replay: its events that still wait are not delivered')
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .argument('<name>', 'the replay, as replays start and replays list show it')
    .addHelpText('after', examples('fanout replays cancel sub_… NAME'))
    .action(async (id: string, name: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({
        method: 'POST',
        path: subscriptionPath(id, '/replay'),
        body: { cancel: name },
      });
      printer.result(body, () => replayText(printer, body));
      printer.notice(`What was sent before: fanout replays show ${id} ${name}`);
    });
}

/** What its delivery function says that it dropped, in the log; an event of which two copies came counts once. */
async function countDropped({ stack, surroundings }: StackSession, name: string, startedAt: unknown): Promise<number> {
  const { findLogGroup, readLogLines } = await import('../aws/log-lines.ts');
  const groupName = await findLogGroup(stack, deliveryLogGroup);
  const from = typeof startedAt === 'string' ? Date.parse(startedAt) : surroundings.clock() - archiveDays * 86_400_000;
  const filter = `{ ($.message = "message dropped") && ($.replayName = "${name}") }`;
  const dropped = new Set<unknown>();
  for await (const page of readLogLines(stack, { groupName, from, filter }, surroundings.sleep)) {
    for (const { text } of page) {
      const line = parseJson(text);
      if (isJsonObject(line) && line.reason === 'replay-cancelled') dropped.add(line.webhookId);
    }
  }
  return dropped.size;
}

function fromIsMissing(): CommandFailed {
  return new CommandFailed(exitCodes.usage, 'from which time? Add --from, as --from 24h');
}

function replayBody(options: StartOptions, now: number): JsonObject {
  const { webhookId, failed, missed, includeDelivered, from, to } = options;
  if (includeDelivered === true && missed !== true) {
    throw new CommandFailed(exitCodes.usage, '--include-delivered is for --missed only');
  }
  if (webhookId !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new CommandFailed(exitCodes.usage, '--from and --to go with --failed and --missed');
    }
    return { webhookId };
  }
  if (failed !== true && missed !== true) {
    throw new CommandFailed(exitCodes.usage, 'what is to be replayed? Add --failed, --missed or --webhook-id');
  }
  if (from === undefined) throw fromIsMissing();
  const range = {
    from: instantText('--from', from, now),
    ...(to === undefined ? {} : { to: instantText('--to', to, now) }),
  };
  if (failed === true) return { failed: range };
  return { missed: { ...range, ...(includeDelivered === true ? { includeDelivered } : {}) } };
}

/** As options: a request that is repeated under its key must have the same times. */
function timesOf({ failed, missed }: JsonObject): string {
  const range = [failed, missed].find(isJsonObject) ?? {};
  const options = ['from', 'to'].flatMap((name) => (range[name] === undefined ? [] : [`--${name} ${range[name]}`]));
  return options.join(' ');
}

/** The API puts a few hundred events in the queue per answer and says where it stopped. */
async function startReplay(printer: Printer, once: OnceOnly, id: string, body: JsonObject): Promise<JsonObject> {
  let queued = 0;
  let withoutEvent = 0;
  let notWanted = 0;
  let untried = 0;
  let first: JsonObject | undefined;
  let cursor: JsonObject = {};
  for (let part = 0; ; part++) {
    const request = { method: 'POST', path: subscriptionPath(id, '/replay'), body: { ...body, ...cursor } } as const;
    const { body: answer } = await sendOnce(once, request, part);
    const { nextCursor, ...result } = answer;
    queued += Number(result.queued ?? 0);
    withoutEvent += Number(result.withoutEvent ?? 0);
    notWanted += Number(result.notWanted ?? 0);
    untried += Number(result.untried ?? 0);
    first ??= result;
    if (nextCursor === undefined) {
      return {
        ...result,
        ...(result.queued === undefined ? {} : { queued }),
        ...(withoutEvent === 0 ? {} : { withoutEvent }),
        ...(notWanted === 0 ? {} : { notWanted }),
        ...(untried === 0 ? {} : { untried }),
        ...(first.coveredFrom === undefined ? {} : { coveredFrom: first.coveredFrom }),
      };
    }
    printer.notice(`${queued} events queued so far …`);
    cursor = { cursor: nextCursor };
  }
}

/** What of the time that was asked for the replay does not cover. */
function gapsText({ coveredFrom, mayMissFrom }: JsonObject): [string, string | undefined][] {
  return [
    ['No longer kept', coveredFrom === undefined ? undefined : `what is from before ${String(coveredFrom)}`],
    [
      'Not in the archive yet',
      mayMissFrom === undefined ? undefined : `perhaps what is from ${String(mayMissFrom)} on: ask again`,
    ],
  ];
}

function replayText(
  printer: Printer,
  { replayName, queued, withoutEvent, notWanted, untried, waiting, replay, ...gaps }: JsonObject,
): string {
  const progress = isJsonObject(replay) ? replay : {};
  return printer.details([
    ['Replay', String(replayName)],
    ['Events queued', queued === undefined ? undefined : String(queued)],
    ['No longer kept', withoutEvent === undefined ? undefined : `${String(withoutEvent)} events`],
    ['No longer asked for', notWanted === undefined ? undefined : `${String(notWanted)} events`],
    [
      'Waiting untried',
      untried === undefined
        ? undefined
        : `${String(untried)} of that time, which probably come by themselves: they may arrive twice, under one webhook-id`,
    ],
    ...gapsText(gaps),
    ['Waiting in the queue', waiting === undefined ? undefined : `${String(waiting)}; those of the replay are dropped`],
    ['State', progress.state === undefined ? undefined : String(progress.state)],
    ['Reason', progress.reason === undefined ? undefined : String(progress.reason)],
  ]);
}
