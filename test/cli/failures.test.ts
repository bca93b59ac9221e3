import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAwsEndpoint } from '../../local/aws/wire/http-server.ts';
import { ApiOnLoopback } from './api-on-loopback.ts';
import { commandsIn, runCommand } from './command-run.ts';

let api: ApiOnLoopback;

beforeEach(async () => {
  api = await ApiOnLoopback.start();
});
afterEach(() => api.stop());

const list = (...args: string[]) => runCommand(['subscriptions', 'list', '--api', api.url, ...args]);

describe('what the API answers', () => {
  it.each([
    [400, 1],
    [404, 4],
    [409, 1],
    [412, 1],
    [413, 1],
    [401, 5],
    [403, 5],
    [429, 6],
    [500, 6],
    [503, 6],
  ])('%i ends the command with %i and says what the problem document says', async (status, exitCode) => {
    api.nextAnswers.push({
      status,
      headers: { 'content-type': 'application/problem+json' },
      text: JSON.stringify({ type: 'about:blank', title: 'Title', status, detail: 'this is how it is' }),
    });
    expect(await list()).toEqual({ exitCode, out: '', err: `fanout: this is how it is (${status})\n` });
  });

  it('with --json keeps standard output empty when it is refused', async () => {
    api.nextAnswers.push({ status: 500, headers: { 'content-type': 'application/json' }, text: '{"message":"oh"}' });
    expect(await list('--json')).toEqual({ exitCode: 6, out: '', err: 'fanout: oh (500)\n' });
  });

  it('passes on how long to wait', async () => {
    api.nextAnswers.push({ status: 429, headers: { 'retry-after': '60' }, text: '{"detail":"slow down"}' });
    expect((await list()).err).toBe('fanout: slow down (429)\nTry again in 60 s.\n');
  });

  it('a gateway that fails with a page of HTML is a failure of the API', async () => {
    api.nextAnswers.push({ status: 502, headers: { 'content-type': 'text/html' }, text: '<h1>Bad Gateway</h1>' });
    expect(await list()).toEqual({ exitCode: 6, out: '', err: 'fanout: the API answered 502 (502)\n' });
  });

  it.each([
    [200, '<html>'],
    [404, '<html>'],
    [301, ''],
  ])('another server there, which answers %i, is taken for what it is', async (status, text) => {
    api.nextAnswers.push({ status, headers: { 'content-type': 'text/html', location: 'http://x.test/' }, text });
    const run = await list();
    expect(run).toMatchObject({ exitCode: 3, out: '' });
    expect(run.err).toContain('is not the API of a webhook fan-out');
  });
});

it("the local run's AWS endpoint, by mistake, is taken for what it is too", async () => {
  const aws = await startAwsEndpoint({ port: 0, services: [], onBug: () => undefined });
  const run = await runCommand(['subscriptions', 'list', '--api', aws.url]);
  await aws.close();
  expect(run).toMatchObject({ exitCode: 3, out: '' });
  expect(run.err).toContain(`${aws.url} is not the API of a webhook fan-out: it answered 404 with an error of AWS\n`);
});

it('a post of Drift’s to a domain of one’s own needs no region: it is not signed', async () => {
  const closed = await ApiOnLoopback.start();
  const api = closed.url.replace('http:', 'https:');
  await closed.stop();
  const event = '{"orgId":1,"type":"new_message","token":"t","data":{"id":1}}';
  expect((await runCommand(['events', 'send', '-', '--api', api], { stdin: event })).exitCode).toBe(3);
  const list = await runCommand(['subscriptions', 'list', '--api', api]);
  expect(list).toMatchObject({ exitCode: 2, err: expect.stringContaining('add --region') });
});

describe('an API that cannot be reached', () => {
  it('is said with 3, and how to start the local run', async () => {
    const url = api.url;
    await api.stop();
    api = await ApiOnLoopback.start();
    expect(await runCommand(['event-types', 'list', '--api', url])).toEqual({
      exitCode: 3,
      out: '',
      err: `fanout: nothing answers at ${url} (connection refused)\nIs the local run up? Start it with: npm start\n`,
    });
  });

  it('is said with 3 when it hangs up', async () => {
    const server = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const run = await runCommand(['subscriptions', 'list', '--api', url]);
    server.close();
    expect(run.exitCode).toBe(3);
    expect(run.err).not.toMatch(/\n\s+at /);
  });
});

describe('wrong usage', () => {
  it.each([
    [['subscriptions', 'list', '--jsn'], "unknown option '--jsn'"],
    [['subscriptions', 'lst'], 'Did you mean list?'],
    [['subscriptions', 'show'], "missing required argument 'subscriptionId'"],
    [['subscriptions', 'show', 'a', 'b'], 'too many arguments'],
    [['subscriptions', 'create', 'u', '--events', ','], 'It holds no value'],
    [['subscriptions', 'create', 'u', '--events', 'a', '--max-concurrency', 'many'], 'must be a whole number'],
    [['subscriptions', 'create', 'u', '--events', 'a', '--header', 'X-Key'], "like 'X-Api-Key: secret'"],
    [['events', 'list', '--limit', '0'], 'a whole number, 1 or more'],
    [['deliveries', 'list', 'a', '--limit', '0'], 'a whole number, 1 or more'],
    [['deliveries', 'list', 'a', '--all', '--limit', '3'], 'cannot be used with'],
    [['subscriptions', 'list', '--api', 'localhost:4400'], '--api must be a URL like'],
    [['subscriptions', 'list', '--api', 'http://x', '--stack', 'y'], 'give one of them'],
    [['events', 'send', '-', '--api', 'http://10.0.0.1:4596'], 'add --insecure'],
    [['nonsense'], "unknown command 'nonsense'"],
  ])('%j is 2', async (args, message) => {
    const run = await runCommand(args);
    expect(run).toMatchObject({ exitCode: 2, out: '' });
    expect(run.err).toMatch(/^fanout: /);
    expect(run.err).toContain(message);
  });

  it('a group without a command shows what there is', async () => {
    const run = await runCommand(['subscriptions']);
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain('rotate-secret');
  });
});

describe('help', () => {
  it('is 0, on standard output, and holds the exit codes', async () => {
    const run = await runCommand(['--help']);
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(run.out).toContain('Exit codes:');
  });

  it('of every command has an example', async () => {
    const groups = await commandsIn([]);
    expect(groups.length).toBeGreaterThan(5);
    for (const group of groups) {
      for (const command of await commandsIn([group])) {
        const { exitCode, out } = await runCommand([group, command, '--help']);
        expect([group, command, exitCode]).toEqual([group, command, 0]);
        expect(out).toContain(`Examples:\n`);
        expect(out).toContain(`fanout ${group} ${command}`);
      }
    }
  });
});

describe('colour and width', () => {
  const longUrl = `http://127.0.0.1:1/${'x'.repeat(60)}`;
  const escapeSequence = '\u001b[';

  beforeEach(() => {
    const eventTypes = ['conversation_manual_push', 'conversation_inactive', 'conversation_push'];
    api.subscriptions.put({ subscriptionId: 'mine', url: longUrl, eventTypes });
  });

  it('what is piped has no colour and is never cut', async () => {
    const { out } = await list();
    expect(out).not.toContain(escapeSequence);
    expect(out).toContain('conversation_manual_push, conversation_inactive, conversation_push\n');
  });

  it('on a terminal the last column gives way', async () => {
    const run = await runCommand(['subscriptions', 'list', '--api', api.url], { terminal: { columns: 130 } });
    expect(run.out).toContain(escapeSequence);
    expect(run.out).toMatch(/ conversatio…\n$/);
  });

  it('JSON has no colour on a terminal either', async () => {
    const run = await runCommand(['subscriptions', 'list', '--json', '--api', api.url], { terminal: { columns: 80 } });
    expect(run.out).not.toContain(escapeSequence);
  });
});
