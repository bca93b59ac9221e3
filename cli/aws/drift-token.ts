import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { awsFailure } from '../aws-errors.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** Puts Drift's verification token into the stack's one secret; the token before it is accepted too, until the next. */
export async function putDriftToken(stack: DeployedStack, token: string): Promise<void> {
  const [secret] = await stack.resources('AWS::SecretsManager::Secret');
  if (secret === undefined) {
    throw new CommandFailed(exitCodes.notFound, `the stack ${stack.name} in ${stack.region} has no secret`);
  }
  const client = new SecretsManagerClient(stack.client);
  await client
    .send(new PutSecretValueCommand({ SecretId: secret.physicalId, SecretString: token }))
    .catch((error: unknown) => {
      throw awsFailure(error, "Drift's token could not be stored");
    });
}
