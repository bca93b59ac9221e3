import type { MetricStore } from '../../local/aws/metrics/metric-store.ts';
import type { AuthorizationRequest } from '../../local/aws/wire/http-server.ts';
import type { PriceName } from './prices.ts';

/** What is billed, by its price, in the price's own unit; and from which part of the system it comes. */
export type Usage = ReadonlyMap<Part, Readonly<Partial<Record<PriceName, number>>>>;

export const parts = [
  'API and ingest',
  'bus and archive',
  'activity and timers',
  'subscribers’ queues',
  'delivery functions',
  'ledger: reads and writes',
  'ledger: storage',
  'logs',
  'sent to the internet',
] as const;
export type Part = (typeof parts)[number];

/** Counts of the local run since its beginning; two of them make what happened between. */
export interface Counts {
  /** `AWS/SQS NumberOfMessagesSent fanout-local-crm`: the sum of its values. */
  readonly sums: ReadonlyMap<string, number>;
  /** Calls of the SDK: `sqs SendMessageBatch <queue>`, and `by <access key>` for all services that are waited for. */
  readonly calls: ReadonlyMap<string, number>;
  /** Entries of PutEvents in chunks of 64 KB, and their bytes. */
  readonly busEvents: number;
  readonly busBytes: number;
}

const chunkBytes = 64 * 1024;
/** A receive takes up to ten messages, and so does a delete. */
export const messagesPerRequest = 10;

export interface CallCounter {
  readonly onCall: (call: AuthorizationRequest) => void;
  counts(store: MetricStore): Counts;
}

export function countCalls(): CallCounter {
  const calls = new Map<string, number>();
  let busEvents = 0;
  let busBytes = 0;
  const add = (key: string, count = 1): void => void calls.set(key, (calls.get(key) ?? 0) + count);
  return {
    onCall({ service, operation, input, accessKeyId }) {
      // Traces are told beside the write to the ledger, which takes as long.
      if (service !== 'xray') add(`by ${accessKeyId}`);
      if (service === 'sqs') {
        const queue = String(input.QueueUrl ?? '')
          .split('/')
          .at(-1);
        add(`sqs ${operation} ${queue}`);
        if (operation === 'SendMessage') add(`sqs messages ${queue}`);
        if (operation === 'SendMessageBatch') add(`sqs messages ${queue}`, (input.Entries as unknown[]).length);
      }
      if (service === 'events' && operation === 'PutEvents') {
        for (const { Source = '', DetailType = '', Detail = '' } of input.Entries as Record<string, string>[]) {
          const bytes = [Source, DetailType, Detail].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
          busBytes += bytes;
          busEvents += Math.ceil(bytes / chunkBytes);
        }
      }
    },
    counts: (store) => ({ sums: sumsOf(store), calls: new Map(calls), busEvents, busBytes }),
  };
}

function sumsOf(store: MetricStore): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (key: string, value: number): void => void sums.set(key, (sums.get(key) ?? 0) + value);
  for (const id of store.list()) {
    const { namespace, metric } = id;
    if (!(namespace.startsWith('AWS/') || namespace === 'LocalRun') || metric.startsWith('Approximate')) continue;
    const key = `${namespace} ${metric} ${Object.values(id.dimensions).join(' ')}`;
    for (const [, samples] of store.seconds(id, { start: 0, end: Number.MAX_SAFE_INTEGER })) {
      for (const [value, count] of samples) {
        add(key, value * count);
        if (metric === 'NumberOfMessagesReceived') {
          add(`AWS/SQS receives ${id.dimensions.QueueName}`, Math.ceil(value / messagesPerRequest) * count);
        }
      }
    }
  }
  return sums;
}

export interface UsageOptions {
  readonly functions: readonly {
    readonly name: string;
    readonly accessKeyId: string;
    readonly memoryMegabytes: number;
    /** Lambda writes START, END and REPORT for each invocation. */
    readonly logsInvocations: boolean;
  }[];
  /** What a subscriber takes to answer. */
  readonly answerMs: number;
  /** What API Gateway logs for each request. */
  readonly accessLogBytes: number;
  /** Of all deliveries that were made between the two counts. */
  readonly sentBytes: number;
  /** All that the run left in its tables, with what each item takes beside its attributes. */
  readonly ledgerBytes: number;
}

/** For a month of which a byte of the ledger is kept on average: a delivered event stands there for 30 days. */
const ledgerMonths = 1;
const archiveMonths = 1;
/** Lambda's START, END and REPORT lines, with what CloudWatch adds to each. */
export const lambdaLogBytes = 64 + 52 + 160 + 3 * 26;
export const bytesPerLogLine = 26;
/** A call of DynamoDB, SQS or EventBridge from within the region; one after the other. */
export const awsCallMs = 6;
/** A function has a whole core from this size on, and a part of one below. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const megabytesPerCore = 1769;

/** What was used between two counts. */
export function usageBetween(before: Counts, after: Counts, options: UsageOptions): Usage {
  const sum = (metric: string, name: (dimensions: string) => boolean): number =>
    difference(before.sums, after.sums, (key) => key.startsWith(`${metric} `) && name(key.slice(metric.length + 1)));
  const calls = (name: (key: string) => boolean): number => difference(before.calls, after.calls, name);
  const isOwn = (name: string): boolean => !name.startsWith('webhook-');
  const any = (): boolean => true;

  const lambda = (isOne: (name: string) => boolean): Partial<Record<PriceName, number>> => {
    let gigabyteSeconds = 0;
    for (const { name, accessKeyId, memoryMegabytes } of options.functions) {
      if (!isOne(name)) continue;
      const invoked = sum('AWS/Lambda Invocations', (one) => one === name);
      const cpuMs = sum('LocalRun CpuTime', (one) => one === name);
      // Not the time that it took here, where a hundred functions share two cores: the waiting is of known length, and
      // the computing takes as much longer as the part of a core is smaller.
      const waitMs =
        calls((key) => key === `by ${accessKeyId}`) * awsCallMs + (isOwn(name) ? invoked * options.answerMs : 0);
      const billedMs = waitMs + cpuMs * Math.max(1, megabytesPerCore / memoryMegabytes);
      gigabyteSeconds += (billedMs / 1000) * (memoryMegabytes / 1024);
    }
    return { lambdaRequest: sum('AWS/Lambda Invocations', isOne), lambdaGigabyteSecond: gigabyteSeconds };
  };
  const queueRequests = (isOne: (name: string) => boolean): number => {
    const sent = sum('AWS/SQS NumberOfMessagesSent', isOne);
    const sentBySdk = calls((key) => key.startsWith('sqs messages ') && isOne(key.slice('sqs messages '.length)));
    const sdk = calls((key) => {
      const [, operation, queue = ''] = key.split(' ');
      return key.startsWith('sqs ') && operation !== 'messages' && isOne(queue);
    });
    // The bus sends one by one; Lambda's pollers receive and, when a batch is done with, delete.
    return sent - sentBySdk + sdk + 2 * sum('AWS/SQS receives', isOne);
  };
  const tableUnits = (table: RegExp): Partial<Record<PriceName, number>> => ({
    tableWriteUnit: sum('AWS/DynamoDB ConsumedWriteCapacityUnits', (name) => table.test(name)),
    tableReadUnit: sum('AWS/DynamoDB ConsumedReadCapacityUnits', (name) => table.test(name)),
  });

  const isIngest = (name: string): boolean => /Ingest|Manage/.test(name) && !isOwn(name);
  const loggedInvocations = options.functions
    .filter(({ logsInvocations }) => logsInvocations)
    .reduce((total, { name }) => total + sum('AWS/Lambda Invocations', (one) => one === name), 0);
  const requests = sum('AWS/ApiGateway Count', any);
  const busEvents = after.busEvents - before.busEvents;
  const busBytes = after.busBytes - before.busBytes;
  const logBytes =
    sum('AWS/Logs IncomingBytes', any) +
    sum('AWS/Logs IncomingLogEvents', any) * bytesPerLogLine +
    loggedInvocations * lambdaLogBytes +
    requests * (options.accessLogBytes + bytesPerLogLine);

  return new Map<Part, Partial<Record<PriceName, number>>>([
    ['API and ingest', { apiRequest: requests, ...lambda(isIngest) }],
    [
      'bus and archive',
      { busEvent: busEvents, archivedGigabyte: busBytes, archiveGigabyteMonth: busBytes * archiveMonths },
    ],
    [
      'activity and timers',
      {
        ...lambda((name) => !isOwn(name) && !isIngest(name)),
        ...tableUnits(/Conversations|Settings/),
        queueRequest: queueRequests((name) => !isOwn(name)),
      },
    ],
    ['subscribers’ queues', { queueRequest: queueRequests(isOwn) }],
    ['delivery functions', lambda(isOwn)],
    ['ledger: reads and writes', tableUnits(/Deliveries|Subscriptions/)],
    [
      'ledger: storage',
      {
        tableGigabyteMonth: options.ledgerBytes * ledgerMonths,
        backupGigabyteMonth: options.ledgerBytes * ledgerMonths,
      },
    ],
    ['logs', { logGigabyte: logBytes }],
    ['sent to the internet', { internetGigabyte: options.sentBytes }],
  ]);
}

function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  isCounted: (key: string) => boolean,
): number {
  let total = 0;
  for (const [key, value] of after) if (isCounted(key)) total += value - (before.get(key) ?? 0);
  return total;
}
