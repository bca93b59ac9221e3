import { describe, expect, test } from 'vitest';
import { readContext } from '../../infra/context.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';

const read = (context: Record<string, unknown>) => readContext({ alarmEmail: 'none', ...context });

test('a deploy without any choice is production, keeps its data and has the dates that Drift published', () => {
  expect(read({})).toEqual({ stage: 'prod', removalPolicy: 'retain' });
});

test('takes what stands behind -c, where all is text', () => {
  const chosen = read({
    stage: 'dev',
    quietPeriodSeconds: '300',
    disableAfterHours: '48',
    alarmEmail: 'on-call@example.com',
    runbookUrl: 'https://wiki.example.com/runbook',
    removalPolicy: 'destroy',
    apiRequestsPerSecond: '50',
    monthlyBudgetUsd: '40',
    traces: 'on',
    tableKey: 'aws-managed',
    legacyTimeline: '{"removedAt":"2027-01-01T00:00:00Z"}',
  });
  expect(chosen).toEqual({
    stage: 'dev',
    quietPeriodSeconds: 300,
    disableAfterHours: 48,
    alarmEmail: 'on-call@example.com',
    runbookUrl: 'https://wiki.example.com/runbook',
    removalPolicy: 'destroy',
    apiRequestsPerSecond: 50,
    monthlyBudgetUsd: 40,
    traces: 'on',
    tableKey: 'aws-managed',
    legacyTimeline: { ...publishedLegacyTimeline, removedAt: Date.UTC(2027, 0, 1) },
  });
});

test("takes a stage's choices from cdk.json, and -c above them", () => {
  const stages = { dev: { quietPeriodSeconds: 120, removalPolicy: 'destroy' }, prod: { alarmEmail: 'a@example.com' } };
  expect(read({ stages, stage: 'dev' })).toEqual({ stage: 'dev', quietPeriodSeconds: 120, removalPolicy: 'destroy' });
  expect(read({ stages, stage: 'dev', quietPeriodSeconds: '60' })).toMatchObject({ quietPeriodSeconds: 60 });
  expect(readContext({ stages })).toEqual({ stage: 'prod', alarmEmail: 'a@example.com', removalPolicy: 'retain' });
});

describe('names the key that is wrong:', () => {
  test.each([
    [{ stage: 5 }, 'context stage must be a text'],
    [{ quietPeriodSeconds: '10m' }, 'context quietPeriodSeconds must be a whole number, but is "10m"'],
    [{ quietPeriodSeconds: 1.5 }, 'context quietPeriodSeconds must be a whole number, but is 1.5'],
    [{ traces: 'true' }, 'context traces must be off or on, but is "true"'],
    [{ runbookUrl: 'wiki/runbook' }, 'context runbookUrl must be an https URL without #'],
    [{ monthlyBudgetUsd: 10 }, 'context monthlyBudgetUsd goes with alarmEmail'],
    [{ removalPolicy: 'delete' }, 'context removalPolicy must be retain or destroy, but is "delete"'],
    [{ legacyTimeline: '2020-10-01' }, 'context legacyTimeline must be a JSON object, but is "2020-10-01"'],
    [{ legacyTimeline: { removed: '2027-01-01' } }, 'context legacyTimeline has no date removed'],
    [
      { legacyTimeline: { removedAt: 'soon' } },
      'legacyTimeline.removedAt must be a date in UTC (2027-01-31) or an instant that ends with Z (2027-01-31T09:00:00Z), but is "soon"',
    ],
    [{ legacyTimeline: { removedAt: '2020-01-01' } }, 'legacyTimeline.removedAt lies before the date that precedes it'],
    [{ stages: [] }, 'context stages must be a JSON object'],
    [{ stages: { prod: 'x' } }, 'context stages.prod must be a JSON object'],
    [
      { stages: { prod: { quietPeriod: 60 } } },
      'context stages.prod has no choice quietPeriod: did you mean quietPeriodSeconds?',
    ],
    [{ alarmemail: 'a@example.com' }, 'context has no choice alarmemail: did you mean alarmEmail?'],
    [{ 'alarm-mail': 'a@example.com' }, 'context has no choice alarm-mail: did you mean alarmEmail?'],
    [{ stag: 'dev' }, 'context has no choice stag: did you mean stage?'],
  ])('%j', (context, message) => {
    expect(() => read(context)).toThrow(message);
  });
});

test('production is not deployed while nobody hears of its alarms, unless that is said', () => {
  expect(() => readContext({})).toThrow('context alarmEmail is missing');
  expect(readContext({ stage: 'dev' })).toEqual({ stage: 'dev', removalPolicy: 'retain' });
  expect(readContext({ alarmEmail: 'none' })).toEqual({ stage: 'prod', removalPolicy: 'retain' });
});

test('what the CDK CLI keeps for itself among the choices is none of ours', () => {
  const ofCdk = { 'aws:cdk:enable-path-metadata': true, 'acknowledged-issue-numbers': [1], 'cli-telemetry': false };
  expect(read(ofCdk)).toEqual({ stage: 'prod', removalPolicy: 'retain' });
});
