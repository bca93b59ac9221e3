import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { EngineError } from '../engine/engine-error.ts';
import { Members } from './request-members.ts';
import type { AwsService } from './service.ts';

export interface Secrets {
  readonly service: AwsService;
  /** Resolves to the ARN. */
  create(secret: { readonly name: string; readonly value: string }): string;
  /** As PutSecretValue; by name or ARN. */
  put(secretId: string, value: string): void;
  /** By name or ARN; undefined where there is no such secret. */
  arnOf(secretId: string): string | undefined;
}

export interface SecretsOptions {
  readonly region: string;
  readonly accountId: string;
}

interface Version {
  readonly id: string;
  readonly value: string;
}

interface Secret {
  readonly arn: string;
  readonly name: string;
  /** The current one first, then the one before it: what is older has no stage, and is gone. */
  versions: readonly Version[];
}

const stages = ['AWSCURRENT', 'AWSPREVIOUS'];

/** Secrets Manager: text secrets, their current and their previous version. */
export function createSecrets({ region, accountId }: SecretsOptions): Secrets {
  const secrets: Secret[] = [];

  // AWS also takes the ARN without its six random characters.
  const find = (secretId: string): Secret | undefined =>
    secrets.find(({ name, arn }) => name === secretId || arn === secretId || arn.slice(0, -7) === secretId);
  const existing = (secretId: string): Secret => {
    const secret = find(secretId);
    if (secret !== undefined) return secret;
    throw new EngineError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  };
  /** A call that is made again with its token changes nothing. */
  const put = (secret: Secret, value: string, id: string = randomUUID()): void => {
    if (secret.versions.some((version) => version.id === id)) return;
    secret.versions = [{ id, value }, ...secret.versions].slice(0, stages.length);
  };
  const view = ({ arn, name, versions }: Secret, index: number) => ({
    ARN: arn,
    Name: name,
    VersionId: versions[index]?.id,
    VersionStages: [stages[index]],
  });

  return {
    service: {
      name: 'secretsmanager',
      operations: {
        GetSecretValue: {
          takes: ['SecretId', 'VersionStage'],
          answer(input) {
            const members = new Members(input);
            const secret = existing(members.text('SecretId'));
            const stage = members.textIfAny('VersionStage') ?? 'AWSCURRENT';
            const index = stages.indexOf(stage);
            const version = secret.versions[index];
            if (version === undefined) {
              throw new EngineError(
                'ResourceNotFoundException',
                `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
              );
            }
            return { ...view(secret, index), SecretString: version.value };
          },
        },
        PutSecretValue: {
          takes: ['SecretId', 'SecretString', 'ClientRequestToken'],
          answer(input) {
            const members = new Members(input);
            const secret = existing(members.text('SecretId'));
            put(secret, members.text('SecretString'), members.textIfAny('ClientRequestToken'));
            return view(secret, 0);
          },
        },
      },
    },
    create({ name, value }) {
      const suffix = createHash('sha256').update(name).digest('base64url').replace(/[-_]/g, 'x').slice(0, 6);
      const arn = `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${suffix}`;
      secrets.push({ arn, name, versions: [{ id: randomUUID(), value }] });
      return arn;
    },
    put(secretId, value) {
      put(existing(secretId), value);
    },
    arnOf: (secretId) => find(secretId)?.arn,
  };
}

/** As `GenerateSecretString` of `AWS::SecretsManager::Secret`. */
export function generatePassword(length: number, options: { readonly punctuation: boolean }): string {
  const alphabet = [
    'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
    options.punctuation ? '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' : '',
  ].join('');
  return Array.from({ length }, () => alphabet[randomBytes(2).readUInt16BE() % alphabet.length]).join('');
}
