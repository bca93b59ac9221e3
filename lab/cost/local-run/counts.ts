import type { MetricStore } from '../../../local/aws/metrics/metric-store.ts';
import type { AuthorizationRequest } from '../../../local/aws/wire/http-server.ts';

/** What the local run has counted since its beginning; the difference of two is what happened between. */
export interface Counts {
  /** `AWS/SQS NumberOfMessagesSent fanout-local-crm`: the sum of its values. */
  readonly sums: ReadonlyMap<string, number>;
  /** Calls of the SDK: `by <function> dynamodb UpdateItem`, `sqs SendMessageBatch <queue>`; and `bus entries`, `bus bytes`. */
  readonly calls: ReadonlyMap<string, number>;
}

export interface CallCounter {
  readonly onCall: (call: AuthorizationRequest) => void;
  /** `functionOf`: by access key. */
  counts(store: MetricStore, functionOf: (accessKeyId: string) => string): Counts;
}

const chunkBytes = 64 * 1024;
/** A receive takes up to ten messages, and so does a delete. */
const messagesPerRequest = 10;

export function countCalls(): CallCounter {
  const calls = new Map<string, number>();
  const add = (key: string, count = 1): void => void calls.set(key, (calls.get(key) ?? 0) + count);
  return {
    onCall({ service, operation, input, accessKeyId }) {
      // Traces are told beside the write to the ledger, which takes as long.
      if (service !== 'xray') add(`by ${accessKeyId} ${service} ${operation}`);
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
          add('bus bytes', bytes);
          add('bus entries');
          add('bus chunks', Math.ceil(bytes / chunkBytes));
        }
      }
    },
    counts: (store, functionOf) => ({
      sums: sumsOf(store),
      calls: new Map(
        [...calls].map(([key, count]) => [key.replace(/^by (\S+)/, (_, caller) => `by ${functionOf(caller)}`), count]),
      ),
    }),
  };
}

function sumsOf(store: MetricStore): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (key: string, value: number): void => void sums.set(key, (sums.get(key) ?? 0) + value);
  for (const id of store.list()) {
    const { namespace, metric } = id;
    if (!(namespace.startsWith('AWS/') || namespace === 'LocalRun') || metric.startsWith('Approximate')) continue;
    const name = Object.values(id.dimensions).join(' ');
    for (const [, samples] of store.seconds(id, { start: 0, end: Number.MAX_SAFE_INTEGER })) {
      for (const [value, count] of samples) {
        add(`${namespace} ${metric} ${name}`, value * count);
        if (metric === 'NumberOfMessagesReceived') {
          add(`AWS/SQS receives ${name}`, Math.ceil(value / messagesPerRequest) * count);
        }
      }
    }
  }
  return sums;
}

/** What happened between two counts, asked by patterns of names. */
export interface Counted {
  /** `sum('AWS/Lambda Invocations', /Ingest/)` */
  sum(metric: string, name: RegExp): number;
  calls(key: RegExp | ((key: string) => boolean)): number;
}

export function between(before: Counts, after: Counts): Counted {
  return {
    sum: (metric, name) =>
      difference(
        before.sums,
        after.sums,
        (key) => key.startsWith(`${metric} `) && name.test(key.slice(metric.length + 1)),
      ),
    calls: (key) => difference(before.calls, after.calls, key instanceof RegExp ? (one) => key.test(one) : key),
  };
}

/**
 * Requests to the queues whose names match, as SQS bills them: each 64 KB of what is sent or received is one. `consumer`:
 * the function whose batches are deleted; left out, what one receive brings is.
 */
export function queueRequests({ sum, calls }: Counted, name: RegExp, consumer?: RegExp): number {
  const called = (operations: RegExp): number =>
    calls((key) => {
      const [service, operation = '', queue = ''] = key.split(' ');
      return service === 'sqs' && operations.test(operation) && name.test(queue);
    });
  const sent = sum('AWS/SQS NumberOfMessagesSent', name);
  const sentByBus = sent - called(/^messages$/);
  const bytes = sent === 0 ? 0 : sum('AWS/SQS SentMessageSize', name) / sent;
  const received = sum('AWS/SQS NumberOfMessagesReceived', name);
  const receives = sum('AWS/SQS receives', name);
  const unitsPerReceive = receives === 0 ? 0 : Math.ceil(((received / receives) * bytes) / chunkBytes);
  const deleted = sum('AWS/SQS NumberOfMessagesDeleted', name);
  const batches = consumer === undefined ? receives : sum('AWS/Lambda Invocations', consumer);
  // A batch that failed as a whole deletes nothing.
  const deletes = received === 0 ? 0 : Math.max((batches * deleted) / received, deleted / messagesPerRequest);
  // What a function sends, hides or asks for is a call of its own.
  return (
    sentByBus * Math.ceil(bytes / chunkBytes) + receives * unitsPerReceive + deletes + called(/^(Send|Change|Get)/)
  );
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
