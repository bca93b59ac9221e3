import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { billPerMillion, totalOf } from '../../../lab/cost/bill.ts';
import { fullBatch, targetFanOut } from '../../../lab/cost/delivery-bill.ts';
import { floorItems, floorPerMillion } from '../../../lab/cost/floor.ts';
import { prices } from '../../../lab/cost/prices.ts';
import {
  awsCallMs,
  type Counts,
  countCalls,
  lambdaLogBytes,
  type UsageOptions,
  usageBetween,
} from '../../../lab/cost/usage.ts';
import { createMetricStore } from '../../../local/aws/metrics/metric-store.ts';

const nothing: Counts = { sums: new Map(), calls: new Map(), busEvents: 0, busBytes: 0 };
const options: UsageOptions = { functions: [], answerMs: 50, accessLogBytes: 300, sentBytes: 0, ledgerBytes: 0 };

function counts(sums: Record<string, number>, calls: Record<string, number> = {}): Counts {
  return { ...nothing, sums: new Map(Object.entries(sums)), calls: new Map(Object.entries(calls)) };
}

describe('what is counted', () => {
  it('is what was added between the two counts', () => {
    const before = counts({ 'AWS/ApiGateway Count api': 5 });
    const after = counts({ 'AWS/ApiGateway Count api': 8 });
    expect(usageBetween(before, after, options).get('API and ingest')?.apiRequest).toBe(3);
  });

  it("are three requests for a message that comes alone: the bus's, and Lambda's two", () => {
    const after = counts({
      'AWS/SQS NumberOfMessagesSent fanout-local-crm': 1,
      'AWS/SQS receives fanout-local-crm': 1,
    });
    expect(usageBetween(nothing, after, options).get('subscribers’ queues')?.queueRequest).toBe(3);
  });

  it('takes a batch that a function sends for one request, and its messages for none of the bus', () => {
    const timers = 'webhook-fanout-local-TimersQueue';
    const after = counts(
      { [`AWS/SQS NumberOfMessagesSent ${timers}`]: 10 },
      { [`sqs SendMessageBatch ${timers}`]: 1, [`sqs messages ${timers}`]: 10 },
    );
    expect(usageBetween(nothing, after, options).get('activity and timers')?.queueRequest).toBe(1);
  });

  it("stretches a small function's computing to its part of a core, and not its waiting", () => {
    const after = counts(
      { 'AWS/Lambda Invocations fanout-local-crm': 1, 'LocalRun CpuTime fanout-local-crm': 2 },
      { 'by KEY': 2 },
    );
    const functions = [{ name: 'fanout-local-crm', accessKeyId: 'KEY', memoryMegabytes: 256, logsInvocations: true }];
    const billedMs = 50 + 2 * awsCallMs + 2 * (1769 / 256);
    const usage = usageBetween(nothing, after, { ...options, functions }).get('delivery functions');
    expect(usage?.lambdaRequest).toBe(1);
    expect(usage?.lambdaGigabyteSecond).toBeCloseTo((billedMs / 1000) * 0.25);
  });

  it('has the indexes of the ledger with the ledger', () => {
    const after = counts({
      'AWS/DynamoDB ConsumedWriteCapacityUnits webhook-TablesDeliveries': 2,
      'AWS/DynamoDB ConsumedWriteCapacityUnits webhook-TablesDeliveries undelivered': 1,
      'AWS/DynamoDB ConsumedWriteCapacityUnits webhook-TablesConversations': 4,
    });
    const usage = usageBetween(nothing, after, options);
    expect(usage.get('ledger: reads and writes')?.tableWriteUnit).toBe(3);
    expect(usage.get('activity and timers')?.tableWriteUnit).toBe(4);
  });

  it("adds to the logs what CloudWatch, Lambda and the API's own log add", () => {
    const after = counts({
      'AWS/Logs IncomingBytes group': 100,
      'AWS/Logs IncomingLogEvents group': 2,
      'AWS/Lambda Invocations fanout-local-crm': 1,
      'AWS/ApiGateway Count api': 1,
    });
    const functions = [{ name: 'fanout-local-crm', accessKeyId: 'KEY', memoryMegabytes: 256, logsInvocations: true }];
    expect(usageBetween(nothing, after, { ...options, functions }).get('logs')?.logGigabyte).toBe(
      100 + 2 * 26 + lambdaLogBytes + 326,
    );
  });

  it("leaves Lambda's own lines out of the logs where the function writes none", () => {
    const after = counts({ 'AWS/Lambda Invocations fanout-local-crm': 2, 'AWS/Lambda Invocations webhook-Ingest': 1 });
    const functions = [
      { name: 'fanout-local-crm', accessKeyId: 'A', memoryMegabytes: 256, logsInvocations: false },
      { name: 'webhook-Ingest', accessKeyId: 'B', memoryMegabytes: 256, logsInvocations: true },
    ];
    const usage = usageBetween(nothing, after, { ...options, functions });
    expect(usage.get('logs')?.logGigabyte).toBe(lambdaLogBytes);
  });

  it('counts an event of more than 64 KB as several, and calls by who makes them', () => {
    const counter = countCalls();
    const call = { accessKeyId: 'KEY', region: 'us-east-1' };
    const Entries = [{ Detail: 'x'.repeat(64 * 1024) }, { Detail: 'x' }].map((entry) => ({
      Source: 'a',
      DetailType: 'b',
      ...entry,
    }));
    counter.onCall({ ...call, service: 'events', operation: 'PutEvents', input: { Entries } });
    counter.onCall({ ...call, service: 'xray', operation: 'PutTraceSegments', input: {} });
    const counted = counter.counts(createMetricStore());
    expect(counted).toMatchObject({ busEvents: 3, busBytes: 64 * 1024 + 2 + 3 });
    expect(counted.calls.get('by KEY')).toBe(1);
  });

  it('takes a receive of eleven messages for two requests', () => {
    const store = createMetricStore();
    const id = { namespace: 'AWS/SQS', metric: 'NumberOfMessagesReceived', dimensions: { QueueName: 'q' } };
    store.put(id, 11, 1000);
    store.put(id, 10, 1000);
    expect(countCalls().counts(store).sums.get('AWS/SQS receives q')).toBe(3);
  });
});

test('a bill is for a million, at the list price of each unit', () => {
  const usage = new Map([
    ['API and ingest', { apiRequest: 4 }],
    ['logs', { logGigabyte: 1024 ** 3 }],
  ] as const);
  const bill = billPerMillion(usage, 4);
  expect(bill.get('API and ingest')).toBeCloseTo(1);
  expect(bill.get('logs')).toBeCloseTo(0.5 * 250_000);
  expect(totalOf(bill)).toBeCloseTo(1 + 125_000);
});

describe('the floor of a delivery', () => {
  it('follows the prices, and no number of its own', () => {
    const sum = floorItems({ fanOut: 1, messagesPerBatch: 1 })
      .map(({ price, quantity }) => (quantity * prices[price].usd) / prices[price].per)
      .reduce((left, right) => left + right);
    expect(floorPerMillion({ fanOut: 1, messagesPerBatch: 1 })).toBeCloseTo(sum * 1_000_000);
  });

  it('falls as batches fill and as more subscribers share a post', () => {
    const floor = (fanOut: number, messagesPerBatch: number) => floorPerMillion({ fanOut, messagesPerBatch });
    expect(floor(10, 10)).toBeLessThan(floor(10, 1));
    expect(floor(100, 10)).toBeLessThan(floor(10, 10));
    expect(floor(1_000_000, 1_000_000)).toBeGreaterThan((prices.tableWriteUnit.usd + prices.queueRequest.usd) * 0.99);
  });

  it('takes all that the target leaves but cents, even in full batches', () => {
    expect(floorPerMillion({ fanOut: targetFanOut, messagesPerBatch: fullBatch })).toBeGreaterThan(1.5);
  });
});

test('docs/cost.md was written with the prices of today', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'cost.md'), 'utf8');
  for (const { usd, unit, source } of Object.values(prices)) {
    expect(text).toMatch(
      new RegExp(`\\| ${usd} \\| (a million: )?${unit.replace(/[().]/g, '\\$&')} \\| <${source}> \\|`),
    );
  }
});
