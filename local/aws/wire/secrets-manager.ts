import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { EngineClock } from '../engine/engine-clock.ts';
import { AwsError, type AwsService } from './service.ts';

export interface Secrets {
  readonly service: AwsService;
  /** Resolves to the ARN. Throws `ResourceExistsException`. */
  create(secret: { readonly name: string; readonly value?: string; readonly description?: string }): string;
  /** As PutSecretValue; by name or ARN. */
  put(secretId: string, value: string): void;
  /** By name or ARN; undefined where there is no such secret. */
  arnOf(secretId: string): string | undefined;
  /** The current value, by name or ARN. */
  current(secretId: string): string | undefined;
}

export interface SecretsOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
}

interface Version {
  readonly id: string;
  readonly value: string;
  readonly createdAt: number;
  stages: string[];
}

interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly description?: string;
  readonly createdAt: number;
  lastChangedAt: number;
  versions: Version[];
}

const current = 'AWSCURRENT';
const previous = 'AWSPREVIOUS';

/** Secrets Manager: text secrets, their versions and stages. */
export function createSecrets(options: SecretsOptions): Secrets {
  const { clock, region, accountId } = options;
  const secrets = new Map<string, Secret>();

  function find(secretId: unknown): Secret {
    if (typeof secretId !== 'string' || secretId === '') {
      throw new AwsError('ValidationException', 'SecretId is missing');
    }
    for (const secret of secrets.values()) {
      // AWS also takes the ARN without its six random characters.
      if (secret.name === secretId || secret.arn === secretId || secret.arn.slice(0, -7) === secretId) return secret;
    }
    throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  }

  function putVersion(secret: Secret, value: string, token: string = randomUUID(), stages = [current]): Version {
    const same = secret.versions.find((version) => version.id === token);
    if (same !== undefined) {
      if (same.value === value) return same;
      throw new AwsError(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
      );
    }
    if (stages.includes(current)) {
      for (const version of secret.versions) {
        const wasCurrent = version.stages.includes(current);
        version.stages = wasCurrent ? [previous] : version.stages.filter((stage) => stage !== previous);
      }
    }
    for (const version of secret.versions) version.stages = version.stages.filter((stage) => !stages.includes(stage));
    const version: Version = { id: token, value, createdAt: clock.now(), stages: [...stages] };
    // A version without a stage is deprecated: AWS drops it in its own time.
    secret.versions = [...secret.versions.filter((each) => each.stages.length > 0), version];
    secret.lastChangedAt = clock.now();
    return version;
  }

  function create(input: { readonly name: string; readonly value?: string; readonly description?: string }): Secret {
    if (secrets.has(input.name)) {
      throw new AwsError(
        'ResourceExistsException',
        `The operation failed because the secret ${input.name} already exists.`,
      );
    }
    const suffix = createHash('sha256').update(input.name).digest('base64url').replace(/[-_]/g, 'x').slice(0, 6);
    const secret: Secret = {
      arn: `arn:aws:secretsmanager:${region}:${accountId}:secret:${input.name}-${suffix}`,
      name: input.name,
      ...(input.description === undefined ? {} : { description: input.description }),
      createdAt: clock.now(),
      lastChangedAt: clock.now(),
      versions: [],
    };
    secrets.set(secret.name, secret);
    if (input.value !== undefined) putVersion(secret, input.value);
    return secret;
  }

  const service: AwsService = {
    name: 'secretsmanager',
    operations: {
      GetSecretValue(input) {
        const secret = find(input.SecretId);
        const stage = input.VersionStage ?? (input.VersionId === undefined ? current : undefined);
        const version = secret.versions.find(
          (each) =>
            (stage === undefined || each.stages.includes(String(stage))) &&
            (input.VersionId === undefined || each.id === input.VersionId),
        );
        if (version === undefined) {
          throw new AwsError(
            'ResourceNotFoundException',
            `Secrets Manager can't find the specified secret value for ${
              stage === undefined ? `VersionId: ${String(input.VersionId)}` : `staging label: ${String(stage)}`
            }`,
          );
        }
        return {
          ARN: secret.arn,
          Name: secret.name,
          SecretString: version.value,
          VersionId: version.id,
          VersionStages: version.stages,
          CreatedDate: version.createdAt / 1000,
        };
      },
      PutSecretValue(input) {
        const secret = find(input.SecretId);
        if (typeof input.SecretString !== 'string') {
          throw new AwsError(
            'InvalidParameterException',
            'SecretString is missing; the local run keeps no SecretBinary',
          );
        }
        const version = putVersion(
          secret,
          input.SecretString,
          input.ClientRequestToken as string | undefined,
          input.VersionStages as string[] | undefined,
        );
        return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: version.stages };
      },
      CreateSecret(input) {
        if (typeof input.Name !== 'string') throw new AwsError('ValidationException', 'Name is missing');
        const secret = create({
          name: input.Name,
          ...(typeof input.SecretString === 'string' ? { value: input.SecretString } : {}),
          ...(typeof input.Description === 'string' ? { description: input.Description } : {}),
        });
        return { ARN: secret.arn, Name: secret.name, VersionId: secret.versions[0]?.id };
      },
      DescribeSecret(input) {
        const secret = find(input.SecretId);
        return {
          ARN: secret.arn,
          Name: secret.name,
          Description: secret.description,
          CreatedDate: secret.createdAt / 1000,
          LastChangedDate: secret.lastChangedAt / 1000,
          VersionIdsToStages: Object.fromEntries(secret.versions.map(({ id, stages }) => [id, stages])),
        };
      },
    },
  };

  return {
    service,
    create: (input) => create(input).arn,
    put(secretId, value) {
      putVersion(find(secretId), value);
    },
    arnOf(secretId) {
      try {
        return find(secretId).arn;
      } catch {
        return undefined;
      }
    },
    current: (secretId) => find(secretId).versions.find(({ stages }) => stages.includes(current))?.value,
  };
}

export interface GenerateSecretString {
  readonly passwordLength: number;
  readonly excludeCharacters: string;
  readonly excludeLowercase: boolean;
  readonly excludeNumbers: boolean;
  readonly excludePunctuation: boolean;
  readonly excludeUppercase: boolean;
  readonly includeSpace: boolean;
}

/** As `AWS::SecretsManager::Secret.GenerateSecretString`. Throws where every character is excluded. */
export function generatePassword(rules: GenerateSecretString): string {
  const alphabet = [
    rules.excludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    rules.excludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    rules.excludeNumbers ? '' : '0123456789',
    rules.excludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    rules.includeSpace ? ' ' : '',
  ]
    .join('')
    .split('')
    .filter((character) => !rules.excludeCharacters.includes(character));
  if (alphabet.length === 0) throw new Error('GenerateSecretString excludes every character');
  let password = '';
  while (password.length < rules.passwordLength) {
    const index = randomBytes(2).readUInt16BE() % alphabet.length;
    password += alphabet[index];
  }
  return password;
}
