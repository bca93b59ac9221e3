import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeWorkDirectory } from '../../local/work-directory.ts';

const script = `
  import { makeWorkDirectory } from './local/work-directory.ts';
  console.log(makeWorkDirectory(process.env.PARENT).path);
  setInterval(() => {}, 1000);`;

let parent: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'work-directory-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(parent, { recursive: true, force: true });
});

async function otherRun() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, PARENT: parent },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const path = String(line).trim();
  writeFileSync(join(path, 'bundle.mjs'), '');
  const kill = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { path, kill };
}

test('a run that was killed leaves its folder to the next one, which removes it, and no other', async () => {
  const foreign = join(parent, 'webhook-fanout-run-of-somebody');
  mkdirSync(foreign);
  const [killed, running] = [await otherRun(), await otherRun()];
  await killed.kill();
  expect(existsSync(killed.path)).toBe(true);
  const own = makeWorkDirectory(parent);
  expect(
    readdirSync(parent)
      .map((name) => join(parent, name))
      .sort(),
  ).toEqual([foreign, running.path, own.path].sort());
  own.remove();
  expect(existsSync(own.path)).toBe(false);
});
