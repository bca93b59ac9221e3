import { Agent, type RequestOptions, request } from 'node:https';
import type { SQSRecord } from 'aws-lambda';
import { Pool } from 'undici';
import { embeddedMetrics } from '../../lambdas/adapters/embedded-metrics.ts';
import { httpsWebhookSender } from '../../lambdas/adapters/https-webhook-sender.ts';
import { jsonLog } from '../../lambdas/adapters/json-log.ts';
import type { DeliverDeps } from '../../lambdas/deliver/deliver-deps.ts';
import { createDeliverHandler, type DeliverEvent } from '../../lambdas/deliver/handler.ts';
import type { DeliveryRecord } from '../../lambdas/domain/delivery-ledger.ts';
import { parseMessage } from '../../lambdas/domain/delivery-message.ts';
import { defaultDisableAfterSeconds } from '../../lambdas/domain/endpoint-health.ts';
import { webhookRequest } from '../../lambdas/domain/webhook-request.ts';
import { signingSecret } from '../../test/builders/deliveries.ts';
import { thousands, times, withSpread } from '../figures.ts';
import { type Arm, comparePairs, type PairedComparison, ratioOf, spreadOf } from '../paired-comparison.ts';
import { startReceiver } from '../receiver.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const batchSize = 10;
const batchesPerRun = 100;
const limit = 1.3;

/**
 * The delivery function against a client that does nothing but post: the same bytes, to the same receiver, ten at a time.
 */
export async function measureDelivery({ quick }: SectionOptions): Promise<SectionReport> {
  process.env.POWERTOOLS_SERVICE_NAME = 'fanout-bench';
  const receiver = await startReceiver('webhook');
  const rounds = quick ? { pairs: 10, warmUps: 12 } : { pairs: 60, warmUps: 30 };
  const overTls = await comparePairs(deliverArm(receiver.https), undiciArm(receiver.https), rounds);
  const bareNode = await comparePairs(nodeArm(receiver.https), undiciArm(receiver.https), rounds);
  const plain = quick ? undefined : await comparePairs(deliverArm(receiver.http), undiciArm(receiver.http), rounds);
  receiver.stop();

  const compared = [
    { name: 'deliver, TLS', comparison: overTls },
    { name: 'bare node:https, TLS', comparison: bareNode },
    ...(plain === undefined ? [] : [{ name: 'deliver, no TLS', comparison: plain }]),
  ];
  return {
    title: 'Delivery',
    method: [
      `The \`deliver\` handler with batches of ${batchSize}: envelopes parsed, signed, posted by its own client over kept connections, the answers judged, the ledger read and written (its port in memory), one log line for each attempt and the metrics written (to \`/dev/null\`). Against undici's \`Pool\` with ${batchSize} connections, which posts the very same bodies and headers, made beforehand, ${batchSize} at a time. The receiver is another process and answers at once. Processor time is all that this process uses, the garbage collector and the compiler included.`,
      'Deployed, all deliveries go over TLS. The bare `node:https` client is `deliver` without all that is ours: what its choice of client costs or saves.',
    ].join('\n\n'),
    tables: [
      {
        head: ['', 'CPU µs each', 'undici, CPU µs each', 'ratio of CPU', 'deliveries a second', 'undici, a second'],
        rows: compared.map(({ name, comparison }) => [
          name,
          withSpread(spreadOf(comparison.pairs.map(({ first }) => first.cpuMs * 1000)), 0),
          withSpread(spreadOf(comparison.pairs.map(({ second }) => second.cpuMs * 1000)), 0),
          withSpread(ratioOf(comparison)),
          perSecond(comparison, 'first'),
          perSecond(comparison, 'second'),
        ]),
      },
    ],
    charts: [
      {
        kind: 'bars',
        name: 'delivery',
        title: 'Processor time of a delivery',
        unit: 'times that of a bare undici client that posts the same bytes; the line is the target',
        limit,
        bars: compared.map(({ name, comparison }) => {
          const { median, low, high } = ratioOf(comparison);
          return { label: name, value: median, low, high };
        }),
      },
    ],
    targets: [atMost('delivery: CPU against bare undici, over TLS', limit, ratioOf(overTls).median, times)],
  };
}

function perSecond({ pairs }: PairedComparison, side: 'first' | 'second'): string {
  return thousands(1000 / spreadOf(pairs.map((pair) => pair[side].wallMs)).median);
}

const batches = Array.from({ length: batchesPerRun }, (_, batch) => aBatch(batch));

function aBatch(batch: number) {
  return Array.from({ length: batchSize }, (_, index) => {
    const number = batch * batchSize + index;
    return {
      messageId: `6c1ff1a0-5a7d-4b57-9b38-${String(number).padStart(12, '0')}`,
      receiptHandle: `AQEB${'x'.repeat(300)}${number}`,
      body: JSON.stringify({
        version: '0',
        id: `6a7e8feb-b491-4cf7-a9f1-${String(number).padStart(12, '0')}`,
        'detail-type': 'new_message',
        source: 'drift',
        account: '123456789012',
        time: '2026-11-22T12:00:00Z',
        region: 'eu-central-1',
        resources: [],
        detail: {
          id: `msg_${String(number).padStart(27, '0')}`,
          orgId: 1234,
          type: 'new_message',
          data: {
            id: 635760549 + number,
            orgId: 1234,
            conversationId: 123456789,
            body: `<p>Hi, do you ship to Norway? ${'We are a shop for bicycles in Bergen. '.repeat(8)}</p>`,
            author: { type: 'contact', id: 903182234, bot: false },
            type: 'chat',
            createdAt: 1591813167001,
            context: {
              ip: '203.0.113.7',
              userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/119.0.0.0',
              location: { city: 'Bergen', country: 'NO', latitude: 60.3913, longitude: 5.3221 },
            },
          },
          occurredAt: 1591813167001,
        },
      }),
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: String(Date.now()),
        SenderId: 'AIDAIENQZJOLO23YVJ4VO',
        ApproximateFirstReceiveTimestamp: String(Date.now()),
      },
    };
  });
}

export function deliverArm(receiver: string, overrides: Partial<DeliverDeps> = {}): Arm {
  const records = new Map<string, DeliveryRecord>();
  const subscriber = {
    config: {
      subscriptionId: 'sub_bench',
      url: `${receiver}/hooks`,
      eventTypes: ['new_message'],
      status: 'active' as const,
      secrets: [{ secret: signingSecret }],
    },
    state: { subscriptionId: 'sub_bench', provisioning: 'ready' as const },
  };
  const unused = async (): Promise<never> => {
    throw new Error('a delivery that succeeds has no use for this');
  };
  const handler = createDeliverHandler({
    subscriptionId: 'sub_bench',
    sender: httpsWebhookSender({ policy: 'local', clock: Date.now }),
    traces: { record: async () => {} },
    ledger: {
      read: async (ids) => ({
        subscriber,
        records: new Map(ids.flatMap((id) => (records.has(id) ? [[id, records.get(id) as DeliveryRecord]] : []))),
      }),
      write: async (written) => {
        for (const record of written) records.set(record.webhookId, record);
      },
    },
    health: {
      recordFailures: unused,
      throttle: unused,
      recordSuccess: unused,
      replaceCircuit: unused,
      recordNotice: unused,
      disable: unused,
    },
    queue: { hide: unused, receive: unused, acknowledge: unused },
    control: { send: unused },
    publisher: { publish: unused },
    clock: Date.now,
    random: Math.random,
    disableAfterSeconds: defaultDisableAfterSeconds,
    metrics: embeddedMetrics({ clock: Date.now, environment: process.env }),
    log: jsonLog({ service: 'deliver', clock: Date.now, environment: process.env }),
    ...overrides,
  }) as unknown as (event: DeliverEvent, context: object) => Promise<{ batchItemFailures: unknown[] }>;
  const context = { getRemainingTimeInMillis: () => 90_000 };
  return {
    name: 'deliver',
    async run() {
      for (const batch of batches) {
        records.clear();
        const { batchItemFailures } = await handler({ Records: batch as unknown as SQSRecord[] }, context);
        if (batchItemFailures.length > 0) throw new Error('the handler kept messages back');
        if (records.size !== batchSize) throw new Error(`only ${records.size} are in the ledger`);
      }
      return batchSize * batchesPerRun;
    },
  };
}

/** The same requests, signed beforehand. */
function signedRequests(receiver: string) {
  return batches.map((batch) =>
    batch.map(({ messageId, receiptHandle, body }) => {
      const parsed = parseMessage({ messageId, receiptHandle, body, sentAt: 0 });
      if (parsed.kind === 'malformed') throw new Error(parsed.reason);
      return webhookRequest(
        parsed.message,
        { url: `${receiver}/hooks`, headers: {}, secrets: [signingSecret] },
        Date.now(),
      );
    }),
  );
}

type Signed = ReturnType<typeof signedRequests>[number][number];

export function undiciArm(receiver: string): Arm {
  const pool = new Pool(receiver, { connections: batchSize });
  return postingArm('undici', receiver, async ({ headers, body }) => {
    const response = await pool.request({ method: 'POST', path: '/hooks', headers, body });
    await response.body.dump();
    return response.statusCode;
  });
}

/** node:https with nothing around it. */
function nodeArm(receiver: string): Arm {
  const { hostname, port } = new URL(receiver);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: batchSize });
  const target: RequestOptions = { hostname, port, path: '/hooks', method: 'POST', agent };
  return postingArm('node:https', receiver, ({ headers, body }) => {
    return new Promise((resolve, reject) => {
      const call = request({ ...target, headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
      call.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      call.on('error', reject);
      call.end(body);
    });
  });
}

function postingArm(name: string, receiver: string, post: (request: Signed) => Promise<number>): Arm {
  const signed = signedRequests(receiver);
  return {
    name,
    async run() {
      for (const batch of signed) {
        const statuses = await Promise.all(batch.map(post));
        if (statuses.some((status) => status !== 200)) throw new Error(`the receiver answered ${statuses}`);
      }
      return batchSize * batchesPerRun;
    },
  };
}
