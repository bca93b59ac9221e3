import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ApiOnLoopback } from './api-on-loopback.ts';

const entry = fileURLToPath(new URL('../../cli/fanout.ts', import.meta.url));
let api: ApiOnLoopback;

beforeEach(async () => {
  api = await ApiOnLoopback.start();
});
afterEach(() => api.stop());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The file itself, as `npx --no -- fanout` runs it: by its first line and its executable bit. */
async function fanout(args: readonly string[], { stdin = '', hangUp = false } = {}): Promise<Ended> {
  const child = spawn(entry, args, { env: { ...process.env, FANOUT_API: api.url }, stdio: 'pipe' });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (hangUp) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.end(stdin);
  const [code] = await once(child, 'close');
  return { code, out, err };
}

it('runs as a program, and ends with the exit code that is meant', async () => {
  expect(await fanout(['subscriptions', 'show', 'sub_none'])).toEqual({
    code: 4,
    out: '',
    err: 'fanout: there is no subscription sub_none (404)\n',
  });
});

it('posts what is piped into it, byte for byte', async () => {
  const stdin = '{"orgId":1,"type":"new_message","data":{"id":9007199254740993,"conversationId":1,"body":"ü"}}';
  expect(await fanout(['events', 'send', '-'], { stdin })).toMatchObject({ code: 0, err: '' });
  expect(api.lastRequest.bytes.toString()).toBe(stdin);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'that is ended by %s while it waits still prints the secret, which nobody could show again',
  async (signal, code) => {
    const args = ['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'new_message', '--wait', '--json'];
    const child = spawn(entry, args, { env: { ...process.env, FANOUT_API: api.url }, stdio: 'pipe' });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.once('data', () => child.kill(signal));
    expect(await once(child, 'close')).toEqual([code, null]);
    expect(JSON.parse(out).secret).toMatch(/^whsec_/);
  },
);

it('prints a long document whole, and takes it calmly when its reader has had enough', async () => {
  const description = 'x'.repeat(500);
  for (let index = 0; index < 1000; index++) {
    api.subscriptions.put({
      subscriptionId: `sub_${index}`,
      url: 'http://127.0.0.1:1/',
      eventTypes: ['a'],
      description,
    });
  }
  const whole = await fanout(['subscriptions', 'list', '--json']);
  expect(JSON.parse(whole.out).subscriptions).toHaveLength(1000);
  expect(await fanout(['subscriptions', 'list', '--json'], { hangUp: true })).toMatchObject({ code: 0, err: '' });
});
