import { randomBytes } from 'node:crypto';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { batchWriteAll } from '../../../lambdas/aws/dynamo-batches.ts';
import { dynamoDeliveryHistory } from '../../../lambdas/aws/dynamo-delivery-history.ts';
import { dynamoEventHistory } from '../../../lambdas/aws/dynamo-event-history.ts';
import { recordedItem } from '../../../lambdas/aws/dynamo-event-recorder.ts';
import { tableSchemas } from '../../../lambdas/contracts/table-schemas.ts';
import { publishedLegacyTimeline } from '../../../lambdas/domain/events/legacy-timeline.ts';
import type { RecordedEvent } from '../../../lambdas/domain/history/recorded-event.ts';
import { configEtag } from '../../../lambdas/domain/subscriptions/config-etag.ts';
import { createManageHandler, type ManageDeps } from '../../../lambdas/manage/handler.ts';
import { powertoolsLog } from '../../../lambdas/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../../lambdas/telemetry/powertools-metrics.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../support/embedded-dynamo.ts';
import { InMemorySubscriptions } from '../../support/in-memory/subscriptions.ts';
import { thousands, times, withSpread } from '../figures.ts';
import { type Arm, comparePairs, ratioOf, spreadOf } from '../paired-comparison.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const now = Date.UTC(2026, 10, 22, 12);
const historyMs = 13 * 24 * 60 * 60 * 1000;
const smallest = 1_000;
/** One in so many events has the author that the subscriber's filter asks for. */
const rareEvery = 10_000;
const subscriptionId = 'sub_warehouse';
const limit = 1.3;
const eventsPerWrite = 500;
const writesAtOnce = 2;

/** What DynamoDB was asked for, by its own account. */
interface Reads {
  requests: number;
  units: number;
}

interface History {
  readonly size: number;
  readonly reads: Reads;
  ask(path: string): Promise<Record<string, unknown>>;
}

/** What it costs to find an event, as the history grows. */
export async function measureHistory({ quick }: SectionOptions): Promise<SectionReport> {
  process.env.POWERTOOLS_SERVICE_NAME = 'fanout-bench';
  const rounds = quick ? { pairs: 6, warmUps: 2 } : { pairs: 25, warmUps: 6 };
  const dynamo = await startEmbeddedDynamo();
  try {
    const reads = countReads(dynamo);
    const small = await historyOf(smallest, dynamo, reads);
    const large = await historyOf(quick ? 20_000 : 200_000, dynamo, reads);
    const questions = [
      ['a page of 50', '/v1/events?limit=50'],
      ['an event by its id', '/v1/events/msg_500'],
      [
        'a page of a subscriber whose filter takes one in 10,000',
        `/v1/subscriptions/${subscriptionId}/deliveries?limit=50`,
      ],
    ] as const;
    const rows: string[][] = [];
    const targets = [];
    for (const [what, path] of questions) {
      const [ofSmall, ofLarge] = [await readsOf(small, path), await readsOf(large, path)];
      const compared = await comparePairs(armOf(large, path), armOf(small, path), rounds);
      rows.push([
        what,
        readsText(ofSmall),
        readsText(ofLarge),
        withSpread(spreadOf(compared.pairs.map(({ first }) => first.cpuMs)), 1),
        withSpread(ratioOf(compared)),
      ]);
      const growth = (name: keyof Reads) => ofLarge[name] / ofSmall[name];
      targets.push(
        atMost(
          `history: reads of ${what}, ${thousands(large.size)} events against 1,000`,
          limit,
          Math.max(growth('requests'), growth('units')),
          times,
        ),
        atMost(
          `history: CPU of ${what}, ${thousands(large.size)} events against 1,000`,
          limit,
          ratioOf(compared).median,
          times,
        ),
      );
    }
    const whole = await readThrough(large);
    return {
      title: 'Event history',
      method: `The \`manage\` handler over the adapters for DynamoDB, on the embedded DynamoDB, with ${thousands(large.size)} events of thirteen days in its history, against a history of ${thousands(smallest)}, in turn. Reads are what DynamoDB itself says (\`ReturnConsumedCapacity\`): requests and units. Processor time is that of this process, the embedded DynamoDB included.`,
      tables: [
        {
          head: ['', `reads of ${thousands(smallest)}`, `reads of ${thousands(large.size)}`, 'CPU ms', 'ratio of CPU'],
          rows,
        },
        {
          caption: `The subscriber's ${thousands(whole.found)} deliveries among ${thousands(large.size)} events, to the end of the history`,
          head: ['', 'answers', 'requests', 'units'],
          rows: [
            ['all pages', thousands(whole.answers), thousands(whole.reads.requests), thousands(whole.reads.units)],
          ],
        },
      ],
      targets,
    };
  } finally {
    await dynamo.stop();
  }
}

function readsText({ requests, units }: Reads): string {
  return `${requests} requests, ${units} units`;
}

/** Has each read say what it consumed, and adds it up. */
function countReads({ client }: EmbeddedDynamo): Reads {
  const reads: Reads = { requests: 0, units: 0 };
  const kinds = new Set(['GetItemCommand', 'BatchGetItemCommand', 'QueryCommand', 'ScanCommand']);
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (!kinds.has(commandName)) return next(args);
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
        const { ConsumedCapacity } = result.output as {
          ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
        };
        if (ConsumedCapacity === undefined) throw new Error(`${commandName} does not say what it consumed`);
        reads.requests++;
        for (const { CapacityUnits = 0 } of [ConsumedCapacity].flat()) reads.units += CapacityUnits;
        return result;
      },
    { step: 'initialize' },
  );
  return reads;
}

async function historyOf(size: number, dynamo: EmbeddedDynamo, reads: Reads): Promise<History> {
  const [events, deliveries] = [`events-${size}`, `deliveries-${size}`];
  await Promise.all([dynamo.createTable('events', events), dynamo.createTable('deliveries', deliveries)]);
  await fill(dynamo, { events, deliveries }, size);
  const batches = { client: dynamo.client, sleep: () => Promise.resolve(), random: () => 0 };
  const subscriptions = new InMemorySubscriptions();
  const config = {
    subscriptionId,
    url: 'https://warehouse.example.com/',
    eventTypes: ['new_message'],
    filter: { author: { type: ['user'] } },
    status: 'active',
    createdAt: new Date(now - 2 * historyMs).toISOString(),
  };
  subscriptions.put(config);
  await subscriptions.changeState(subscriptionId, {
    set: { provisioning: 'ready', appliedConfig: configEtag(config) },
  });
  const handler = createManageHandler({
    subscriptions,
    deliveries: dynamoDeliveryHistory({ ...batches, tableName: deliveries }),
    events: dynamoEventHistory({ ...batches, tableName: events, keptDays: 14, clock: () => now }),
    rules: { outboundPolicy: 'public', timeline: publishedLegacyTimeline },
    timeline: publishedLegacyTimeline,
    defaultQuietPeriodSeconds: 600,
    routePrefix: 'fanout',
    randomBytes,
    sleep: () => Promise.resolve(),
    clock: () => now,
    metrics: powertoolsMetrics(),
    log: powertoolsLog('manage'),
    // Nothing here asks for the rest.
  } as Partial<ManageDeps> as ManageDeps);
  return {
    size,
    reads,
    async ask(path) {
      const [rawPath = '', rawQueryString = ''] = path.split('?');
      const event = { rawPath, rawQueryString, headers: {}, requestContext: { http: { method: 'GET' } } };
      const { statusCode, body } = await handler(event as unknown as APIGatewayProxyEventV2, {} as Context);
      if (statusCode !== 200) throw new Error(`${path} was answered ${statusCode}: ${body}`);
      return JSON.parse(body ?? '{}') as Record<string, unknown>;
    },
  };
}

/** The newest event is `msg_0`. */
async function fill({ client }: EmbeddedDynamo, tables: { events: string; deliveries: string }, size: number) {
  const batches = { client, sleep: () => Promise.resolve(), random: () => 0 };
  let next = 0;
  async function write(): Promise<void> {
    while (next < size) {
      const first = next;
      next += eventsPerWrite;
      const count = Math.min(eventsPerWrite, size - first);
      const events = Array.from({ length: count }, (_, index) => anEvent(first + index, size));
      const puts = events.map((event) => ({ PutRequest: { Item: recordedItem(event, now + historyMs) } }));
      await batchWriteAll(batches, tables.events, puts);
      await Promise.all(events.filter((_, index) => isRare(first + index)).map(putDelivery));
    }
  }
  async function putDelivery({ webhookId, type, occurredAt }: RecordedEvent): Promise<void> {
    const { partitionKey, sortKey } = tableSchemas.deliveries;
    await client.send(
      new PutItemCommand({
        TableName: tables.deliveries,
        Item: {
          [partitionKey]: { S: subscriptionId },
          [sortKey]: { S: webhookId },
          state: { S: 'delivered' },
          attempts: { N: '1' },
          eventType: { S: type },
          occurredAt: { N: String(occurredAt) },
          firstAttemptAt: { N: String(occurredAt) },
          history: { L: [] },
          ttl: { N: String(Math.floor((now + historyMs) / 1000)) },
        },
      }),
    );
  }
  await Promise.all(Array.from({ length: writesAtOnce }, write));
}

function isRare(index: number): boolean {
  return index % rareEvery === rareEvery / 2;
}

function anEvent(index: number, size: number): RecordedEvent {
  const recordedAt = now - Math.floor((index * historyMs) / size);
  const webhookId = `msg_${index}`;
  const conversationId = index % 5_000;
  const data = {
    id: index,
    orgId: 1,
    conversationId,
    body: '<p>Hi, do you ship to Norway?</p>',
    author: { type: isRare(index) ? 'user' : 'contact', id: 903182234, bot: false },
    type: 'chat',
    createdAt: recordedAt,
  };
  const detail = { id: webhookId, orgId: 1, type: 'new_message', data, occurredAt: recordedAt };
  return {
    webhookId,
    source: 'drift',
    type: 'new_message',
    orgId: '1',
    conversationId: String(conversationId),
    occurredAt: recordedAt,
    recordedAt,
    event: JSON.stringify({ version: '0', source: 'drift', 'detail-type': 'new_message', detail }),
  };
}

function armOf(history: History, path: string): Arm {
  return {
    name: path,
    async run() {
      await history.ask(path);
      return 1;
    },
  };
}

async function readsOf({ reads, ask }: History, path: string): Promise<Reads> {
  const before = { ...reads };
  await ask(path);
  return { requests: reads.requests - before.requests, units: reads.units - before.units };
}

async function readThrough({ reads, ask }: History) {
  const before = { ...reads };
  let answers = 0;
  let found = 0;
  for (let cursor: unknown = ''; cursor !== undefined; answers++) {
    const path = `/v1/subscriptions/${subscriptionId}/deliveries?limit=50`;
    const body = await ask(cursor === '' ? path : `${path}&cursor=${encodeURIComponent(String(cursor))}`);
    found += (body.deliveries as unknown[]).length;
    cursor = body.nextCursor;
  }
  const used = { requests: reads.requests - before.requests, units: reads.units - before.units };
  return { answers, found, reads: used };
}
