import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { accessLogGroup, deliveryLogGroup, ownFunctions } from '../../cli/own-functions.ts';
import { ownQueues } from '../../cli/own-queues.ts';
import { ofType, synthesise } from '../../lab/support/synthesised.ts';

const runbook = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'runbook.md'), 'utf8');
const articles = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
const template = synthesise({ quietDriftHours: 12 });
const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);

/** A description as it reads where the stack is deployed. */
function mailOf(description: unknown): string {
  if (typeof description === 'string') return description;
  const [separator, parts] = (description as { 'Fn::Join': [string, unknown[]] })['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : 'eu-west-1')).join(separator);
}

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
  expect(mailOf(AlarmDescription)).toMatch(
    new RegExp(
      `^[A-Za-z].{20,}\\. What to do: docs/runbook\\.md#${article} \\| https://eu-west-1\\.console\\.aws\\.amazon\\.com/cloudwatch/home\\?region=eu-west-1#alarmsV2:alarm/${AlarmName}$`,
    ),
  );
  // CloudWatch takes no more.
  expect(mailOf(AlarmDescription).length).toBeLessThan(1024);
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

test('each name that a step gives to a command is one of the stack', () => {
  const ids = (type: string) => ofType(template, type).map(([id]) => id.replace(/[0-9A-F]{8}$/, ''));
  const named = (command: RegExp) => [...runbook.matchAll(command)].map(([, name]) => String(name));
  const subscriber = '<id>';
  const logGroups: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(ownFunctions).map(([name, { logGroup }]) => [name, logGroup])),
    deliver: deliveryLogGroup,
    access: accessLogGroup,
  };
  const logs = named(/fanout logs (\S+?)[ `]/g).filter((name) => name !== subscriber);
  expect(logs.length).toBeGreaterThan(20);
  expect(logs.filter((name) => !ids('AWS::Logs::LogGroup').includes(logGroups[name] ?? ''))).toEqual([]);
  const queues = named(/fanout dead-letters (?:show|put-back|drop) (\S+?)[ `\n]/g).filter(
    (name) => name !== subscriber,
  );
  expect(new Set(queues)).toEqual(new Set(ownQueues.map(({ name }) => name)));
  const schedules = named(/`(\w+Every\w+)`/g);
  expect(schedules.filter((id) => !ids('AWS::Events::Rule').includes(id))).toEqual([]);
});

test('every dead-letter queue and every function of the stack has a name that the commands know', () => {
  const idsOf = (type: string) => ofType(template, type).map(([id]) => id.replace(/[0-9A-F]{8}$/, ''));
  const letters = ofType(template, 'AWS::SQS::Queue').filter(([, { Properties }]) => !Properties.RedrivePolicy);
  const queueIds = letters.map(([id]) => id.replace(/[0-9A-F]{8}$/, ''));
  expect(queueIds.sort()).toEqual(ownQueues.map(({ logicalId }) => String(logicalId)).sort());
  const known = Object.values(ownFunctions);
  expect(known.map((own) => String(own.function)).sort()).toEqual(
    idsOf('AWS::Lambda::Function')
      .filter((id) => !id.startsWith('Custom'))
      .sort(),
  );
  const groups = [...known.map(({ logGroup }) => logGroup), deliveryLogGroup, accessLogGroup];
  expect([...groups].sort()).toEqual(idsOf('AWS::Logs::LogGroup').sort());
});

test('each article ends with how it is seen that it is cured', () => {
  const without = articles.filter((article) => {
    const text = runbook.split(`\n## ${article}\n`)[1]?.split('\n## ')[0] ?? '';
    const steps = text.split(/^\d\. /m).slice(1);
    return !/Cured when|must say|must end/.test(steps.slice(-2).join(''));
  });
  expect(without).toEqual([]);
});

test('each link within it leads somewhere', () => {
  const links = [...runbook.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.filter((anchor) => !articles.includes(anchor))).toEqual([]);
});

test('an alarm says which version rings', () => {
  const [alarm] = ofType(synthesise({ version: 'v1.2-3-gabcdef0' }), 'AWS::CloudWatch::Alarm');
  expect(mailOf(alarm?.[1].Properties.AlarmDescription)).toMatch(
    /docs\/runbook\.md#\S+ \| version v1\.2-3-gabcdef0 \| /,
  );
});

test('an alarm links its article where people read the runbook, if the deploy says where that is', () => {
  const runbookUrl = 'https://wiki.example.com/runbook';
  const [alarm] = ofType(synthesise({ runbookUrl }), 'AWS::CloudWatch::Alarm');
  const article = String(alarm?.[1].Properties.AlarmName).replace('webhook-fanout-prod-', '');
  expect(mailOf(alarm?.[1].Properties.AlarmDescription)).toContain(` ${runbookUrl}#${article} `);
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

test('the blocks of the runbook are shell', () => {
  const blocks = [...runbook.matchAll(/^( *)```sh\n([\s\S]*?)\n *```$/gm)].map(([, , block]) => block as string);
  expect(blocks.length).toBeGreaterThan(30);
  for (const block of blocks) execFileSync('bash', ['-n'], { input: block.replaceAll(/<([\w ]+)>/g, 'x') });
});
