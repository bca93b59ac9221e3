import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

type Verifier = (rawBody: string, headers: Record<string, string>, secret: string) => boolean;

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const [, code = ''] = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(readme) ?? [];
const { isGenuine } = (await import(
  `data:text/javascript,${encodeURIComponent(`${code}\nexport { isGenuine };`)}`
)) as { isGenuine: Verifier };

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const body = '{"orgId":1}';
function signed(timestamp: string): Record<string, string> {
  const text = createHmac('sha256', Buffer.alloc(32, 7)).update(`id.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': 'id', 'webhook-timestamp': timestamp, 'webhook-signature': `v1a,x v1,${text}` };
}
const now = () => String(Math.floor(Date.now() / 1000));

test("the README's verifier takes what is signed, also as the second of two signatures", () => {
  expect(isGenuine(body, signed(now()), secret)).toBe(true);
  expect(isGenuine('{"orgId":2}', signed(now()), secret)).toBe(false);
  expect(isGenuine(body, signed(String(Number(now()) - 301)), secret)).toBe(false);
});

test.each([
  ['no headers', {}],
  ['no signature', { 'webhook-id': 'id', 'webhook-timestamp': now() }],
  ['no id', { 'webhook-timestamp': now(), 'webhook-signature': 'v1,x' }],
  ['a time that is none', { ...signed('x') }],
  ['an empty signature', { ...signed(now()), 'webhook-signature': '' }],
  ['a garbled signature', { ...signed(now()), 'webhook-signature': 'v1 ,, v1, v1,%' }],
])("the README's verifier refuses a request with %s, and does not throw", (_what, headers) => {
  expect(isGenuine(body, headers, secret)).toBe(false);
});
