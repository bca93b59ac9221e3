import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readContext } from '../../infra/context.ts';
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
  const probe = new Set<string>();
  readContext((key) => {
    probe.add(key);
    return undefined;
  });
  expect(named.sort()).toEqual([...probe].filter((key) => key !== 'stages').sort());
});

test('the cdk.json in the guide is one that can be deployed', () => {
  const example = JSON.parse(/```json\n(\{[\s\S]*?\n\})\n```/.exec(guide)?.[1] ?? '') as {
    context: Record<string, unknown>;
  };
  expect(readContext((key) => ({ ...example.context, stage: 'dev' })[key])).toEqual({
    stage: 'dev',
    quietPeriodSeconds: 60,
    removalPolicy: 'destroy',
  });
  expect(readContext((key) => example.context[key])).toMatchObject({
    stage: 'prod',
    alarmEmail: 'on-call@example.com',
  });
});
