import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { secretsManagerDriftTokens } from '../../lambdas/aws/secrets-manager-drift-tokens.ts';

const secretsManager = mockClient(SecretsManagerClient);
const minute = 60_000;
let now: number;
let metrics: RecordedMetrics;
let log: RecordedLog;

beforeEach(() => {
  secretsManager.reset();
  now = 0;
  metrics = new RecordedMetrics();
  log = new RecordedLog();
});

const tokens = () =>
  secretsManagerDriftTokens({
    client: new SecretsManagerClient({ region: 'us-east-1' }),
    secretArn: 'arn:secret',
    clock: () => now,
    metrics,
    log,
  });
const calls = () => secretsManager.commandCalls(GetSecretValueCommand).length;
const holds = (current: string) => {
  secretsManager.on(GetSecretValueCommand).resolves({ SecretString: current });
  secretsManager
    .on(GetSecretValueCommand, { VersionStage: 'AWSPREVIOUS' })
    .rejects(new ResourceNotFoundException({ message: 'no such version', $metadata: {} }));
};
const fails = () =>
  secretsManager
    .on(GetSecretValueCommand)
    .rejects(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));

describe("Drift's tokens", () => {
  it('are read once in five minutes', async () => {
    holds('one');
    const port = tokens();
    expect(await port.accepted()).toEqual(['one']);
    expect(await port.accepted()).toEqual(['one']);
    expect(calls()).toBe(2);
    now += 6 * minute;
    holds('two');
    expect(await port.accepted()).toEqual(['two']);
  });

  it('that were read before are used while Secrets Manager fails, which is logged and counted', async () => {
    holds('one');
    const port = tokens();
    await port.accepted();
    now += 6 * minute;
    secretsManager.reset();
    fails();
    expect(await port.accepted()).toEqual(['one']);
    expect(await port.accepted({ afresh: true })).toEqual(['one']);
    expect(metrics.valuesOf('DriftTokenReadFailed')).toEqual([1]);
    expect(JSON.stringify(log.lines)).toContain('ThrottlingException');
    expect(JSON.stringify(log.lines)).not.toContain('one"');
  });

  it('are asked for again some seconds after a failure', async () => {
    holds('one');
    const port = tokens();
    await port.accepted();
    now += 6 * minute;
    fails();
    await port.accepted();
    secretsManager.reset();
    holds('two');
    now += 11_000;
    expect(await port.accepted()).toEqual(['two']);
  });

  it('cannot be made up where none was ever read', async () => {
    fails();
    await expect(tokens().accepted()).rejects.toThrow('slow down');
  });
});
