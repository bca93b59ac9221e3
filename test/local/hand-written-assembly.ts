// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how templates and manifests spell variables
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** A cloud assembly as `cdk synth` writes it: one stack, with this template, and the code of its functions by key. */
export function aCloudAssembly(
  template: Readonly<Record<string, unknown>>,
  code: Readonly<Record<string, string>> = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'fanout-test-assembly-'));
  made.push(directory);
  const files = Object.entries(code).map(([key, source]) => {
    mkdirSync(join(directory, key));
    writeFileSync(join(directory, key, 'index.mjs'), source);
    const destination = { bucketName: 'assets-${AWS::AccountId}', objectKey: `${key}.zip` };
    return [key, { source: { path: key, packaging: 'zip' }, destinations: { here: destination } }];
  });
  const write = (name: string, value: unknown) => writeFileSync(join(directory, name), JSON.stringify(value));
  write('stack.assets.json', { files: Object.fromEntries(files) });
  write('stack.template.json', template);
  write('manifest.json', {
    artifacts: {
      assets: { type: 'cdk:asset-manifest', properties: { file: 'stack.assets.json' } },
      stack: { type: 'aws:cloudformation:stack', properties: { templateFile: 'stack.template.json' } },
    },
  });
  return directory;
}

export function removeCloudAssemblies(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** A function of the template under the logical id `Fn`, with its role, which may do everything; the code is `key`'s. */
export function aFunction(
  key: string,
  properties: Record<string, unknown> = {},
): Record<string, Record<string, unknown>> {
  const statement = (more: object) => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...more }] });
  return {
    Fn: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Code: { S3Bucket: { 'Fn::Sub': 'assets-${AWS::AccountId}' }, S3Key: `${key}.zip` },
        Handler: 'index.handler',
        Runtime: 'nodejs24.x',
        Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        Timeout: 5,
        ...properties,
      },
    },
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: statement({
          Principal: { Service: 'lambda.amazonaws.com' },
          Action: 'sts:AssumeRole',
        }),
      },
    },
    Policy: {
      Type: 'AWS::IAM::Policy',
      Properties: {
        PolicyName: 'all',
        PolicyDocument: statement({ Action: '*', Resource: '*' }),
        Roles: [{ Ref: 'Role' }],
      },
    },
  };
}
