import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contextKeys, readContext } from '../../infra/context.ts';
import { synthesise } from '../../lab/support/synthesised.ts';
import { deriveBroadcasts } from '../../lambdas/domain/events/derive.ts';
import { activityTypes, eventTypes } from '../../lambdas/domain/events/event-types.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';

const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploying.md'), 'utf8');

test('the guide uses outputs that the stack has', () => {
  const { Outputs } = synthesise();
  const used = [...guide.matchAll(/output ([A-Z]\w+)/g)].map(([, name]) => name as string);
  expect(used.length).toBeGreaterThan(5);
  expect(used.filter((name) => !(name in Outputs))).toEqual([]);
});

test('the guide has the events ticked that timers and derivation need, and no other', () => {
  const [, step = ''] = /^5\. ([\s\S]*?)^6\. /m.exec(guide) ?? [];
  const ticked = [...step.matchAll(/^ {3}\| `(\w+)` \|/gm)].map(([, type]) => type as string);
  // By what the code does: what moves a timer, and what makes a push. What is made here or superseded need not be ticked.
  const at = 1_591_813_000_000;
  const base = { id: 1, conversationId: 2, createdAt: at, changedAt: at, lastUpdated: at };
  const needed = Object.values(eventTypes).filter((type) => {
    const data = { ...base, status: 'closed', body: '/sync', author: { type: 'user', id: 3, bot: false } };
    const pushes =
      deriveBroadcasts({ orgId: '1', type, data }, at + 1000, publishedLegacyTimeline).broadcasts.length > 1;
    return (pushes && type !== eventTypes.conversationInactive) || activityTypes.includes(type);
  });
  expect(ticked.sort()).toEqual(needed.sort());
});

test('the guide names every choice there is', () => {
  const named = [...guide.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key as string);
  expect(named.sort()).toEqual(contextKeys.toSorted());
});

/** The JSON blocks of a section. */
function jsonOf(text: string): string[] {
  return [...text.matchAll(/^ *```json\n([\s\S]*?)\n *```$/gm)].map(([, json]) => json as string);
}

test('the cdk.json in the guide is one that can be deployed', () => {
  const section = guide.split('\n## What can be chosen\n')[1] ?? '';
  const example = JSON.parse(jsonOf(section)[0] ?? '') as { context: Record<string, unknown> };
  expect(readContext({ ...example.context, stage: 'dev' })).toEqual({
    stage: 'dev',
    quietPeriodSeconds: 60,
    removalPolicy: 'destroy',
  });
  expect(readContext(example.context)).toMatchObject({ stage: 'prod', alarmEmail: 'on-call@example.com' });
});

test('whoever follows the guide from the first deploy over an update to a roll back keeps all that was chosen', () => {
  const directory = mkdtempSync(join(tmpdir(), 'guide-'));
  try {
    const git = (...words: string[]) =>
      execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...words], { cwd: directory });
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    /** What `npm run deploy` finds: the directory's cdk.json, and what the command's own `-c` say. */
    const deploy = (command: string) => {
      const { context } = JSON.parse(readFileSync(join(directory, 'cdk.json'), 'utf8')) as { context: object };
      const options = [...command.matchAll(/-c (\w+)=(\S+)/g)].map(([, key, value]) => [key, value]);
      return {
        code: readFileSync(join(directory, 'code.txt'), 'utf8'),
        ...readContext({ ...context, ...Object.fromEntries(options) }),
      };
    };
    const section = (title: string) => guide.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
    const deploysIn = (text: string) => [...text.matchAll(/npm run deploy.*/g)].map(([command]) => command);
    const chosen = { alarmEmail: 'on-call@example.com' };

    git('init', '--quiet');
    write('cdk.json', readFileSync(join(import.meta.dirname, '..', '..', 'cdk.json'), 'utf8'));
    write('code.txt', '1');
    git('add', '.');
    git('commit', '--quiet', '-m', 'version 1');

    const first = section('From an empty account');
    write('cdk.json', jsonOf(first)[0] ?? '');
    expect(deploysIn(first)).toHaveLength(1);
    expect(deploysIn(first).map(deploy)).toMatchObject([{ code: '1', ...chosen }]);
    git('commit', '--quiet', '-am', 'choices');

    const before = git('rev-parse', 'HEAD').toString().trim();
    write('code.txt', '2');
    git('commit', '--quiet', '-am', 'version 2');
    expect(deploysIn(section('Update')).map(deploy)).toMatchObject([{ code: '2', ...chosen }]);
    // A choice that the version before knows nothing of in its cdk.json.
    write('cdk.json', (jsonOf(first)[0] ?? '').replace('"alarmEmail"', '"quietDriftHours": 12, "alarmEmail"'));
    git('commit', '--quiet', '-am', 'one more choice');

    const back = section('Roll back');
    const restore = /^git restore .*$/m.exec(back)?.[0].split('&&')[0]?.replace('<the version before>', before) ?? '';
    execFileSync('bash', ['-ec', restore], { cwd: directory });
    expect(deploysIn(back).map(deploy)).toMatchObject([{ code: '1', ...chosen, quietDriftHours: 12 }]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
