import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { LocalStack } from '../local-stack.ts';

/** A bad minute, played: something for each question of the dashboard. */
export interface Load {
  /** Resolves when all has been sent; what is under way goes on. */
  play(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

interface Player {
  readonly subscriptionId: string;
  readonly eventTypes: readonly string[];
  readonly maxConcurrency?: number;
  readonly answer: (response: ServerResponse, elapsed: number) => void;
}

const organisation = 1;
const postsPerSecond = 12;

const everything = ['new_message', 'conversation_manual_push', 'conversation_inactive', 'conversation_push'];
const after = (ms: number, response: ServerResponse, status = 204): void => {
  setTimeout(() => response.writeHead(status).end(), ms);
};

/** `elapsed` is the part of the play that has passed, 0 to 1. */
const players: readonly Player[] = [
  { subscriptionId: 'crm', eventTypes: everything, answer: (response) => after(15 + Math.random() * 30, response) },
  {
    subscriptionId: 'warehouse',
    eventTypes: everything,
    maxConcurrency: 2,
    // Slow in the middle of the play: its queue grows, and nobody else notices.
    answer: (response, elapsed) => after(elapsed > 0.3 && elapsed < 0.6 ? 2500 : 120, response),
  },
  {
    subscriptionId: 'mail-tool',
    eventTypes: ['conversation_push'],
    answer: (response, elapsed) => after(25, response, elapsed > 0.4 && Math.random() < 0.7 ? 500 : 204),
  },
  {
    subscriptionId: 'old-shop',
    eventTypes: ['conversation_manual_push'],
    // Hangs up: nobody has told us that it is gone.
    answer: (response) => void response.destroy(),
  },
];

/** Makes the subscribers, with names that can be told apart, and resolves when their routes are there. */
export async function prepareLoad(stack: LocalStack, driftToken: string): Promise<Load> {
  let startedAt = Number.NaN;
  let durationMs = 1;
  const elapsed = (): number => (Number.isNaN(startedAt) ? 0 : (Date.now() - startedAt) / durationMs);
  const servers = await Promise.all(players.map((player) => listen(player, elapsed)));
  const dynamo = new DynamoDBClient({
    endpoint: stack.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  for (const [index, player] of players.entries()) {
    await subscribe(dynamo, stack.tables.subscriptions, player, portOf(servers[index] as Server));
  }
  // Somebody's slip: it is never half provisioned, and stands on the dashboard as rejected.
  await subscribe(dynamo, stack.tables.subscriptions, { subscriptionId: 'typo', eventTypes: ['New Message'] }, 1);
  await Promise.all(players.map(({ subscriptionId }) => untilReady(stack.api, subscriptionId)));

  async function post(type: string, data: Record<string, unknown>, token = driftToken): Promise<void> {
    const response = await fetch(`${stack.api}/drift/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orgId: organisation, type, token, data }),
    });
    await response.arrayBuffer();
  }

  return {
    async play(seconds) {
      startedAt = Date.now();
      durationMs = seconds * 1000;
      const sent: Promise<void>[] = [];
      for (let number = 0; elapsed() < 1; number++) {
        // Waves, as people write, and every conversation a few messages.
        const rate = postsPerSecond * (0.6 + 0.4 * Math.sin(elapsed() * 9));
        const conversationId = 1000 + Math.floor(number / 4);
        const createdAt = Date.now();
        if (number % 8 === 7) {
          sent.push(post('conversation_status_updated', { conversationId, status: 'closed', changedAt: createdAt }));
        } else {
          const body = '<p>Hi, do you ship to Norway?</p>';
          sent.push(post('new_message', { id: number, conversationId, body, createdAt }));
        }
        if (number % 90 === 45) sent.push(post('new_message', {}, 'guessed-token'));
        await new Promise((resolve) => setTimeout(resolve, 1000 / rate));
      }
      await Promise.all(sent);
    },
    async stop() {
      dynamo.destroy();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

async function listen({ answer }: Player, elapsed: () => number): Promise<Server> {
  const server = createServer((request: IncomingMessage, response) => {
    request.resume();
    request.on('end', () => answer(response, elapsed()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Straight into the table, because the API gives names that nobody can tell apart. */
async function subscribe(
  client: DynamoDBClient,
  table: string,
  { subscriptionId, eventTypes, maxConcurrency }: Pick<Player, 'subscriptionId' | 'eventTypes' | 'maxConcurrency'>,
  port: number,
): Promise<void> {
  await client.send(
    new PutItemCommand({
      TableName: table,
      Item: {
        subscriptionId: { S: subscriptionId },
        record: { S: 'config' },
        status: { S: 'active' },
        url: { S: `http://127.0.0.1:${port}/` },
        eventTypes: { L: eventTypes.map((type) => ({ S: type })) },
        ...(maxConcurrency === undefined ? {} : { maxConcurrency: { N: String(maxConcurrency) } }),
      },
    }),
  );
}

async function untilReady(api: string, subscriptionId: string): Promise<void> {
  for (let look = 0; look < 600; look++) {
    const seen = (await (await fetch(`${api}/v1/subscriptions/${subscriptionId}`)).json()) as Record<string, unknown>;
    if (seen.provisioning === 'ready') return;
    if (seen.provisioning === 'rejected') throw new Error(`${subscriptionId} was rejected: ${String(seen.reason)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${subscriptionId} was not provisioned within a minute`);
}
