import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { DriftTokens } from '../ingest/ports.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';

/** A rotated token is accepted after this long at the latest, without one more call per post. */
const rememberMs = 5 * 60 * 1000;
/** Wrong tokens must not turn into a flood of calls to Secrets Manager. */
const askAgainMs = 10 * 1000;

interface Options {
  readonly client: SecretsManagerClient;
  readonly secretArn: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The current and the previous version of the secret, so that Drift's token can be rotated without a gap. */
export function secretsManagerDriftTokens({ client, secretArn, clock, metrics, log }: Options): DriftTokens {
  let known: { readonly tokens: readonly string[]; readonly readAt: number } | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<readonly string[]> {
    const [current, previous] = await Promise.all([version('AWSCURRENT'), version('AWSPREVIOUS')]);
    return [...current, ...previous];
  }

  async function version(stage: 'AWSCURRENT' | 'AWSPREVIOUS'): Promise<string[]> {
    try {
      const { SecretString: token } = await client.send(
        new GetSecretValueCommand({ SecretId: secretArn, VersionStage: stage }),
      );
      return token === undefined || token === '' ? [] : [token.trim()];
    } catch (error) {
      // A secret that was never rotated has no previous version.
      if (stage === 'AWSPREVIOUS' && error instanceof ResourceNotFoundException) return [];
      throw error;
    }
  }

  return {
    async accepted({ afresh = false } = {}) {
      const age = known === undefined ? Number.POSITIVE_INFINITY : clock() - known.readAt;
      if (known !== undefined && age < (afresh ? askAgainMs : rememberMs)) return known.tokens;
      if (known !== undefined && clock() - failedAt < askAgainMs) return known.tokens;
      try {
        known = { tokens: await read(), readAt: clock() };
      } catch (error) {
        metrics.add('DriftTokenReadFailed', 1);
        log.error("Drift's token could not be read", { error });
        // What was read before is still what Drift sends, but for a rotation: a good post must not fail for this.
        if (known === undefined) throw error;
        failedAt = clock();
      }
      return known.tokens;
    },
  };
}
