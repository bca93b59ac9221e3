import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { flushLines, writeLine } from '../../lambdas/telemetry/standard-output.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function watchWrites(): string[] {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  return written;
}

test('lines of one turn of the event loop go out together, and without being asked for', async () => {
  const written = watchWrites();
  writeLine('one');
  await Promise.resolve();
  writeLine('two');
  expect(written).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(['one\ntwo\n']);
});

test('what is asked for goes out at once, and once', async () => {
  const written = watchWrites();
  writeLine('one');
  flushLines();
  flushLines();
  expect(written).toEqual(['one\n']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(['one\n']);
});

test.each([
  ['ends', 'process.exit(0)'],
  ['fails', "throw new Error('nobody caught this')"],
])('a process that %s in the middle has written its lines', async (_how, end) => {
  const file = new URL('../../lambdas/telemetry/standard-output.ts', import.meta.url).href;
  const script = `import { writeLine } from '${file}'; writeLine('attempt'); ${end};`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const { stdout } = await run.catch((failed: { stdout: string }) => failed);
  expect(stdout).toBe('attempt\n');
});
