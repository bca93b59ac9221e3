import {
  formatLegacyTimeline,
  parseLegacyTimeline,
  publishedLegacyTimeline,
} from '../lambdas/domain/events/legacy-timeline.ts';
import type { WebhookFanoutProps } from './webhook-fanout-stack.ts';

const choices = [
  'quietPeriodSeconds',
  'legacyTimeline',
  'alarmEmail',
  'disableAfterHours',
  'ingestReservedConcurrency',
  'tags',
  'eventHistoryDays',
  'removalPolicy',
];

/**
 * Reads what a deploy can choose: `stage`, `quietPeriodSeconds`, `legacyTimeline`, `alarmEmail`,
 * `disableAfterHours`, `eventHistoryDays`, `ingestReservedConcurrency`, `tags`, `removalPolicy`. Each comes from `-c key=value`, otherwise from the stage's entry under `stages` in cdk.json. Throws an error that names
 * the key.
 */
export function readContext(contextOf: (key: string) => unknown): WebhookFanoutProps {
  const stage = text('stage', contextOf('stage')) ?? 'prod';
  const ofStage = jsonObject(`stages.${stage}`, jsonObject('stages', contextOf('stages'))?.[stage]) ?? {};
  const strange = Object.keys(ofStage).find((key) => !choices.includes(key));
  if (strange !== undefined) {
    throw new Error(`context stages.${stage} has no choice ${strange}: there are ${choices.join(', ')}`);
  }
  const read = (key: string): unknown => contextOf(key) ?? ofStage[key];

  const alarmEmail = text('alarmEmail', read('alarmEmail'));
  const quietPeriodSeconds = wholeNumber('quietPeriodSeconds', read('quietPeriodSeconds'));
  const disableAfterHours = wholeNumber('disableAfterHours', read('disableAfterHours'));
  const ingestReservedConcurrency = wholeNumber('ingestReservedConcurrency', read('ingestReservedConcurrency'));
  const tags = jsonObject('tags', read('tags'));
  const eventHistoryDays = wholeNumber('eventHistoryDays', read('eventHistoryDays'));
  const dates = jsonObject('legacyTimeline', read('legacyTimeline'));
  return {
    stage,
    ...(quietPeriodSeconds !== undefined && { quietPeriodSeconds }),
    ...(dates && { legacyTimeline: legacyTimeline(dates) }),
    ...(alarmEmail !== undefined && { alarmEmail }),
    ...(disableAfterHours !== undefined && { disableAfterHours }),
    ...(ingestReservedConcurrency !== undefined && { ingestReservedConcurrency }),
    ...(tags && { tags: textValues('tags', tags) }),
    ...(eventHistoryDays !== undefined && { eventHistoryDays }),
    removalPolicy: oneOf('removalPolicy', ['retain', 'destroy'], read('removalPolicy') ?? 'retain'),
  };
}

/** Dates that are left out keep the day on which Drift published them. */
function legacyTimeline(dates: Record<string, unknown>): NonNullable<WebhookFanoutProps['legacyTimeline']> {
  const published = formatLegacyTimeline(publishedLegacyTimeline);
  const unknown = Object.keys(dates).find((name) => !(name in published));
  if (unknown !== undefined) {
    throw new Error(`context legacyTimeline has no date ${unknown}: it has ${Object.keys(published).join(', ')}`);
  }
  return parseLegacyTimeline({ ...published, ...dates });
}

function textValues(key: string, values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(`${key}.${name}`, value) ?? '']));
}

function text(key: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`context ${key} must be a text`);
}

function wholeNumber(key: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw new Error(`context ${key} must be a whole number, but is ${JSON.stringify(value)}`);
}

/** An object in cdk.json, or its JSON after `-c`. */
function jsonObject(key: string, value: unknown): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  let object: unknown = value;
  try {
    if (typeof value === 'string') object = JSON.parse(value);
  } catch {
    object = undefined;
  }
  if (typeof object === 'object' && object !== null && !Array.isArray(object)) return object as Record<string, unknown>;
  throw new Error(`context ${key} must be a JSON object, but is ${JSON.stringify(value)}`);
}

function oneOf<const T extends string>(key: string, choices: readonly T[], value: unknown): T {
  const choice = choices.find((one) => one === value);
  if (choice !== undefined) return choice;
  throw new Error(`context ${key} must be ${choices.join(' or ')}, but is ${JSON.stringify(value)}`);
}
