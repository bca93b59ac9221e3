import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { bundleLambdas, type LambdaName, lambdaFolders, lambdaNames } from '../../infra/bundle-lambdas.ts';

const run = promisify(execFile);
const build = join(import.meta.dirname, '..', '..', 'build');
const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

/** A directory of functions; within the repository, so that they find its packages. */
function sources(code: Partial<Record<string, string>> = {}, names: readonly LambdaName[] = lambdaNames): string {
  mkdirSync(build, { recursive: true });
  const directory = mkdtempSync(join(build, 'sources-'));
  made.push(directory);
  for (const name of names) {
    const folder = join(directory, lambdaFolders[name]);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.ts'), code[name] ?? 'export const handler = async (): Promise<void> => {};');
  }
  return directory;
}

function outDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bundles-'));
  made.push(directory);
  return directory;
}

const usesSqs = `
  import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
  const client = new SQSClient({ maxAttempts: 1 });
  export const handler = (QueueUrl: string) => client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
`;

test('names the functions that are not there', async () => {
  const sourceDirectory = sources({}, lambdaNames.slice(0, -2));
  await expect(bundleLambdas(outDirectory(), { sourceDirectory })).rejects.toThrow(
    /there is no .*deliver\/index\.ts, no .*manage\/index\.ts/,
  );
});

test('makes the same bytes of the same sources, and leaves nothing of an earlier build behind', async () => {
  const sourceDirectory = sources({ ingest: usesSqs });
  const [one, other] = [outDirectory(), outDirectory()];
  await bundleLambdas(one, { sourceDirectory });
  writeFileSync(join(other, 'stray.txt'), '');
  mkdirSync(join(other, 'ingest'));
  writeFileSync(join(other, 'ingest', 'left-over.mjs'), '');
  await bundleLambdas(other, { sourceDirectory });

  for (const name of lambdaNames) {
    const file = join(name, 'index.mjs');
    expect(readFileSync(join(one, file), 'utf8')).toBe(readFileSync(join(other, file), 'utf8'));
  }
  expect(() => readFileSync(join(other, 'ingest', 'left-over.mjs'))).toThrow();
});

test('lets a build and a local run go on at the same time: nobody sees half a bundle', async () => {
  const out = outDirectory();
  const sourceDirectory = sources({ ingest: usesSqs });
  const builds = [bundleLambdas(out, { sourceDirectory }), bundleLambdas(out, { sourceDirectory })];
  await expect(Promise.all(builds)).resolves.toHaveLength(2);
  expect(readdirSync(out).sort()).toEqual([...lambdaNames].sort());
});

test('runs code that calls `require`, which an ES module does not have', async () => {
  const out = outDirectory();
  const code = 'export const handler = () => (0, eval)("typeof require") + typeof require("node:path").join;';
  await bundleLambdas(out, { sourceDirectory: sources({ manage: code }) });
  const { handler } = await import(join(out, 'manage', 'index.mjs'));
  expect(handler()).toMatch(/function$/);
});

describe('a bundle takes the credentials that are in its environment', async () => {
  const out = outDirectory();
  await bundleLambdas(out, { sourceDirectory: sources({ ingest: usesSqs }) });

  /** Runs the bundle in a process with nothing in its environment but this; what it sent, and what it printed. */
  async function invoke(
    environment: Record<string, string>,
  ): Promise<{ sent: IncomingHttpHeaders[]; printed: string }> {
    const sent: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      sent.push(request.headers);
      request.resume().on('end', () => response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const script = `
      const { handler } = await import(${JSON.stringify(join(out, 'ingest', 'index.mjs'))});
      try { await handler('${url}/000000000000/queue'); console.log('sent'); } catch (error) { console.log(String(error)); }
    `;
    try {
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
        env: { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: url, HOME: out, ...environment },
      });
      return { sent, printed: stdout };
    } finally {
      server.close();
    }
  }

  test('and signs with them', async () => {
    const { sent } = await invoke({
      AWS_ACCESS_KEY_ID: 'AKIAOFTHEROLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'session',
    });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.authorization).toContain('Credential=AKIAOFTHEROLE/');
    expect(sent[0]?.['x-amz-security-token']).toBe('session');
  });

  test('and no others: neither a profile nor the address of a container or an instance is asked', async () => {
    const { sent, printed } = await invoke({
      AWS_PROFILE: 'default',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
    });
    expect(printed).toContain('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
    expect(sent).toEqual([]);
  });

  test('and carries no code for others', () => {
    const code = readFileSync(join(out, 'ingest', 'index.mjs'), 'utf8');
    expect(/AssumeRoleWithWebIdentity|GetRoleCredentials|AWS_CONTAINER_CREDENTIALS/.test(code)).toBe(false);
  });
});

test('the functions are small: each below 500 KB, but for provision and manage, which no event waits for', async () => {
  const sizes = await bundleLambdas(outDirectory());
  for (const name of lambdaNames) {
    const isAside = name === 'provision' || name === 'manage';
    expect(sizes[name], name).toBeLessThan(isAside ? 620_000 : 500_000);
  }
});
