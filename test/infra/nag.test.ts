import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test, vi } from 'vitest';
import { buildApp } from '../../infra/build-app.ts';
import type { WebhookFanoutProps } from '../../infra/webhook-fanout-stack.ts';
import { placeholderBundles } from '../../lab/support/synthesised.ts';

/** What the AWS Solutions rules find that nobody has explained. */
function unexplainedFindings(props: WebhookFanoutProps = {}): string[] {
  const app = buildApp({ bundleDirectory: placeholderBundles(), ...props });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    app.synth();
    return [];
  } catch (error) {
    const report = readFileSync(join(app.outdir, 'validation-report.json'), 'utf8');
    return [String(error), report];
  } finally {
    vi.restoreAllMocks();
  }
}

test('leaves no finding of the AWS Solutions rules unexplained', () => {
  expect(unexplainedFindings()).toEqual([]);
});

test('leaves none in a try-out either', () => {
  expect(unexplainedFindings({ stage: 'dev', removalPolicy: 'destroy', alarmEmail: 'on-call@example.com' })).toEqual(
    [],
  );
});

test('leaves none where a deploy chooses traces, another key and a budget', () => {
  const tableKey = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const alarmEmail = 'on-call@example.com';
  expect(unexplainedFindings({ traces: 'on', tableKey, monthlyBudgetUsd: 40, alarmEmail })).toEqual([]);
});
