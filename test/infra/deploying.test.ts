import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readContext } from '../../infra/context.ts';
import { synthesise } from '../../lab/support/synthesised.ts';

const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploying.md'), 'utf8');

test('the guide uses outputs that the stack has', () => {
  const { Outputs } = synthesise();
  const used = [...guide.matchAll(/output ([A-Z]\w+)/g)].map(([, name]) => name as string);
  expect(used.length).toBeGreaterThan(5);
  expect(used.filter((name) => !(name in Outputs))).toEqual([]);
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
