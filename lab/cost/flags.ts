import { Command, InvalidArgumentError, Option } from 'commander';
import { type Case, defaultCase } from './case.ts';
import { subscribersOfABus } from './limits.ts';
import type { Units } from './units.ts';

export type Asked =
  | { readonly kind: 'bill'; readonly load: Case; readonly json: boolean }
  | { readonly kind: 'measure' | 'write' };

/** Each number of a case: its flag, what it is, its bounds. The rate goes up to the API's own limit. */
const numbers = {
  rate: ['posts of Drift in a second, on average', 0, Number.POSITIVE_INFINITY],
  fanOut: ['subscribers that get a post, on average', 0, subscribersOfABus],
  subscribers: ['subscriptions there are (default: as many as the fan-out)', 0, subscribersOfABus],
  eventBytes: ['bytes of an event on the bus', 100, 256 * 1024],
  answerMs: ['milliseconds that a subscriber takes to answer', 0, 15_000],
  answerBytes: ['bytes of its answer', 0, 1_000_000],
  messagesPerConversation: ['messages of a conversation, until it goes quiet', 1, 100_000],
  failingPercent: ['percent of attempts that fail and are made again', 0, 99],
  maxConcurrency: ['maxConcurrency of the subscriptions', 2, 1000],
  windowSeconds: ['maxBatchingWindowSeconds of the subscriptions', 0, 60],
  historyDays: ['eventHistoryDays; 0: no event history', 0, 30],
  replayedDays: ['days of the archive replayed to a subscriber, in a month', 0, 1000],
  logQueries: ['searches of the delivery log of a day, in a month', 0, 1_000_000],
} as const satisfies Partial<Record<keyof Case, readonly [string, number, number]>>;
type NumberFlag = keyof typeof numbers;

/** Of these there is no half. */
const whole: ReadonlySet<string> = new Set<NumberFlag>([
  'subscribers',
  'maxConcurrency',
  'windowSeconds',
  'historyDays',
]);
/** Why there is no more. */
const ceilings: Partial<Record<string, string>> = {
  rate: 'the API takes no more; for more, add up several stacks',
  fanOut: 'a bus has 300 rules, three of them the stack’s own',
  subscribers: 'a bus has 300 rules, three of them the stack’s own',
};

/** Reads the command's arguments. Ends the process where they make no sense, with the flag and the nearest that there is. */
export function readCase(argv: readonly string[], units: Units): Asked {
  const defaults = defaultCase(units);
  const command = new Command('npm run cost --')
    .description('What a month and a million deliveries cost, in USD at list prices, for a load of your own.')
    .allowExcessArguments(false);
  for (const [name, [what, least, most]] of Object.entries(numbers)) {
    const bounds = { least, most: name === 'rate' ? units.template.requestsPerSecond : most };
    const option = new Option(`--${flagOf(name)} <number>`, what).argParser((text) => numberIn(name, text, bounds));
    command.addOption(name === 'subscribers' ? option : option.default(defaults[name as NumberFlag]));
  }
  const onOff = (isOn: boolean): string => (isOn ? 'on' : 'off');
  command
    .addOption(new Option('--traces <choice>', 'X-Ray').choices(['on', 'off']).default(onOff(defaults.traces)))
    .addOption(
      new Option('--table-key <choice>', 'key of the tables: DynamoDB’s own, AWS’s for your account, or one of yours')
        .choices(['aws-owned', 'aws-managed', 'customer'])
        .default(defaults.tableKey),
    )
    .addOption(new Option('--customer-key', 'the same as --table-key customer').conflicts('tableKey'))
    .option('--json', 'as JSON')
    .option('--measure', 'counts on the local run what the model knows of the product; two minutes')
    .option('--write', 'writes the figures into the documents');
  const given = command.parse(argv, { from: 'user' }).opts<Record<NumberFlag, number> & Record<string, unknown>>();
  if (given.measure) return { kind: 'measure' };
  if (given.write) return { kind: 'write' };
  const subscribers = given.subscribers ?? Math.ceil(given.fanOut);
  if (subscribers < given.fanOut)
    command.error(`error: --fan-out ${given.fanOut} is more than --subscribers ${subscribers}`);
  const load = Object.fromEntries(Object.keys(numbers).map((name) => [name, given[name as NumberFlag]]));
  return {
    kind: 'bill',
    json: given.json === true,
    load: {
      ...(load as unknown as Record<NumberFlag, number>),
      subscribers,
      traces: given.traces === 'on',
      tableKey: given.customerKey ? 'customer' : (given.tableKey as Case['tableKey']),
    },
  };
}

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function numberIn(
  name: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = Number(text);
  const isWhole = whole.has(name);
  if (text.trim() !== '' && value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
  const ceiling = value > most && ceilings[name] !== undefined ? `: ${ceilings[name]}` : '';
  throw new InvalidArgumentError(`It is a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}${ceiling}.`);
}
