import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { createMetricStore, type MetricStore } from '../../local/aws/metrics/metric-store.ts';
import { accessKeyIdOf } from '../../local/aws/runtime/runnable-function.ts';
import type { Item } from '../../local/aws/wire/dynalite.ts';
import { itemSizeBytes } from '../../local/aws/wire/write-units.ts';
import { type LocalStack, startLocalStack } from '../../local/local-stack.ts';
import { type CallCounter, countCalls, type Usage, type UsageOptions, usageBetween } from './usage.ts';

export interface Run {
  readonly events: number;
  /**
   * `one-by-one`: each event is delivered before the next is posted. `full-batches`: all wait in the queues before the
   * first is delivered, as after a burst that is faster than its deliveries, whatever the speed of this machine.
   */
  readonly pace: 'one-by-one' | 'full-batches';
}

export interface Scenario extends Run {
  readonly fanOut: number;
}

export interface Played {
  readonly scenario: Scenario;
  readonly usage: Usage;
  readonly deliveries: number;
  readonly messagesPerBatch: number;
  readonly eventBytes: number;
  readonly ledgerItemBytes: number;
  readonly logBytesPerDelivery: number;
  /** Of them, the line of the attempt. */
  readonly attemptLineBytes: number;
}

export interface Idle {
  /** What one run of each sweep, and one hourly run over all routes, takes. */
  readonly sweep: Usage;
  readonly dueSweep: Usage;
  readonly hourly: Usage;
  readonly metrics: number;
  readonly alarmMetrics: number;
  readonly polledQueues: number;
}

export const answerMs = 50;
const driftToken = 'cost';
const organisation = 1;
/** What a chat's message is, with its visitor's words. */
const words = '<p>Hi, do you ship to Norway? I would need it by Friday, and the blue one if you still have it.</p>';
/** DynamoDB bills so much beside each item's attributes. */
const storedItemOverheadBytes = 100;
// Of infra/constructs/api.ts, filled in.
const accessLogBytes = 330;
const postsAtOnce = 24;
const subscribersAtOnce = 10;

interface Stage {
  readonly stack: LocalStack;
  readonly metrics: MetricStore;
  readonly counter: CallCounter;
  /** Of all lines of attempts so far. */
  readonly attemptLineBytes: () => number;
}

async function withStage<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
  const metrics = createMetricStore();
  const counter = countCalls();
  let attemptLineBytes = 0;
  const stack = await startLocalStack({
    driftToken,
    metrics,
    onCall: counter.onCall,
    onNotice: console.error,
    onLog({ text }) {
      if (text.includes('"message":"attempt"')) attemptLineBytes += Buffer.byteLength(text);
    },
  });
  try {
    return await work({ stack, metrics, counter, attemptLineBytes: () => attemptLineBytes });
  } finally {
    await stack.stop();
  }
}

/** Plays one run after the other to the same subscribers, each counted by itself. */
export function play(fanOut: number, runs: readonly Run[]): Promise<Played[]> {
  return withStage(async ({ stack, metrics, counter, attemptLineBytes }) => {
    const subscribers = await startSubscribers();
    const dynamo = new DynamoDBClient(clientOptions(stack));
    const lambda = new LambdaClient(clientOptions(stack));
    try {
      const ids = Array.from({ length: fanOut }, (_, index) => `subscriber-${index + 1}`);
      for (const id of ids) await subscribe(dynamo, stack, id, subscribers.port);
      for (const id of ids) await untilReady(stack, id);
      const functions = await functionsOf(stack, lambda);
      // Each function warm, and each conversation known: that is the everyday.
      const warmUps = 5;
      for (let event = 0; event < warmUps; event++) {
        await post(stack, -1 - event);
        await subscribers.untilReceived((event + 1) * fanOut);
      }
      await quiet();

      const played: Played[] = [];
      let eventsBefore = 0;
      for (const { events, pace } of runs) {
        const before = counter.counts(metrics);
        const receivedBefore = subscribers.received;
        const sentBefore = subscribers.sentBytes;
        const linesBefore = attemptLineBytes();
        const numbers = Array.from({ length: events }, (_, index) => eventsBefore + index);
        eventsBefore += events;
        if (pace === 'one-by-one') {
          for (const [index, number] of numbers.entries()) {
            await post(stack, number);
            await subscribers.untilReceived(receivedBefore + (index + 1) * fanOut);
            // Until the batch has been written down and deleted.
            await pause(30);
          }
        } else {
          const mappings = await subscribersMappings(lambda);
          for (const mapping of mappings) await setEnabled(lambda, mapping, false);
          await Promise.all(
            Array.from({ length: postsAtOnce }, async () => {
              for (let number = numbers.shift(); number !== undefined; number = numbers.shift())
                await post(stack, number);
            }),
          );
          while (waitingIn(stack) < events * fanOut) await pause(50);
          for (const [index, mapping] of mappings.entries()) {
            await setEnabled(lambda, mapping, true);
            const enabled = index + 1;
            // A few at a time: a hundred on this machine's cores would let each other's posts run into their timeout.
            if (enabled % subscribersAtOnce === 0) await subscribers.untilReceived(receivedBefore + events * enabled);
          }
          await subscribers.untilReceived(receivedBefore + events * fanOut);
        }
        await quiet();
        const after = counter.counts(metrics);
        const deliveries = events * fanOut;
        const ledgerItemBytes = await averageItemBytes(dynamo, stack.tables.deliveries);
        const batches = difference(before.sums, after.sums, /^AWS\/Lambda Invocations fanout-local-/);
        const logBytes = difference(before.sums, after.sums, /^AWS\/Logs IncomingBytes .*DeliveryLogs/);
        played.push({
          scenario: { fanOut, events, pace },
          deliveries,
          messagesPerBatch: deliveries / batches,
          eventBytes: (after.busBytes - before.busBytes) / events,
          ledgerItemBytes,
          logBytesPerDelivery: logBytes / deliveries,
          attemptLineBytes: (attemptLineBytes() - linesBefore) / deliveries,
          usage: usageBetween(before, after, {
            functions,
            answerMs,
            accessLogBytes,
            sentBytes: subscribers.sentBytes - sentBefore,
            ledgerBytes: deliveries * (ledgerItemBytes + storedItemOverheadBytes),
          }),
        });
      }
      return played;
    } finally {
      dynamo.destroy();
      lambda.destroy();
      subscribers.stop();
    }
  });
}

/** One server for all subscribers, which counts what it gets. */
async function startSubscribers() {
  let received = 0;
  let sentBytes = 0;
  let wake = (): void => undefined;
  const server = createServer((request, response) => {
    sentBytes += headBytes(request.rawHeaders);
    request.on('data', (chunk: Buffer) => {
      sentBytes += chunk.length;
    });
    request.on('end', () => {
      setTimeout(() => {
        response.writeHead(204).end();
        received++;
        wake();
      }, answerMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get received() {
      return received;
    },
    get sentBytes() {
      return sentBytes;
    },
    async untilReceived(count: number): Promise<void> {
      while (received < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    stop(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What reads the subscribers' queues. */
async function subscribersMappings(lambda: LambdaClient): Promise<readonly string[]> {
  const found: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await lambda.send(new ListEventSourceMappingsCommand(Marker === undefined ? {} : { Marker }));
    for (const { UUID = '', EventSourceArn = '' } of page.EventSourceMappings ?? []) {
      if (isSubscribers(EventSourceArn.split(':').at(-1) ?? '')) found.push(UUID);
    }
    Marker = page.NextMarker;
  } while (Marker !== undefined && Marker !== '');
  return found;
}

/** At the mapping itself, past our own functions: they would have work with it, which would be counted. */
async function setEnabled(lambda: LambdaClient, UUID: string, Enabled: boolean): Promise<void> {
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
}

function waitingIn(stack: LocalStack): number {
  return stack.queues
    .list()
    .filter(({ name }) => isSubscribers(name))
    .reduce((sum, queue) => sum + queue.counts().visible, 0);
}

function isSubscribers(queueName: string): boolean {
  return /^fanout-local-subscriber-\d+$/.test(queueName);
}

/** What the stack takes when nothing happens. */
export function measureIdle(): Promise<Idle> {
  return withStage(async ({ stack, metrics, counter }) => {
    const lambda = new LambdaClient(clientOptions(stack));
    const functions = await functionsOf(stack, lambda);
    lambda.destroy();
    const run = async (name: RegExp, payload: string, times: number): Promise<Usage> => {
      const found = stack.functions.list().find((one) => name.test(one.name));
      if (found === undefined) throw new Error(`there is no function ${name}`);
      await stack.functions.invoke(found.name, payload);
      const before = counter.counts(metrics);
      for (let time = 0; time < times; time++) await stack.functions.invoke(found.name, payload);
      const after = counter.counts(metrics);
      const options = { functions, answerMs, accessLogBytes, sentBytes: 0, ledgerBytes: 0 };
      const usage = usageBetween(before, after, options);
      return new Map(
        [...usage].map(([part, used]) => [
          part,
          Object.fromEntries(Object.entries(used).map(([price, quantity]) => [price, quantity / times])),
        ]),
      );
    };
    const sweep = await run(/InactivitySweep/, '{}', 20);
    const dueSweep = await run(/RoutesProvision/, '{"action":"sweep-due"}', 20);
    const hourly = await run(/RoutesProvision/, '{"action":"reconcile-all"}', 5);
    const watched = stack.monitoring.alarms.map(
      ({ definition: { Metrics = [] } }) => Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length,
    );
    return {
      sweep,
      dueSweep,
      hourly,
      metrics: metrics.list().filter(({ namespace }) => namespace.startsWith('WebhookFanout')).length,
      // A query is billed for what it finds: nothing while there are no subscribers.
      alarmMetrics: stack.monitoring.alarms.reduce(
        (sum, { definition }, index) => sum + (definition.MetricName === undefined ? (watched[index] ?? 0) : 1),
        0,
      ),
      polledQueues: stack.queues.list().filter(({ name }) => /(Activity|Timers|Control)Queue/.test(name)).length,
    };
  });
}

function functionsOf(stack: LocalStack, lambda: LambdaClient): Promise<UsageOptions['functions']> {
  return Promise.all(
    stack.functions.list().map(async ({ name, arn, memoryMegabytes }) => {
      const { LoggingConfig } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
      const logsInvocations = LoggingConfig?.SystemLogLevel !== 'WARN';
      return { name, accessKeyId: accessKeyIdOf(arn), memoryMegabytes, logsInvocations };
    }),
  );
}

function headBytes(rawHeaders: readonly string[]): number {
  // Each header has a colon, a blank and a line's end; then the request's first line and the empty one.
  return rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0) + 30;
}

function clientOptions({ aws }: LocalStack) {
  return {
    endpoint: aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
}

async function subscribe(client: DynamoDBClient, stack: LocalStack, id: string, port: number): Promise<void> {
  await client.send(
    new PutItemCommand({
      TableName: stack.tables.subscriptions,
      Item: {
        subscriptionId: { S: id },
        record: { S: 'config' },
        url: { S: `http://127.0.0.1:${port}/webhooks/drift` },
        eventTypes: { L: [{ S: 'new_message' }] },
      },
    }),
  );
}

async function untilReady(stack: LocalStack, id: string): Promise<void> {
  for (;;) {
    const seen = (await (await fetch(`${stack.api}/v1/subscriptions/${id}`)).json()) as Record<string, unknown>;
    if (seen.provisioning === 'ready') return;
    if (seen.provisioning === 'rejected') throw new Error(`${id} was rejected: ${String(seen.reason)}`);
    await pause(200);
  }
}

/** A message in one of a few conversations that go on. */
async function post(stack: LocalStack, number: number): Promise<void> {
  const data = {
    id: 635_760_549 + number,
    orgId: organisation,
    conversationId: 123_456_789 + (Math.abs(number) % 5),
    body: words,
    author: { type: 'contact', id: 903_182_234, bot: false },
    type: 'chat',
    createdAt: Date.now(),
    attributes: {},
  };
  const response = await fetch(`${stack.api}/drift/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orgId: organisation, type: 'new_message', token: driftToken, data }),
  });
  if (response.status !== 202) throw new Error(`a post was answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

/** Longer than the activity queue's window, with the batch after it. */
function quiet(): Promise<void> {
  return pause(4_000);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function averageItemBytes(client: DynamoDBClient, table: string): Promise<number> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, Limit: 500 }));
  return Items.reduce((sum, item) => sum + itemSizeBytes(item as unknown as Item), 0) / Math.max(1, Items.length);
}

function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  isCounted: RegExp,
): number {
  return [...after].reduce((sum, [key, value]) => sum + (isCounted.test(key) ? value - (before.get(key) ?? 0) : 0), 0);
}
