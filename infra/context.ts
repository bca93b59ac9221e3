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
  'runbookUrl',
  'monthlyBudgetUsd',
  'quietDriftHours',
  'disableAfterHours',
  'ingestReservedConcurrency',
  'apiRequestsPerSecond',
  'traces',
  'tableKey',
  'tags',
  'eventHistoryDays',
  'removalPolicy',
];

/** All that a deploy can choose. */
export const contextKeys: readonly string[] = ['stage', ...choices];

/** What the CDK CLI writes beside its own keys, which all have a colon (`aws:cdk:…`, `@aws-cdk/core:…`). */
const keysOfCdk = ['acknowledged-issue-numbers', 'cli-telemetry'];

/**
 * Reads what a deploy can choose: `stage` and the choices above. Each comes from `-c key=value`, otherwise from the
 * stage's entry under `stages` in cdk.json. Throws an error that names the key.
 */
export function readContext(context: Readonly<Record<string, unknown>>): WebhookFanoutProps {
  for (const key of Object.keys(context)) {
    if (key.includes(':') || keysOfCdk.includes(key)) continue;
    refuseUnknown('context', key, [...contextKeys, 'stages']);
  }
  const stage = text('stage', context.stage) ?? 'prod';
  const ofStage = jsonObject(`stages.${stage}`, jsonObject('stages', context.stages)?.[stage]) ?? {};
  for (const key of Object.keys(ofStage)) refuseUnknown(`context stages.${stage}`, key, choices);
  const read = (key: string): unknown => context[key] ?? ofStage[key];

  const alarmEmail = text('alarmEmail', read('alarmEmail'));
  if (stage === 'prod' && alarmEmail === undefined) {
    throw new Error(
      'context alarmEmail is missing: nobody would hear of an alarm of prod. Write who does into cdk.json (docs/deploying.md), or "none"',
    );
  }
  const quietDriftHours = wholeNumber('quietDriftHours', read('quietDriftHours'));
  const quietPeriodSeconds = wholeNumber('quietPeriodSeconds', read('quietPeriodSeconds'));
  const disableAfterHours = wholeNumber('disableAfterHours', read('disableAfterHours'));
  const ingestReservedConcurrency = wholeNumber('ingestReservedConcurrency', read('ingestReservedConcurrency'));
  const apiRequestsPerSecond = wholeNumber('apiRequestsPerSecond', read('apiRequestsPerSecond'));
  const monthlyBudgetUsd = wholeNumber('monthlyBudgetUsd', read('monthlyBudgetUsd'));
  if (monthlyBudgetUsd !== undefined && (alarmEmail ?? 'none') === 'none') {
    throw new Error('context monthlyBudgetUsd goes with alarmEmail: that is who hears that the budget is used up');
  }
  const runbookUrl = text('runbookUrl', read('runbookUrl'));
  if (runbookUrl !== undefined && !/^https:\/\/[^\s#]+$/.test(runbookUrl)) {
    throw new Error(`context runbookUrl must be an https URL without #, but is ${JSON.stringify(runbookUrl)}`);
  }
  const traces = read('traces');
  const tableKey = text('tableKey', read('tableKey'));
  const tags = jsonObject('tags', read('tags'));
  const eventHistoryDays = wholeNumber('eventHistoryDays', read('eventHistoryDays'));
  const dates = jsonObject('legacyTimeline', read('legacyTimeline'));
  return {
    stage,
    ...(quietPeriodSeconds !== undefined && { quietPeriodSeconds }),
    ...(dates && { legacyTimeline: legacyTimeline(dates) }),
    ...(alarmEmail !== undefined && alarmEmail !== 'none' && { alarmEmail }),
    ...(runbookUrl !== undefined && { runbookUrl }),
    ...(quietDriftHours !== undefined && { quietDriftHours }),
    ...(disableAfterHours !== undefined && { disableAfterHours }),
    ...(ingestReservedConcurrency !== undefined && { ingestReservedConcurrency }),
    ...(apiRequestsPerSecond !== undefined && { apiRequestsPerSecond }),
    ...(monthlyBudgetUsd !== undefined && { monthlyBudgetUsd }),
    ...(traces !== undefined && { traces: oneOf('traces', ['off', 'on'], traces) }),
    ...(tableKey !== undefined && { tableKey }),
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

function refuseUnknown(where: string, key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const [nearest = ''] = known.toSorted((a, b) => editsBetween(key, a) - editsBetween(key, b));
  throw new Error(`${where} has no choice ${key}: did you mean ${nearest}? There are ${known.join(', ')}`);
}

/** How many letters to add, drop or change (Levenshtein); upper and lower case are the same, and so is a hyphen or none. */
function editsBetween(one: string, other: string): number {
  const [a, b] = [one, other].map((word) => word.toLowerCase().replaceAll(/[-_]/g, '')) as [string, string];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, its] of [...b].entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === its ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
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
