import { type Command, Option } from 'commander';
import type { FieldName, OptionalFieldName } from '../lambdas/domain/subscriptions/subscription-fields.ts';
import type { JsonObject, JsonValue } from '../lambdas/json/json.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';
import { collectHeaders, collectList, durationSeconds, readJsonObject, wholeNumber } from './option-values.ts';
import type { Surroundings } from './surroundings.ts';

interface FieldOption {
  readonly flags: string;
  readonly help: string;
  /** `before`: what the same option gave earlier on the line. */
  readonly parse?: (text: string, before: never) => unknown;
  /** What is sent, where it is not what `parse` gives. */
  readonly read?: (value: never, surroundings: Surroundings) => Promise<JsonValue>;
}

/** What `--clear` calls a field; null: a subscription cannot be without it. */
type ClearName<Name extends FieldName> = Name extends OptionalFieldName ? string : null;

/**
 * How each field of a subscription is written on the command line; the compiler asks for a new one here. Types alone come
 * from the domain: its schemas would double the time that a command takes to start.
 */
const fieldOptions: {
  readonly [Name in FieldName]:
    | (FieldOption & { readonly clear: ClearName<Name> })
    | { readonly insteadOfOption: string };
} = {
  url: { flags: '--url <url>', help: 'where events are posted to', clear: null },
  eventTypes: {
    flags: '--events <types>',
    help: 'event types, with commas between them; see event-types list',
    parse: collectList,
    clear: null,
  },
  // As texts: an id of 64 bits is not a JavaScript number, and the API checks what is no id at all.
  orgIds: { flags: '--orgs <ids>', help: 'only events of these organisations', parse: collectList, clear: 'orgs' },
  filter: {
    flags: '--filter <pattern>',
    help: "an EventBridge pattern on the event's data: JSON, @file, or - for standard input",
    read: (text: string, surroundings) => readJsonObject('--filter', text, surroundings),
    clear: 'filter',
  },
  headers: {
    flags: '--header <header>',
    help: "sent with each delivery, as 'X-Api-Key: …'; can be repeated",
    parse: collectHeaders,
    clear: 'headers',
  },
  description: { flags: '--description <text>', help: 'for people', clear: 'description' },
  status: { insteadOfOption: 'create --paused, pause, resume' },
  maxConcurrency: {
    flags: '--max-concurrency <count>',
    help: 'batches under way at once, 2 to 1000; fewer cost less (default: 10)',
    parse: wholeNumber,
    clear: 'max-concurrency',
  },
  maxBatchingWindowSeconds: {
    flags: '--max-batching-window <time>',
    help: 'deliveries may wait this long for others, up to 60s, which costs less (default: 0s)',
    parse: durationSeconds,
    clear: 'max-batching-window',
  },
  maxAttempts: {
    flags: '--max-attempts <count>',
    help: 'how often an event is tried at most, 1 to 16 (default: 16)',
    parse: wholeNumber,
    clear: 'max-attempts',
  },
};

const options = Object.entries(fieldOptions).flatMap(([field, row]) => {
  if ('insteadOfOption' in row) return [];
  const option = new Option(row.flags, row.help);
  if (row.parse !== undefined) option.argParser(row.parse as (text: string, before: unknown) => unknown);
  return [{ field: field as FieldName, row, option }];
});

/** `except`: fields that the command takes in another way. */
export function withFieldOptions(command: Command, except: readonly FieldName[] = []): Command {
  for (const { field, option } of options) if (!except.includes(field)) command.addOption(option);
  return command;
}

/** The fields that a command line gives, as the API takes them. */
export async function givenFields(
  values: Readonly<Record<string, unknown>>,
  surroundings: Surroundings,
): Promise<JsonObject> {
  const given: JsonObject = {};
  for (const { field, row, option } of options) {
    const value = values[option.attributeName()];
    if (value === undefined) continue;
    given[field] = row.read === undefined ? (value as JsonValue) : await row.read(value as never, surroundings);
  }
  return given;
}

/** What `--clear` calls the fields that a subscription can be without. */
const clearable = new Map(options.flatMap(({ field, row }) => (row.clear === null ? [] : [[row.clear, field]])));
export const clearableNames = [...clearable.keys()].join(', ');

export function clearedFields(names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.map((name) => {
      const field = clearable.get(name);
      if (field === undefined) {
        throw new CommandFailed(exitCodes.usage, `--clear ${name}: only ${clearableNames} can be taken away`);
      }
      return [field, null];
    }),
  );
}
