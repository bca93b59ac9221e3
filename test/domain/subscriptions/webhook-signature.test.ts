import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { signingSecret } from '../../../lab/support/deliveries.ts';
import { publicKeyOf } from '../../../lambdas/domain/subscriptions/signing-secret.ts';
import { isSigningSecret, webhookSignature } from '../../../lambdas/domain/subscriptions/webhook-signature.ts';

/** Of the Standard Webhooks libraries. */
const published = {
  content: { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1614265330, body: '{"test": 2432232314}' },
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function now() {
  return { id: 'msg_1', timestampSeconds: Math.floor(Date.now() / 1000), body: '{"orgId":9007199254740993,"é":"✓"}' };
}

function headersOf(content: ReturnType<typeof now>, secrets: string[]) {
  return {
    'webhook-id': content.id,
    'webhook-timestamp': String(content.timestampSeconds),
    'webhook-signature': webhookSignature(content, secrets),
  };
}

describe('the signature', () => {
  it("is the published vector's", () => {
    expect(webhookSignature(published.content, [signingSecret])).toBe(published.signature);
  });

  it('is accepted by the verifiers that subscribers use', () => {
    const content = now();
    const headers = headersOf(content, [signingSecret]);
    expect(() => new StandardWebhook(signingSecret).verify(content.body, headers)).not.toThrow();
    expect(() => new SvixWebhook(signingSecret).verify(content.body, headers)).not.toThrow();
  });

  it('is accepted with the old and with the new secret while both sign, and with no other', () => {
    const content = now();
    const headers = headersOf(content, [otherSecret, signingSecret]);
    for (const secret of [signingSecret, otherSecret]) {
      expect(() => new StandardWebhook(secret).verify(content.body, headers)).not.toThrow();
    }
    const stranger = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(() => new StandardWebhook(stranger).verify(content.body, headers)).toThrow();
  });

  it.each(['a changed body', 'another id', 'another time'])('is refused with %s', (change) => {
    const content = now();
    const headers = headersOf(content, [signingSecret]);
    if (change === 'another id') headers['webhook-id'] = 'msg_2';
    if (change === 'another time') headers['webhook-timestamp'] = String(content.timestampSeconds + 1);
    const body = change === 'a changed body' ? `${content.body} ` : content.body;
    expect(() => new StandardWebhook(signingSecret).verify(body, headers)).toThrow();
  });

  it('is a v1a that the published half of an ed25519 key verifies, from a key of 32 and of 64 bytes', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
    const publicBytes = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
    const short = `whsk_${seed.toString('base64')}`;
    const long = `whsk_${Buffer.concat([seed, publicBytes]).toString('base64')}`;
    const content = now();
    const [v1, v1a] = webhookSignature(content, [signingSecret, short]).split(' ');
    expect(v1).toMatch(/^v1,/);
    const signature = Buffer.from(v1a?.replace(/^v1a,/, '') ?? '', 'base64');
    const text = Buffer.from(`${content.id}.${content.timestampSeconds}.${content.body}`);
    expect(verify(null, text, createPublicKey(privateKey), signature)).toBe(true);
    expect(webhookSignature(content, [long])).toBe(webhookSignature(content, [short]));
    expect(publicKeyOf(short)).toBe(`whpk_${publicBytes.toString('base64')}`);
  });

  it.each(['', 'whsec_', 'whsec_not base64!', 'secret', 'whsk_AAAA', 'whsec_AAAA'])(
    'is not made with %j, which is told before it is stored',
    (secret) => {
      expect(isSigningSecret(secret)).toBe(false);
    },
  );

  it('fails loudly with a secret that cannot sign, and does not repeat it', () => {
    expect(() => webhookSignature(published.content, ['whsec_$$$'])).toThrow(/neither whsec_/);
    expect(() => webhookSignature(published.content, ['whsk_AAAA'])).toThrow(/32 or 64 bytes/);
  });
});
