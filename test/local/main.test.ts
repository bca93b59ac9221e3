import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function run(...flags: string[]) {
  const child = spawn(process.execPath, ['local/main.ts', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const exit = once(child, 'exit').then(([code]) => ({ code: code as number, ...output }));
  const readyLine = async (begin: string): Promise<string> => {
    for (;;) {
      const line = output.stdout.split('\n').find((each) => each.startsWith(begin));
      if (line !== undefined) return line;
      await Promise.race([once(child.stdout, 'data'), exit.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
    }
  };
  return { child, exit, output, readyLine };
}

describe('npm start', () => {
  test.each([
    [['--color'], '--color'],
    [['stray'], 'stray'],
    [['--port', 'many'], '--port many'],
    [['--port', '70000'], '--port 70000'],
    [['--port', '5000', '--aws-port', '5000'], '--port and --aws-port are both 5000'],
    [['--quiet-period', 'soon'], '--quiet-period soon'],
    [['--quiet-period', '0'], '--quiet-period 0'],
    [['--quiet-period', '25h'], '--quiet-period 25h'],
    [['--legacy', 'gone'], '--legacy gone: give one of announced, closed-to-new, mirroring, removed'],
    [['--drift-token', ''], '--drift-token'],
    [['--allow-host', 'https://x.tunnel.example/'], '--allow-host https://x.tunnel.example/: give the name alone'],
  ])('answers %j in one line, with exit code 2', async (flags, message) => {
    const { code, stdout, stderr } = await run(...flags).exit;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  });

  test('says in one line that a port is in use, with exit code 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await run('--port', String(port), '--aws-port', '0').exit;
    taken.close();
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(`port ${port} is in use`)]);
  });

  test('tells a person what runs where, and stops on Ctrl-C', async () => {
    const { child, exit, output, readyLine } = run('--port', '0', '--aws-port', '0', '--legacy', 'mirroring');
    const [, api = ''] = (await readyLine('ready ')).split(' ');
    expect(api).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(output.stdout).toContain(`${api}/drift/events`);
    expect(output.stdout).toContain('local-drift-token');
    expect(output.stdout).toContain('deployed they are refused');
    expect(output.stdout).toContain('mirroring');
    expect((await fetch(`${api}/healthz`)).status).toBe(200);
    child.kill('SIGINT');
    expect(await exit).toMatchObject({ code: 0, stderr: '' });
  });

  test('with --json prints one line and nothing else, and stops on SIGTERM', async () => {
    const { child, exit, readyLine } = run('--port', '0', '--aws-port', '0', '--quiet-period', '5s', '--json');
    const ready = JSON.parse(await readyLine('{')) as Record<string, unknown>;
    expect(ready).toEqual({
      ready: true,
      api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      aws: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      bus: expect.any(String),
      tables: {
        subscriptions: expect.any(String),
        conversations: expect.any(String),
        settings: expect.any(String),
        deliveries: expect.any(String),
        events: expect.any(String),
      },
    });
    child.kill('SIGTERM');
    const { code, stdout } = await exit;
    expect([code, stdout.trimEnd().split('\n').length]).toEqual([0, 1]);
  });

  test.each([600, 1500])('that is stopped %d ms after it was started stops all the same', async (ms) => {
    const { child, exit } = run('--port', '0', '--aws-port', '0');
    await new Promise((resolve) => setTimeout(resolve, ms));
    child.kill('SIGINT');
    expect((await exit).stderr).toBe('');
  });
});
