import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface DemoDelivery {
  readonly type: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
  readonly verified: boolean;
}

interface DemoSubscriber {
  readonly url: string;
  readonly received: readonly DemoDelivery[];
  verifyWith(secret: string): void;
  untilReceived(type: string, count: number): Promise<void>;
  stop(): Promise<void>;
}

const patienceMs = 20_000;

/**
 * What a subscriber of yours would look like: it reads the raw body, verifies the signature with the public
 * Standard Webhooks library, which knows nothing of this project, and answers 204.
 */
export async function startDemoSubscriber(onDelivery: (delivery: DemoDelivery) => void): Promise<DemoSubscriber> {
  const received: DemoDelivery[] = [];
  let secret = '';
  let wake = (): void => undefined;

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const verified = isVerified(body, request.headers);
    response.writeHead(verified ? 204 : 401).end();
    const { type, data } = JSON.parse(body) as Pick<DemoDelivery, 'type' | 'data'>;
    const delivery = { type, data, id: String(request.headers['webhook-id']), verified };
    received.push(delivery);
    onDelivery(delivery);
    wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function isVerified(body: string, headers: IncomingHttpHeaders): boolean {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    verifyWith(given) {
      secret = given;
    },
    async untilReceived(type, count) {
      const deadline = Date.now() + patienceMs;
      while (received.filter((delivery) => delivery.type === type).length < count) {
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`${type} did not come within ${patienceMs / 1000} s`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
