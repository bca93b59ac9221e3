import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ofType, synthesise } from '../../lab/support/synthesised.ts';

const runbook = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'runbook.md'), 'utf8');
const articles = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
const template = synthesise({ quietDriftHours: 12 });
const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);

/** What rings no alarm, or several. */
const withoutAlarm = [
  'subscriber-stopped',
  'why-not-delivered',
  'changed-by-hand',
  'something-deleted',
  'another-region',
];

test('each alarm has its article in the runbook, and each article its alarm, or is listed as one without', () => {
  const named = alarms.map(({ AlarmName }) => String(AlarmName).replace('webhook-fanout-prod-', ''));
  expect(articles.toSorted()).toEqual([...named, ...withoutAlarm].sort());
});

test('no article has anybody deploy again what was changed by hand: CloudFormation compares templates', () => {
  expect(runbook).not.toMatch(/changed[^.]*; deploy again/);
});

test.each(alarms)('$AlarmName says what users lose and where to read on', ({ AlarmName, AlarmDescription }) => {
  const article = String(AlarmName).replace('webhook-fanout-prod-', '');
  expect(AlarmDescription).toMatch(new RegExp(`^[A-Za-z].{20,}\\. What to do: docs/runbook\\.md#${article}$`));
});

test.each(alarms)('$AlarmName is heard of when it begins and when it ends', ({ AlarmActions, OKActions }) => {
  expect(AlarmActions).toHaveLength(1);
  expect(OKActions).toEqual(AlarmActions);
});

test('goes to the address that was given', () => {
  const subscriptions = ofType(synthesise({ alarmEmail: 'on-call@example.com' }), 'AWS::SNS::Subscription');
  expect(subscriptions.map(([, { Properties }]) => Properties)).toMatchObject([
    { Protocol: 'email', Endpoint: 'on-call@example.com' },
  ]);
});

test.each(articles)('%s has steps', (article) => {
  const text = runbook.split(`\n## ${article}\n`)[1]?.split('\n## ')[0] ?? '';
  expect(text).toMatch(/^1\. /m);
  expect(text).toContain('`');
});

test('each resource that a step names is one resource of the stack', () => {
  const named = [
    ...[...runbook.matchAll(/\blogs ([A-Z]\w+)/g)].map(([, id]) => ['AWS::Logs::LogGroup', id]),
    ...[...runbook.matchAll(/\bqueue ([A-Z]\w+)/g)].map(([, id]) => ['AWS::SQS::Queue', id]),
    ...[...runbook.matchAll(/\bof (AWS::\w+::\w+) ([A-Z]\w+)/g)].map(([, type, id]) => [type, id]),
  ] as [string, string][];
  expect(named.length).toBeGreaterThan(15);
  const wrong = named.filter(([type, id]) => ofType(template, type).filter(([has]) => has.startsWith(id)).length !== 1);
  expect(wrong).toEqual([]);
});

test('each link within it leads somewhere', () => {
  const links = [...runbook.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.filter((anchor) => !articles.includes(anchor))).toEqual([]);
});

test('an alarm says which version rings', () => {
  const [alarm] = ofType(synthesise({ version: 'v1.2-3-gabcdef0' }), 'AWS::CloudWatch::Alarm');
  expect(alarm?.[1].Properties.AlarmDescription).toMatch(/docs\/runbook\.md#\S+ of version v1\.2-3-gabcdef0$/);
});

test('one bad minute of lateness counts', () => {
  const late = alarms.filter(({ AlarmName }) => /-late$/.test(String(AlarmName)));
  expect(late).toHaveLength(2);
  for (const alarm of late) expect(alarm).toMatchObject({ EvaluationPeriods: 5, DatapointsToAlarm: 1 });
});

test('nothing from Drift is an alarm where the hours of a quiet night are said, and none where they are not', () => {
  const named = (of: typeof template) =>
    ofType(of, 'AWS::CloudWatch::Alarm').filter(([, { Properties }]) =>
      /nothing-from-drift/.test(String(Properties.AlarmName)),
    );
  expect(named(synthesise())).toEqual([]);
  expect(named(template).map(([, { Properties }]) => Properties)).toMatchObject([
    { Period: 3600, EvaluationPeriods: 12, TreatMissingData: 'breaching' },
  ]);
});

test("the helpers of the runbook are a shell script, and its filter of faults is the alarm's", () => {
  const blocks = [...runbook.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(([, block]) => block as string);
  expect(blocks).toHaveLength(2);
  for (const block of blocks) execFileSync('bash', ['-n'], { input: block });
  const [filter] = ofType(template, 'AWS::Logs::MetricFilter').filter(([id]) => id.includes('DeliveryFaults'));
  const words = (pattern: unknown) => String(pattern).replaceAll(/[\s(){}]/g, '');
  expect(words(/^faults='(.*)'$/m.exec(runbook)?.[1])).toBe(words(filter?.[1].Properties.FilterPattern));
});
