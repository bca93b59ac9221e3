import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { subscriberItems } from './cold-functions.ts';

/** A server that answers everything at once, in a process of its own, so that its work is not counted as the client's. */
export interface Receiver {
  /** `http://127.0.0.1:…` */
  readonly http: string;
  /** `https://localhost:…`, with the certificate that `main.ts` made for the run. */
  readonly https: string;
  stop(): void;
}

/** How it answers: `webhook` as a subscriber, `aws` as every AWS API does that a function calls (see `awsAnswer`). */
export type ReceiverKind = 'webhook' | 'aws';

export async function startReceiver(kind: ReceiverKind): Promise<Receiver> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [kind], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  const [ports] = (await once(child, 'message')) as [{ http: number; https: number }];
  return {
    http: `http://127.0.0.1:${ports.http}`,
    https: `https://localhost:${ports.https}`,
    stop: () => child.kill(),
  };
}

/** The least that a client takes for a success. Items that are read are the subscription of lab/bench/cold-functions.ts. */
function awsAnswer(target: string, body: string, port: number): string {
  const operation = target.slice(target.indexOf('.') + 1);
  switch (operation) {
    case 'PutEvents': {
      const entries = (JSON.parse(body) as { Entries: unknown[] }).Entries.map((_, index) => ({
        EventId: `e${index}`,
      }));
      return JSON.stringify({ FailedEntryCount: 0, Entries: entries });
    }
    case 'GetSecretValue':
      return JSON.stringify({ ARN: 'arn', Name: 'token', VersionId: 'v', SecretString: 'bench' });
    case 'BatchGetItem': {
      const isDelivery = body.includes('"deliveries"');
      const items = isDelivery ? subscriberItems(`http://127.0.0.1:${port}/hooks`) : [];
      return JSON.stringify({ Responses: { table: items }, UnprocessedKeys: {} });
    }
    case 'Query':
    case 'Scan':
      return JSON.stringify({ Items: [], Count: 0 });
    default:
      return '{}';
  }
}

async function serve(kind: ReceiverKind): Promise<void> {
  const directory = process.env.BENCH_TLS_DIRECTORY ?? '';
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => readFileSync(join(directory, file)));
  const ports = { http: 0, https: 0 };
  const answer: RequestListener = (request, response) => {
    if (kind === 'webhook') {
      request.resume();
      request.on('end', () => response.writeHead(200, { 'content-length': '2' }).end('ok'));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = awsAnswer(
        String(request.headers['x-amz-target'] ?? ''),
        Buffer.concat(chunks).toString(),
        ports.http,
      );
      response
        .writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': Buffer.byteLength(text) })
        .end(text);
    });
  };
  const servers = [createServer(answer), createTlsServer({ key, cert } as { key: Buffer; cert: Buffer }, answer)];
  for (const [index, server] of servers.entries()) {
    server.keepAliveTimeout = 120_000;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports[index === 0 ? 'http' : 'https'] = (server.address() as AddressInfo).port;
  }
  process.send?.(ports);
  process.on('disconnect', () => process.exit(0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2] as ReceiverKind);
