import { createPublicKey } from 'node:crypto';
import type { SigningSecret } from './subscription.ts';
import { ed25519Key, isSigningSecret } from './webhook-signature.ts';

/** Bytes of randomness, handed in: the domain draws none itself. */
export type RandomBytes = (count: number) => Uint8Array;

/** Standard Webhooks asks for 24 to 64 bytes. */
const newSecretBytes = 32;

export const defaultOverlapSeconds = 24 * 60 * 60;
export const maxOverlapSeconds = 7 * 24 * 60 * 60;
/** Each secret in force adds a signature to every request; all of them must fit in a receiver's limit for headers. */
export const maxSecrets = 20;

/** `v1`: HMAC-SHA256 with a shared secret (`whsec_`). `v1a`: ed25519 with a key pair (`whsk_`, public part `whpk_`). */
export type SignatureScheme = 'v1' | 'v1a';

const prefixes = { v1: 'whsec_', v1a: 'whsk_' } as const;
const publicKeyPrefix = 'whpk_';
const ed25519SeedBytes = 32;

export function newSigningSecret(scheme: SignatureScheme, randomBytes: RandomBytes): string {
  const bytes = randomBytes(scheme === 'v1' ? newSecretBytes : ed25519SeedBytes);
  return `${prefixes[scheme]}${Buffer.from(bytes).toString('base64')}`;
}

export function schemeOf(secret: string): SignatureScheme | undefined {
  if (secret.startsWith(prefixes.v1)) return 'v1';
  return secret.startsWith(prefixes.v1a) ? 'v1a' : undefined;
}

/** What is wrong with a secret, or undefined. Never repeats the secret. */
export function secretFault(secret: string): string | undefined {
  if (isSigningSecret(secret)) return undefined;
  return 'must be whsec_ and the base64 of 24 to 64 bytes, or whsk_ and that of an ed25519 private key';
}

/** The public key (`whpk_`) with which a subscriber verifies `v1a` signatures of this private key (`whsk_`). */
export function publicKeyOf(secret: string): string {
  const spki = createPublicKey(ed25519Key(secret)).export({ format: 'der', type: 'spki' });
  return `${publicKeyPrefix}${spki.subarray(-ed25519SeedBytes).toString('base64')}`;
}

/** Those that sign at `now`. */
export function secretsInForce(secrets: readonly SigningSecret[], now: number): readonly SigningSecret[] {
  return secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
}

/** The secrets of a stored record, in any of the ways in which people may write them; what is none is left out. */
export function readSecrets(stored: unknown): readonly SigningSecret[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((entry: unknown): SigningSecret[] => {
    if (typeof entry === 'string') return [{ secret: entry }];
    if (typeof entry !== 'object' || entry === null || !('secret' in entry)) return [];
    const { secret } = entry;
    if (typeof secret !== 'string') return [];
    const expiresAt = 'expiresAt' in entry ? entry.expiresAt : undefined;
    if (expiresAt === undefined) return [{ secret }];
    return [{ secret, expiresAt: typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number(expiresAt) }];
  });
}

export type Rotation =
  | { readonly kind: 'rotated'; readonly secrets: readonly SigningSecret[] }
  /** So many rotations overlap that another signature would not fit. */
  | { readonly kind: 'too-many'; readonly limit: number };

/**
 * The new secret in front; those of its scheme that were in force sign on until the overlap ends, or until the end
 * that an earlier rotation gave them where that is sooner. Secrets of the other scheme are left as they are, so that
 * a first ed25519 key stands beside the shared secret, unless they are to end as well.
 */
export function rotateSecrets(
  current: readonly SigningSecret[],
  secret: string,
  now: number,
  { overlapSeconds, endOtherScheme = false }: { readonly overlapSeconds: number; readonly endOtherScheme?: boolean },
): Rotation {
  const overlapEnd = now + overlapSeconds * 1000;
  const scheme = schemeOf(secret);
  const kept = current.map((old) =>
    endOtherScheme || schemeOf(old.secret) === scheme
      ? { ...old, expiresAt: Math.min(old.expiresAt ?? overlapEnd, overlapEnd) }
      : old,
  );
  const secrets = [{ secret }, ...secretsInForce(kept, now)];
  return secrets.length > maxSecrets ? { kind: 'too-many', limit: maxSecrets } : { kind: 'rotated', secrets };
}
