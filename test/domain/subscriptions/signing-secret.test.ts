import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  maxSecrets,
  newSigningSecret,
  publicKeyOf,
  rotateSecrets,
  secretFault,
  secretsInForce,
} from '../../../lambdas/domain/subscriptions/signing-secret.ts';
import type { SigningSecret } from '../../../lambdas/domain/subscriptions/subscription.ts';

const hour = 60 * 60;
const newSecret = () => newSigningSecret('v1', randomBytes);

function rotated(current: readonly SigningSecret[], overlapSeconds: number, now: number, secret = newSecret()) {
  const rotation = rotateSecrets(current, secret, now, { overlapSeconds });
  if (rotation.kind !== 'rotated') throw new Error('expected a rotation');
  return rotation.secrets;
}

describe('a signing secret', () => {
  it('is one that Standard Webhooks takes', () => {
    const secret = newSecret();
    expect(secret).toMatch(/^whsec_/);
    expect(() => new Webhook(secret).sign('msg_1', new Date(0), '{}')).not.toThrow();
    expect(secretFault(secret)).toBeUndefined();
  });

  it('of ed25519 has a public key for the subscriber', () => {
    // The vector of RFC 8032, 7.1, test 1.
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const secret = newSigningSecret('v1a', () => seed);
    expect(secretFault(secret)).toBeUndefined();
    expect(publicKeyOf(secret)).toBe(
      `whpk_${Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64')}`,
    );
  });

  it.each(['', 'hunter2', 'whsec_', 'whsec_c2hvcnQ=', 'whsk_c2hvcnQ=', 'whsec_not base64 at all, but long enough'])(
    'is refused when it is %j, without being repeated',
    (secret) => {
      const fault = secretFault(secret);
      expect(fault).toBeDefined();
      if (secret.length > 8) expect(fault).not.toContain(secret);
    },
  );
});

describe('a rotation', () => {
  it('signs with both secrets until the overlap ends', () => {
    const secrets = rotated([{ secret: 'whsec_old' }], 24 * hour, 1000);
    expect(secrets[1]).toEqual({ secret: 'whsec_old', expiresAt: 1000 + 24 * hour * 1000 });
    expect(secretsInForce(secrets, 1000 + 24 * hour * 1000 - 1)).toHaveLength(2);
    expect(secretsInForce(secrets, 1000 + 24 * hour * 1000)).toHaveLength(1);
  });

  it('that follows another keeps all that have not expired, each until its own end', () => {
    const first = rotated([{ secret: 'whsec_a' }], 24 * hour, 0, 'whsec_b');
    const second = rotated(first, 24 * hour, hour * 1000, 'whsec_c');
    expect(second).toEqual([
      { secret: 'whsec_c' },
      { secret: 'whsec_b', expiresAt: 25 * hour * 1000 },
      { secret: 'whsec_a', expiresAt: 24 * hour * 1000 },
    ]);
  });

  it('drops what has expired', () => {
    expect(rotated([{ secret: 'whsec_b' }, { secret: 'whsec_a', expiresAt: 5 }], hour, 6)).toHaveLength(2);
  });

  it('without overlap ends the old secret at once, and the ends that earlier rotations gave', () => {
    expect(rotated([{ secret: 'whsec_b' }, { secret: 'whsec_a', expiresAt: 99_999 }], 0, 6, 'whsec_c')).toEqual([
      { secret: 'whsec_c' },
    ]);
  });

  it('to a first ed25519 key leaves the shared secret in force beside it', () => {
    const secrets = rotated([{ secret: 'whsec_a' }], hour, 0, newSigningSecret('v1a', randomBytes));
    expect(secrets[1]).toEqual({ secret: 'whsec_a' });
  });

  it('to an ed25519 key alone ends the shared secret with the overlap', () => {
    const rotation = rotateSecrets([{ secret: 'whsec_a' }], newSigningSecret('v1a', randomBytes), 0, {
      overlapSeconds: hour,
      endOtherScheme: true,
    });
    expect(rotation).toMatchObject({ secrets: [{}, { secret: 'whsec_a', expiresAt: hour * 1000 }] });
  });

  it('is refused when more signatures would overlap than fit in a header', () => {
    let secrets: readonly SigningSecret[] = [{ secret: 'whsec_0' }];
    for (let count = 1; count < maxSecrets; count++) secrets = rotated(secrets, hour, 0, `whsec_${count}`);
    expect(rotateSecrets(secrets, newSecret(), 0, { overlapSeconds: hour })).toEqual({
      kind: 'too-many',
      limit: maxSecrets,
    });
    expect(rotateSecrets(secrets, newSecret(), 0, { overlapSeconds: 0 }).kind).toBe('rotated');
  });
});
