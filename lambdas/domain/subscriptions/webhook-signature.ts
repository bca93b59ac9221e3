import { createHmac, createPrivateKey, createSecretKey, sign } from 'node:crypto';

/** What is signed: the webhook's id, the attempt's time in epoch seconds, and the body as it is sent. */
export interface SignedContent {
  readonly id: string;
  readonly timestampSeconds: number;
  readonly body: string;
}

/**
 * The value of `webhook-signature`: one signature for each secret, parted by blanks, so that a receiver that knows any
 * of them accepts it. `whsec_` makes a `v1` (HMAC-SHA256), `whsk_` a `v1a` (ed25519). Throws on a secret that is neither.
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function webhookSignature(content: SignedContent, signingSecrets: readonly string[]): string {
  const text = `${content.id}.${content.timestampSeconds}.${content.body}`;
  return signingSecrets.map((secret) => signatureWith(secret, text)).join(' ');
}

/** Whether `secret` can sign: 24 to 64 bytes behind `whsec_`, an ed25519 private key behind `whsk_`. */
export function isSigningSecret(secret: string): boolean {
  return secrets.get(secret)?.isSigningSecret ?? remember(secret).isSigningSecret;
}

interface ReadSecret {
  readonly isSigningSecret: boolean;
  /** Throws where the secret cannot sign. */
  readonly signatureOf: (text: string) => string;
}

// Reading a secret and making its key takes ten times as long as signing with it, and a delivery function signs
// everything with the same few.
const secrets = new Map<string, ReadSecret>();
const maxRemembered = 100;

function remember(secret: string): ReadSecret {
  if (secrets.size >= maxRemembered) secrets.clear();
  const read = secret.startsWith('whsk_') ? readEd25519Secret(secret) : readHmacSecret(secret);
  secrets.set(secret, read);
  return read;
}

function signatureWith(secret: string, text: string): string {
  return (secrets.get(secret) ?? remember(secret)).signatureOf(text);
}

function readEd25519Secret(secret: string): ReadSecret {
  const isSigningSecret = [32, 64].includes(keyBytes(secret, 'whsk_')?.length ?? 0);
  const key = isSigningSecret ? ed25519Key(secret) : undefined;
  return {
    isSigningSecret,
    signatureOf: (text) => `v1a,${sign(null, Buffer.from(text), key ?? ed25519Key(secret)).toString('base64')}`,
  };
}

function readHmacSecret(secret: string): ReadSecret {
  const bytes = keyBytes(secret, 'whsec_') ?? Buffer.alloc(0);
  // Given the bytes, createHmac would make a key of them each time, which takes four times as long as to sign.
  const key = bytes.length === 0 ? undefined : createSecretKey(bytes);
  return {
    isSigningSecret: bytes.length >= 24 && bytes.length <= 64,
    signatureOf(text) {
      if (key === undefined) throw new Error('a signing secret is neither whsec_… nor whsk_… in base64');
      return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
    },
  };
}

/** PKCS #8's wrapping of an ed25519 seed (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key is the seed's 32 bytes, or 64: the seed and the public key, as NaCl has it. */
export function ed25519Key(secret: string) {
  const bytes = keyBytes(secret, 'whsk_');
  if (bytes === undefined || (bytes.length !== 32 && bytes.length !== 64)) {
    throw new Error('a whsk_ signing secret does not hold an ed25519 private key of 32 or 64 bytes in base64');
  }
  const der = Buffer.concat([pkcs8Prefix, bytes.subarray(0, 32)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function keyBytes(secret: string, prefix: string): Buffer | undefined {
  const base64 = secret.startsWith(prefix) ? secret.slice(prefix.length) : '';
  // Buffer.from skips what is not base64: a damaged secret would sign with a shorter key.
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}
