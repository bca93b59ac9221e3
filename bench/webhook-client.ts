/**
 * node:https against undici as the client that delivers: what each costs in bundle and start-up, and how many posts it
 * makes over kept connections, ten at a time. Run: `node bench/webhook-client.ts`. Prints a Markdown table.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { selfSignedCertificate } from '../test/self-signed-certificate.ts';

const clients = {
  'node:https': `
    import { Agent, request } from 'node:https';
    const agent = new Agent({ keepAlive: true, ca: process.env.CA, maxFreeSockets: 32 });
    export function post(url, body) {
      return new Promise((resolve, reject) => {
        const call = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
        });
        call.on('error', reject);
        call.end(body);
      });
    }`,
  undici: `
    import { Agent, request } from 'undici';
    const dispatcher = new Agent({ connect: { ca: process.env.CA }, connections: 32 });
    export async function post(url, body) {
      const response = await request(url, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json' }, body });
      await response.body.dump();
      return response.statusCode;
    }`,
};

const run = `
  const [port, seconds] = process.argv.slice(2).map(Number);
  const body = JSON.stringify({ orgId: 1, type: 'new_message', data: { text: 'x'.repeat(1000) } });
  const url = 'https://localhost:' + port + '/';
  if (seconds === 0) process.exit(0);
  let posts = 0;
  let until = Date.now() + 500;
  const worker = async () => { while (Date.now() < until) { await post(url, body); posts++; } };
  await Promise.all(Array.from({ length: 10 }, worker));
  posts = 0;
  until = Date.now() + seconds * 1000;
  await Promise.all(Array.from({ length: 10 }, worker));
  console.log(posts / seconds);
  process.exit(0);`;

const directory = mkdtempSync(join(tmpdir(), 'webhook-client-'));
const { key, cert } = selfSignedCertificate('localhost');
const server = spawn(
  process.execPath,
  [
    '-e',
    `require('node:https').createServer({ key: process.env.KEY, cert: process.env.CA }, (request, response) => {
      request.resume();
      request.on('end', () => response.end('ok'));
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port); });`,
  ],
  { env: { ...process.env, KEY: key, CA: cert }, stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  const port = await new Promise<string>((resolve) =>
    server.stdout.once('data', (chunk) => resolve(String(chunk).trim())),
  );
  console.log('| client | bundle, KB | start-up, ms (median of 15) | posts per second over TLS |');
  console.log('| --- | ---: | ---: | ---: |');
  for (const [name, source] of Object.entries(clients)) {
    const outfile = join(directory, `${name.replace(':', '-')}.mjs`);
    await build({
      stdin: { contents: `${source}\n${run}`, resolveDir: process.cwd() },
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      outfile,
      banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
      logLevel: 'error',
    });
    const env = { ...process.env, CA: cert };
    const startUps = Array.from({ length: 15 }, () => {
      const startedAt = performance.now();
      execFileSync(process.execPath, [outfile, port, '0'], { env });
      return performance.now() - startedAt;
    }).sort((one, other) => one - other);
    const rates = Array.from({ length: 3 }, () =>
      Number(execFileSync(process.execPath, [outfile, port, '3'], { env })),
    );
    const kilobytes = Math.round(statSync(outfile).size / 1024);
    const best = Math.round(Math.max(...rates));
    console.log(`| ${name} | ${kilobytes} | ${(startUps[7] ?? 0).toFixed(0)} | ${best} |`);
  }
} finally {
  server.kill();
  rmSync(directory, { recursive: true });
}
