/**
 * The clients that could deliver: what each costs in bundle and start-up, and the processor time of a post over kept
 * connections, ten at a time. Run: `node lab/bench/webhook-client.ts`. Prints a Markdown table.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { quantile } from './distribution.ts';

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
  'ours, on node:https': `
    import { httpsWebhookSender } from './lambdas/aws/https-webhook-sender.ts';
    const sender = httpsWebhookSender({ policy: 'local', clock: Date.now, ca: process.env.CA });
    export async function post(url, body) {
      const result = await sender.send({ url, headers: { 'content-type': 'application/json' }, body });
      if (result.status !== 200) throw new Error(JSON.stringify(result));
      return result.status;
    }`,
};

const run = `
  const [port, posts] = process.argv.slice(2).map(Number);
  const body = JSON.stringify({ orgId: 1, type: 'new_message', data: { text: 'x'.repeat(1000) } });
  const url = 'https://localhost:' + port + '/';
  if (posts === 0) process.exit(0);
  async function costOfPost() {
    const before = process.cpuUsage();
    for (let batch = 0; batch < posts / 10; batch++) await Promise.all(Array.from({ length: 10 }, () => post(url, body)));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / posts;
  }
  await costOfPost();
  console.log(await costOfPost());
  process.exit(0);`;

interface Bundled {
  readonly name: string;
  readonly outfile: string;
  readonly kilobytes: number;
  readonly startUps: number[];
  readonly costs: number[];
}

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
  const env = { ...process.env, CA: cert };
  const bundled: Bundled[] = [];
  for (const [name, source] of Object.entries(clients)) {
    const outfile = join(directory, `${bundled.length}.mjs`);
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
    bundled.push({ name, outfile, kilobytes: Math.round(statSync(outfile).size / 1024), startUps: [], costs: [] });
  }
  // In turn, so that whatever else the machine does falls on all of them.
  for (let round = 0; round < 15; round++) {
    for (const { outfile, startUps, costs } of bundled) {
      const startedAt = performance.now();
      execFileSync(process.execPath, [outfile, port, '0'], { env });
      startUps.push(performance.now() - startedAt);
      if (round % 2 === 0) costs.push(Number(execFileSync(process.execPath, [outfile, port, '20000'], { env })));
    }
  }
  console.log('| client | bundle, KB | start-up, ms (median of 15) | CPU µs of a post (median of 8) |');
  console.log('| --- | ---: | ---: | ---: |');
  for (const { name, kilobytes, startUps, costs } of bundled) {
    const [startUp, cost] = [startUps, costs].map((values) => quantile(values, 0.5).toFixed(0));
    console.log(`| ${name} | ${kilobytes} | ${startUp} | ${cost} |`);
  }
} finally {
  server.kill();
  rmSync(directory, { recursive: true });
}
