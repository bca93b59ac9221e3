import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { buildApp } from '../../infra/build-app.ts';
import { sourceVersion } from '../../infra/source-version.ts';
import type { Template } from '../../lab/support/synthesised.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..');
const cdk = join(repository, 'node_modules', '.bin', 'cdk');
const out = mkdtempSync(join(tmpdir(), 'cdk-out-'));
afterAll(() => rmSync(out, { recursive: true }));

/** The template without what the CLI adds about where things stand in the app. */
function withoutMetadata({ Resources, Outputs }: Template): unknown {
  const resources = Object.entries(Resources).map(([id, resource]) => [id, { ...resource, Metadata: undefined }]);
  return JSON.parse(JSON.stringify({ Resources: Object.fromEntries(resources), Outputs }));
}

test('the CDK CLI deploys the very template that the local run reads', async () => {
  const bin = join(repository, 'node_modules', '.bin');
  await run(
    cdk,
    ['synth', '--quiet', '--no-notices', '--output', out, '-c', 'stage=dev', '-c', 'quietPeriodSeconds=300'],
    {
      cwd: repository,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, CDK_DISABLE_CLI_TELEMETRY: 'true' },
    },
  );
  const fromCli = JSON.parse(readFileSync(join(out, 'webhook-fanout-dev.template.json'), 'utf8')) as Template;
  const [stack] = buildApp({ stage: 'dev', quietPeriodSeconds: 300, version: sourceVersion() }).synth().stacks;
  expect(withoutMetadata(fromCli)).toEqual(withoutMetadata(stack?.template as Template));
});
