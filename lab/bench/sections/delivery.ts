import { Agent, type RequestOptions, request } from 'node:https';
import type { SQSRecord } from 'aws-lambda';
import { Pool } from 'undici';
import { httpsWebhookSender } from '../../../lambdas/aws/https-webhook-sender.ts';
import type { DeliverDeps } from '../../../lambdas/deliver/deliver-deps.ts';
import { createDeliverHandler, type DeliverEvent } from '../../../lambdas/deliver/handler.ts';
import type { EndpointHealthStore } from '../../../lambdas/deliver/ports.ts';
import type { AttemptResult } from '../../../lambdas/domain/deliveries/attempt-outcome.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import {
  type DeliveryMessage,
  parseMessage,
  type QueuedMessage,
} from '../../../lambdas/domain/deliveries/delivery-message.ts';
import { defaultDisableAfterSeconds } from '../../../lambdas/domain/deliveries/endpoint-health.ts';
import { type WebhookRequest, webhookRequest } from '../../../lambdas/domain/deliveries/webhook-request.ts';
import { powertoolsLog } from '../../../lambdas/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../../lambdas/telemetry/powertools-metrics.ts';
import { signingSecret } from '../../support/deliveries.ts';
import { thousands, times, withSpread } from '../figures.ts';
import { type Arm, comparePairs, type PairedComparison, ratioOf, spreadOf, takeTurns } from '../paired-comparison.ts';
import { startReceiver } from '../receiver.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const batchSize = 10;
const batchesPerRun = 100;
/** Of `node:https` alone it takes 1.3 to 1.5, see docs/decisions/0013-node-https-after-all.md. */
const limit = 4;

/**
 * The delivery function against a client that does nothing but post: the same bytes, to the same receiver, ten at a time.
 * Between the two, how much each part of a delivery adds.
 */
export async function measureDelivery({ quick }: SectionOptions): Promise<SectionReport> {
  process.env.POWERTOOLS_SERVICE_NAME = 'fanout-bench';
  const receiver = await startReceiver('webhook');
  const rounds = await takeTurns(
    armsTo(receiver.https),
    quick ? { rounds: 10, warmUps: 12 } : { rounds: 60, warmUps: 30 },
  );
  const plain = quick
    ? undefined
    : await comparePairs(deliverArm(receiver.http), undiciArm(receiver.http), { pairs: 60, warmUps: 30 });
  receiver.stop();

  const pairsOf = (name: keyof typeof steps | 'node:https'): PairedComparison => ({
    pairs: rounds.map((round) => ({ first: round[name], second: round.undici })),
  });
  const overTls = pairsOf('deliver');
  const compared = [
    { name: 'deliver, TLS', comparison: overTls },
    { name: 'bare node:https, TLS', comparison: pairsOf('node:https') },
    ...(plain === undefined ? [] : [{ name: 'deliver, no TLS', comparison: plain }]),
  ];
  return {
    title: 'Delivery',
    method: [
      `The \`deliver\` handler with batches of ${batchSize}: envelopes parsed, signed, posted by its own client over kept connections, the answers checked, the ledger read and written (its port in memory), one log line for each attempt and the metrics written (to \`/dev/null\`). Against undici's \`Pool\` with ${batchSize} connections, which posts the very same bodies and headers, made beforehand, ${batchSize} at a time. The receiver is another process and answers at once. Processor time is all that this process uses, the garbage collector and the compiler included.`,
      'Deployed, all deliveries go over TLS. Ours is `node:https` with our own check of addresses and answers around it; bare `node:https` shows what these add.',
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
      {
        caption:
          'Where the processor time of a delivery over TLS goes: each line does all that the line above does, and more.',
        head: ['', 'CPU µs each', 'ratio to undici', 'adds'],
        rows: Object.entries(steps).map(([name, what], index, all) => {
          const ratio = ratioOf(pairsOf(name as keyof typeof steps)).median;
          const before = all[index - 1];
          const added = before === undefined ? ratio : ratio - ratioOf(pairsOf(before[0] as keyof typeof steps)).median;
          return [
            what,
            spreadOf(rounds.map((round) => round[name as keyof typeof steps].cpuMs * 1000)).median.toFixed(0),
            ratio.toFixed(2),
            added.toFixed(2),
          ];
        }),
      },
    ],
    targets: [atMost('delivery: CPU against bare undici, over TLS', limit, ratioOf(overTls).median, times)],
  };
}

const steps = {
  client: 'our client alone, posting what was made beforehand',
  signed: '+ the body written and signed',
  read: '+ the envelope parsed',
  silent: '+ the handler: plan, verdict, ledger, settlement',
  deliver: '+ log lines and metrics: all of it',
};

function armsTo(receiver: string): Readonly<Record<keyof typeof steps | 'undici' | 'node:https', Arm>> {
  const sender = httpsWebhookSender({ policy: 'local', clock: Date.now });
  const endpoint = { url: `${receiver}/hooks`, headers: {}, secrets: [signingSecret] };
  const post = async (message: DeliveryMessage): Promise<number> =>
    statusOf(await sender.send(webhookRequest(message, endpoint, Date.now())));
  return {
    undici: undiciArm(receiver),
    'node:https': nodeArm(receiver),
    client: postingArm('client', signedRequests(receiver), async (request) => statusOf(await sender.send(request))),
    signed: postingArm('signed', parsedMessages(), post),
    read: postingArm('read', queuedMessages(), async (queued) => post(parsedMessage(queued))),
    silent: deliverArm(receiver, {
      log: { info: ignore, warn: ignore, error: ignore },
      metrics: { add: ignore, flush: ignore },
    }),
    deliver: deliverArm(receiver),
  };
}

function ignore(): void {}

function statusOf(result: AttemptResult): number {
  return result.kind === 'answered' ? result.status : 0;
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
        for (const { record } of written) records.set(record.webhookId, record);
      },
    },
    health: { ofEndpoint: () => ({}) as EndpointHealthStore },
    queue: { hide: unused, receive: unused, acknowledge: unused },
    control: { send: unused },
    publisher: { publish: unused },
    clock: Date.now,
    random: Math.random,
    disableAfterSeconds: defaultDisableAfterSeconds,
    metrics: powertoolsMetrics(),
    log: powertoolsLog('deliver'),
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

function queuedMessages(): QueuedMessage[][] {
  return batches.map((batch) =>
    batch.map(({ messageId, receiptHandle, body }) => ({ messageId, receiptHandle, body, sentAt: 0 })),
  );
}

function parsedMessage(queued: QueuedMessage): DeliveryMessage {
  const parsed = parseMessage(queued);
  if (parsed.kind === 'malformed') throw new Error(parsed.reason);
  return parsed.message;
}

function parsedMessages(): DeliveryMessage[][] {
  return queuedMessages().map((batch) => batch.map(parsedMessage));
}

/** The same requests, signed beforehand. */
function signedRequests(receiver: string): WebhookRequest[][] {
  const endpoint = { url: `${receiver}/hooks`, headers: {}, secrets: [signingSecret] };
  return parsedMessages().map((batch) => batch.map((message) => webhookRequest(message, endpoint, Date.now())));
}

export function undiciArm(receiver: string): Arm {
  const pool = new Pool(receiver, { connections: batchSize });
  return postingArm('undici', signedRequests(receiver), async ({ headers, body }) => {
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
  return postingArm('node:https', signedRequests(receiver), ({ headers, body }) => {
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

function postingArm<Item>(name: string, prepared: readonly Item[][], post: (item: Item) => Promise<number>): Arm {
  return {
    name,
    async run() {
      for (const batch of prepared) {
        const statuses = await Promise.all(batch.map(post));
        if (statuses.some((status) => status !== 200)) throw new Error(`the receiver answered ${statuses}`);
      }
      return batchSize * batchesPerRun;
    },
  };
}
