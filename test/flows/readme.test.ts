import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { FanoutProcess } from './fanout-process.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const section = /^## Send a first event and receive it\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => String(block));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function shell(script: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn('sh', ['-ec', script], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.text += text;
    });
  }
  return { child, output };
}

test('the first event arrives, though all that the README has one do is pasted at once', async () => {
  const [start, listen, subscribe, post] = blocks;
  expect([start, blocks.length]).toEqual(['npm start\n', 4]);
  const fanout = await FanoutProcess.start('--quiet-period', '2s', '--drift-token', 'local-drift-token');
  ends.push(() => fanout.stop());
  const port = await freePort();
  const onFreePorts = (block = '') =>
    block.replaceAll('http://127.0.0.1:4400', fanout.ready.api).replaceAll('4500', String(port));
  const listener = shell(`exec ${onFreePorts(listen)}`);
  ends.push(() => listener.child.kill());

  const pasted = shell(`${onFreePorts(subscribe)}\n${onFreePorts(post)}`, { FANOUT_API: fanout.ready.api });
  const [exitCode] = await once(pasted.child, 'exit');
  expect([exitCode, pasted.output.text]).toEqual([0, expect.stringContaining('whsec_')]);
  // The post comes after this line, however fast the machine is.
  expect(pasted.output.text).toMatch(/^Ready\.$[\s\S]*"status":"accepted"/m);
  const arrived = () =>
    [...listener.output.text.matchAll(/^msg_\S+ {"orgId":1,"type":"([a-z_]+)"/gm)].map(([, type]) => type);
  await expect.poll(arrived, { timeout: 60_000 }).toHaveLength(2);
  expect(arrived()).toEqual(['new_message', 'conversation_push']);
});

test('the demo delivers as many events as the README says, of as many types', async () => {
  const demo = shell(
    `exec '${process.execPath}' '${fileURLToPath(new URL('../../local/demo/main.ts', import.meta.url))}'`,
  );
  ends.push(() => demo.child.kill());
  await once(demo.child, 'exit');
  const delivered = [...demo.output.text.matchAll(/──> {2}subscriber {3}(\S+)/g)].map(([, type]) => type);
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
  expect(readme).toContain(`${words[delivered.length]} events of ${words[new Set(delivered).size]} types arrive`);
});
