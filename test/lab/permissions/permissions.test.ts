import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { walkEveryPath } from '../../../lab/permissions/every-path.ts';
import { grantsOfTemplate } from '../../../lab/permissions/template-grants.ts';
import { grantKey } from '../../../local/aws/iam/grant-ledger.ts';
import { grantReportDirectoryVariable } from '../../../local/aws/iam/grant-report.ts';
import { readTemplate, type Template } from '../../../local/aws/template/template.ts';
import { startLocalStack } from '../../../local/local-stack.ts';
import { synthesise } from '../../../local/synthesise.ts';

const minutes = 60_000;
let workDirectory: string;
let assemblyDirectory: string;
let templateFile: string;
let template: Template;

beforeAll(async () => {
  workDirectory = mkdtempSync(join(tmpdir(), 'permissions-test-'));
  assemblyDirectory = await synthesise({ workDirectory, quietPeriodSeconds: 1, tags: { team: 'crm' } });
  const name = readdirSync(assemblyDirectory).find((each) => each.endsWith('.template.json')) ?? '';
  templateFile = join(assemblyDirectory, name);
  template = readTemplate(JSON.parse(readFileSync(templateFile, 'utf8')));
});
afterAll(() => rmSync(workDirectory, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The stack of this template, as far as it comes. */
async function walk(walked: Template) {
  writeFileSync(templateFile, JSON.stringify(walked));
  const notices: string[] = [];
  const stack = await startLocalStack({
    assemblyDirectory,
    workersPerFunction: 2,
    onNotice: (text) => notices.push(text),
  });
  try {
    await walkEveryPath(stack);
    return { ...stack.permissions, notices };
  } finally {
    await stack.stop();
  }
}

test('every path can be walked with what the template grants, and each grant is used on the way', {
  timeout: 2 * minutes,
}, async () => {
  const { granted, used } = await walk(template);
  const usedKeys = new Set(used().map(grantKey));
  expect(granted.length).toBeGreaterThan(100);
  expect(granted.filter((grant) => !usedKeys.has(grantKey(grant)))).toEqual([]);
});

describe('without', () => {
  test.each([
    [
      'what the delivery function needs to try again',
      'RoutesDeliveryRole',
      'sqs:ChangeMessageVisibility',
      /fanout-local-sub_\w+ lacks sqs:ChangeMessageVisibility on arn:aws:sqs:us-east-1:000000000000:fanout-local-sub_/,
    ],
    [
      'the right to hand on the role of the delivery functions',
      'RoutesProvisionRole',
      'iam:PassRole',
      /RoutesProvisionFunction\S+ lacks iam:PassRole on arn:aws:iam::000000000000:role\S+RoutesDeliveryRole/,
    ],
    [
      'the policy that lets the bus send to the queue of activities',
      'ActivityQueuePolicy',
      'sqs:SendMessage',
      /the rule \S+ActivityRule\S+ may not send to arn:aws:sqs:\S+ActivityQueue/,
    ],
  ])('%s, a path is blocked and says so', { timeout: 2 * minutes }, async (_grant, holder, action, said) => {
    const grant = grantsOfTemplate(template).find(
      (each) => each.holder.startsWith(holder) && each.what.startsWith(action),
    );
    expect(grant).toBeDefined();
    // What it uses says nothing about the template as it is.
    vi.stubEnv(grantReportDirectoryVariable, undefined);
    await expect(walk(grant?.without() ?? template)).rejects.toThrow(said);
  });
});
