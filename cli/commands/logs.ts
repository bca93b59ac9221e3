import { type Command, Option } from 'commander';
import { deliveryFaults } from '../../lambdas/contracts/fault-filter.ts';
import { subscriptionIdPattern } from '../../lambdas/domain/subscriptions/subscription-id.ts';
import type { DeployedStack } from '../aws/deployed-stack.ts';
import type { LogLine } from '../aws/log-lines.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { countOf, instantText } from '../option-values.ts';
import { accessLogGroup, deliveryLogGroup, ownFunctions } from '../own-functions.ts';
import { shortTime } from '../printer.ts';
import type { CommandLine } from '../session.ts';
import { visibleText } from '../visible-text.ts';
import { examples } from './examples.ts';

interface LogsOptions {
  readonly since: string;
  readonly errors?: boolean;
  readonly match?: string;
  readonly limit: number;
}

const dayMs = 86_400_000;
/** What Lambda and our own lines say of a fault, in a function whose lines are not all JSON. */
const functionFaults =
  '?"\\"level\\":\\"ERROR\\"" ?"Invoke Error" ?"Uncaught Exception" ?"Unhandled Promise Rejection" ?"Task timed out" ?"Runtime exited" ?"Runtime." ?"\\"status\\":\\"error\\"" ?"\\"status\\":\\"failure\\"" ?"\\"status\\":\\"timeout\\""';

export function registerLogs(program: Command, line: CommandLine): void {
  program
    .command('logs')
    .description('What a function of the stack, or the one of a subscription, has written')
    .argument(
      '<name>',
      `${Object.keys(ownFunctions).join(', ')}; deliver: all deliveries; access: the API's requests; or the id of a subscription`,
    )
    .addOption(
      new Option('--since <time>', 'from this time on: 2026-11-22T03:00:00Z, 2026-11-22, or 24h').default('1h'),
    )
    .addOption(new Option('--errors', 'faults only, by the terms of the alarm').conflicts('match'))
    .addOption(new Option('--match <text>', 'lines with this text only'))
    .addOption(new Option('--limit <count>', 'the newest lines, at most so many').argParser(countOf).default(1000))
    .addHelpText(
      'after',
      examples(
        'fanout logs ingest --errors',
        'fanout logs sub_… --since 24h',
        'fanout logs access --match \'"status":"401"\'',
      ),
    )
    .action(async (name: string, options: LogsOptions, command: Command) => {
      const from = Date.parse(instantText('--since', options.since, line.surroundings.clock()));
      const { stack, printer, surroundings } = await line.openStack(command);
      const { findLogGroup, readLogLines } = await import('../aws/log-lines.ts');
      const { groupId, subscriptionId, faults } = sourceOf(name);
      const groupName = await findLogGroup(stack, groupId);
      const filter = options.errors === true ? faults : options.match === undefined ? undefined : quoted(options.match);
      const prefixes =
        subscriptionId === undefined
          ? [undefined]
          : streamPrefixes(`${stack.routePrefix}-${subscriptionId}`, from, surroundings.clock());
      let lines: LogLine[] = [];
      let count = 0;
      for (const streamPrefix of prefixes) {
        const query = {
          groupName,
          from,
          ...(filter === undefined ? {} : { filter }),
          ...(streamPrefix === undefined ? {} : { streamPrefix }),
        };
        for await (const page of readLogLines(stack, query, surroundings.sleep)) {
          // Metrics are lines too, for CloudWatch to read.
          const wanted = page.filter(({ text }) => options.match !== undefined || !text.startsWith('{"_aws":'));
          count += wanted.length;
          lines = [...lines, ...wanted].toSorted((one, other) => one.at - other.at).slice(-options.limit);
        }
      }
      const json = lines.map(({ at, stream, text }) => ({ at: new Date(at).toISOString(), stream, text }));
      // What a subscription that is gone has written is shown all the same, as long as it is there.
      if (lines.length === 0 && subscriptionId !== undefined) await mustExist(stack, subscriptionId);
      printer.result({ lines: json }, () => json.map(lineText).join('\n'));
      if (count > lines.length)
        printer.notice(`The newest ${lines.length} of ${count} lines; for more of them add --limit.`);
      if (lines.length > 0) return;
      const whose = subscriptionId === undefined ? '' : ` of the function ${stack.routePrefix}-${subscriptionId}`;
      printer.notice(`No lines${whose} since ${shortTime(new Date(from).toISOString())} UTC.`);
    });
}

async function mustExist(stack: DeployedStack, subscriptionId: string): Promise<void> {
  const { hasSubscriberQueue } = await import('../aws/subscriber-queue.ts');
  if (await hasSubscriberQueue(stack, subscriptionId)) return;
  throw new CommandFailed(
    exitCodes.notFound,
    `${stack.name} in ${stack.region} has neither a function nor a subscription ${subscriptionId}`,
    'All of them: fanout logs --help, fanout subscriptions list',
  );
}

function sourceOf(name: string): {
  readonly groupId: string;
  readonly subscriptionId?: string;
  readonly faults: string;
} {
  if (name === 'access') return { groupId: accessLogGroup, faults: '?"\\"status\\":\\"5" ?"\\"status\\":\\"429\\""' };
  if (name === 'deliver') return { groupId: deliveryLogGroup, faults: deliveryFaults };
  if (Object.hasOwn(ownFunctions, name)) {
    return { groupId: ownFunctions[name as keyof typeof ownFunctions].logGroup, faults: functionFaults };
  }
  if (!subscriptionIdPattern.test(name)) {
    throw new CommandFailed(exitCodes.usage, `there is no function ${name}; fanout logs --help has all of them`);
  }
  return { groupId: deliveryLogGroup, subscriptionId: name, faults: deliveryFaults };
}

/**
 * How the streams of a function are named in a group that it shares: by the day on which the execution environment
 * began, which may be the day before its lines.
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
 */
function streamPrefixes(functionName: string, from: number, now: number): string[] {
  const days: string[] = [];
  for (let day = from - dayMs; day < now + dayMs; day += dayMs) {
    const date = new Date(Math.min(day, now)).toISOString().slice(0, 10).replaceAll('-', '/');
    if (days.at(-1) !== date) days.push(date);
  }
  return days.map((date) => `${date}/${functionName}[`);
}

/** The text as one term of a filter pattern. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** The function stands in the stream's name where several share a group. */
function lineText({ at, stream, text }: { at: string; stream: string; text: string }): string {
  const functionName = /^\d{4}\/\d\d\/\d\d\/([^[]+)\[/.exec(stream)?.[1];
  return visibleText([shortTime(at), functionName, text].filter((part) => part !== undefined).join(' '));
}
