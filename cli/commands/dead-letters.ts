import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../lambdas/json/json.ts';
import { ageText } from '../age-text.ts';
import type { DeadLetter, DeadLetterQueue, DeadLetterQueues, Move } from '../aws/dead-letter-queues.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { countOf } from '../option-values.ts';
import { type Printer, shortTime } from '../printer.ts';
import type { CommandLine, StackSession } from '../session.ts';
import { visibleText } from '../visible-text.ts';
import { withTimeout } from '../wait-options.ts';
import { examples } from './examples.ts';

const queueArgument = ['<queue>', 'as dead-letters list shows it: activity, or the id of a subscription'] as const;
const lookDelayMs = 1000;

export function registerDeadLetters(program: Command, line: CommandLine): void {
  const group = program.command('dead-letters').description('What the system failed at, and putting it back');

  async function open(command: Command): Promise<StackSession & { readonly queues: DeadLetterQueues }> {
    const session = await line.openStack(command);
    const { createDeadLetterQueues } = await import('../aws/dead-letter-queues.ts');
    return { ...session, queues: createDeadLetterQueues(session.stack) };
  }

  group
    .command('list')
    .description(
      'All dead-letter queues, those of subscribers too, and how much lies in each.\nExits 0 when all are empty, 7 when one is not.',
    )
    .addHelpText(
      'after',
      examples('fanout dead-letters list', 'fanout dead-letters list --stack webhook-fanout-prod --json'),
    )
    .action(async (_options: unknown, command: Command) => {
      const { queues, printer } = await open(command);
      const found = (await queues.list()).toSorted((one, other) => lying(other) - lying(one));
      printer.result({ queues: found.map(queueJson) }, () =>
        printer.table(
          ['QUEUE', 'DEAD LETTERS', 'IN FLIGHT', 'OLDEST', 'HOLDS'],
          found.map((queue) => [
            queue.name,
            queue.waiting,
            queue.inFlight,
            ageText(queue.oldestSeconds),
            queue.belongsTo,
          ]),
        ),
      );
      const full = found.filter((queue) => lying(queue) > 0).length;
      printer.notice(full === 0 ? `All ${found.length} are empty.` : `${full} of ${found.length} are not empty.`);
      line.finish(full === 0 ? exitCodes.ok : exitCodes.negative);
    });

  group
    .command('show')
    .description('The messages in a dead-letter queue. They stay there; each look counts as one receive more.')
    .argument(...queueArgument)
    .addOption(new Option('--limit <number>', 'at most so many').argParser(countOf).default(10))
    .addHelpText('after', examples('fanout dead-letters show activity', 'fanout dead-letters show sub_… --limit 100'))
    .action(async (name: string, { limit }: { limit: number }, command: Command) => {
      const { queues, printer } = await open(command);
      const queue = await queues.find(name);
      const letters = await queues.look(queue, limit);
      printer.result({ queue: queueJson(queue), messages: letters.map((letter) => ({ ...letter })) }, () =>
        letters.map((letter) => letterText(printer, letter)).join('\n\n'),
      );
      if (letters.length === 0) printer.notice(nothingText(queue));
      else if (letters.length >= limit) {
        printer.notice(`${letters.length} of about ${lying(queue)}; for more of them add --limit.`);
      }
    });

  withTimeout(group.command('put-back'), '5m')
    .description(
      'Puts the messages back into the queue that they came from, and waits until that is done.\nTo be repeated until the queue stays empty: what has failed several times already may land there after the repair.',
    )
    .argument(...queueArgument)
    .addHelpText('after', examples('fanout dead-letters put-back activity', 'fanout dead-letters put-back sub_…'))
    .action(async (name: string, { timeout }: { timeout: number }, command: Command) => {
      const session = await open(command);
      const queue = await session.queues.find(name);
      if (queue.sourceArn === undefined) throw cannotBePutBack(queue);
      await putBack(session, queue, timeout);
    });

  group
    .command('drop')
    .description('Deletes one message of a dead-letter queue, or all of them. It is gone for good.')
    .argument(...queueArgument)
    .argument('[messageId]', 'as dead-letters show has it')
    .addOption(new Option('--all', 'everything that lies there; takes up to a minute').conflicts('messageId'))
    .addOption(new Option('-y, --yes', 'do not ask; needed in scripts'))
    .addHelpText(
      'after',
      examples('fanout dead-letters drop sub_… 0e9f…', 'fanout dead-letters drop timers --all --yes'),
    )
    .action(
      async (
        name: string,
        messageId: string | undefined,
        { all, yes }: { all?: boolean; yes?: boolean },
        command: Command,
      ) => {
        if ((messageId === undefined) === (all === undefined)) {
          throw new CommandFailed(exitCodes.usage, 'which message? Give its id, as dead-letters show has it, or --all');
        }
        const { queues, printer, surroundings } = await open(command);
        const queue = await queues.find(name);
        if (yes !== true)
          await confirm(surroundings, `${messageId ?? `all of about ${lying(queue)}`} in ${queue.name}`);
        if (messageId === undefined) {
          await queues.purge(queue);
          printer.result({ queue: queue.name, dropped: 'all' }, () => `Dropped what lay in ${queue.name}.`);
          return;
        }
        if (!(await queues.drop(queue, messageId))) {
          throw new CommandFailed(exitCodes.notFound, `there is no message ${messageId} in ${queue.name}`);
        }
        printer.result({ queue: queue.name, dropped: messageId }, () => `Dropped ${messageId}.`);
      },
    );
}

async function putBack(
  { queues, printer, surroundings: { clock, sleep } }: StackSession & { readonly queues: DeadLetterQueues },
  queue: DeadLetterQueue,
  timeoutSeconds: number,
): Promise<void> {
  const deadline = clock() + timeoutSeconds * 1000;
  let move = await queues.lastMove(queue);
  if (!isUnderWay(move)) {
    if (lying(queue) === 0) {
      printer.result({ queue: queue.name, moved: 0 }, () => '');
      printer.notice(nothingText(queue));
      return;
    }
    await queues.startMove(queue);
    move = await queues.lastMove(queue);
  } else printer.notice('Somebody is putting them back already; waiting for that.');
  while (isUnderWay(move)) {
    if (clock() >= deadline) {
      throw new CommandFailed(
        exitCodes.stillWaiting,
        `not done after ${timeoutSeconds} s, ${move?.moved ?? 0} messages so far`,
        `It goes on by itself; see: fanout dead-letters put-back ${queue.name}`,
      );
    }
    await sleep(lookDelayMs);
    move = await queues.lastMove(queue);
  }
  if (move?.state !== 'COMPLETED') {
    throw new CommandFailed(
      exitCodes.failed,
      `putting them back ended as ${move?.state ?? 'unknown'} after ${move?.moved ?? 0} messages: ${move?.failureReason ?? 'AWS gives no reason'}`,
    );
  }
  const { moved } = move;
  printer.result({ queue: queue.name, moved }, () => `${moved} messages are back in the queue.`);
  printer.notice(`Again until it stays empty: fanout dead-letters put-back ${queue.name}`);
}

function isUnderWay(move: Move | undefined): boolean {
  return move !== undefined && ['RUNNING', 'CANCELLING', 'SCHEDULED'].includes(move.state);
}

function lying({ waiting, inFlight }: DeadLetterQueue): number {
  return waiting + inFlight;
}

function nothingText({ name }: DeadLetterQueue): string {
  return `Nothing lies in ${name}.`;
}

function cannotBePutBack({ name }: DeadLetterQueue): CommandFailed {
  return new CommandFailed(
    exitCodes.refused,
    `what lies in ${name} cannot be put back: it only says where in the stream the changes stood`,
    'fanout subscriptions reconcile brings every change into force; then: fanout dead-letters drop changes --all',
  );
}

async function confirm({ stdin, ask }: StackSession['surroundings'], what: string): Promise<void> {
  if (stdin.isTTY !== true) throw new CommandFailed(exitCodes.usage, `to drop ${what} without being asked, add --yes`);
  const answer = await ask(visibleText(`Drop ${what}? It is gone for good. [y/N] `));
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailed(exitCodes.usage, 'nothing was dropped');
}

function queueJson({ name, belongsTo, url, waiting, inFlight, oldestSeconds }: DeadLetterQueue): JsonObject {
  return {
    name,
    holds: belongsTo,
    url,
    waiting,
    inFlight,
    ...(oldestSeconds === undefined ? {} : { oldestSeconds }),
  };
}

function letterText(printer: Printer, { messageId, body, sentAt, receiveCount, attributes }: DeadLetter): string {
  return printer.details([
    ['Message', messageId],
    ['Event', eventText(body)],
    ['Sent', `${shortTime(sentAt)} UTC`],
    ['Received', `${receiveCount} times`],
    ...Object.entries(attributes),
    ['Body', body],
  ]);
}

/** What the bus has sent; undefined: something else did. */
function eventText(body: string): string | undefined {
  const event = readJson(body);
  if (!isJsonObject(event) || !isJsonObject(event.detail)) return undefined;
  const { id, type } = event.detail;
  return typeof id === 'string' ? `${id} (${String(type)})` : undefined;
}

function readJson(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
