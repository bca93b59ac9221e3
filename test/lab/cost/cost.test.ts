import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { filling } from '../../../lab/cost/batches.ts';
import { billOf } from '../../../lab/cost/bill.ts';
import { type Case, defaultCase } from '../../../lab/cost/case.ts';
import { breakEvenRate, ownServerUsd, perSubscriber } from '../../../lab/cost/documents/rest-tables.ts';
import { limits } from '../../../lab/cost/limits.ts';
import { between, type Counts, countCalls, queueRequests } from '../../../lab/cost/local-run/counts.ts';
import { requestsPerMessage } from '../../../lab/cost/model/queue.ts';
import { recordedShare } from '../../../lab/cost/model/trace-usage.ts';
import { priceOf, prices } from '../../../lab/cost/prices.ts';
import { readUnits } from '../../../lab/cost/units.ts';
import { createMetricStore } from '../../../local/aws/metrics/metric-store.ts';

const units = readUnits();
const load = (of: Partial<Case>): Case => ({ ...defaultCase(units), fanOut: 10, subscribers: 10, ...of });
const million = (of: Partial<Case>): number => billOf(load(of), units).perMillion ?? 0;

describe('what a million deliveries cost', () => {
  it('falls as more subscribers share a post, and as batches fill', () => {
    expect(million({ fanOut: 10 })).toBeLessThan(million({ fanOut: 1, subscribers: 1 }));
    expect(million({ rate: 1000 })).toBeLessThan(million({ rate: 1 }));
    expect(million({ rate: 100, maxConcurrency: 2 })).toBeLessThan(million({ rate: 100 }));
    expect(million({ windowSeconds: 10 })).toBeLessThan(million({}));
  });

  it('rises with slow receivers, long events, failures, seldom events and keys of the account', () => {
    for (const change of [
      { answerMs: 2000 },
      { eventBytes: 10_000 },
      { failingPercent: 10 },
      { subscribers: 600 },
      { tableKey: 'aws-managed' as const },
      { traces: true, rate: 1.0001 },
      { historyDays: 30 },
      { messagesPerConversation: 1 },
    ]) {
      expect(million({ historyDays: 14, tableKey: 'aws-owned', traces: false, ...change })).toBeGreaterThan(
        million({ historyDays: 14, tableKey: 'aws-owned', traces: false }),
      );
    }
  });

  it('is the sum of its parts, and the month is that and the base', () => {
    const bill = billOf(load({ rate: 3 }), units);
    const parts = [...bill.byPart.values()].reduce((sum, usd) => sum + usd);
    const base = bill.baseLines.reduce((sum, line) => sum + line.usd, 0);
    expect(bill.total).toBeCloseTo(parts, 6);
    expect(bill.base).toBeCloseTo(base, 6);
    expect(((bill.perMillion ?? 0) * bill.month.deliveries) / 1_000_000 + base).toBeCloseTo(bill.total, 6);
  });
});

test('a subscriber that answers more than 64 KB gets a new connection for each delivery, one that answers less keeps it', () => {
  const connections = (answerBytes: number): number => {
    const bill = billOf(load({ rate: 10, answerBytes }), units);
    return bill.byPart.get('new connections') ?? 0;
  };
  expect(connections(60_000)).toBeLessThan(0.001);
  expect(connections(100_000)).toBeCloseTo(connections(1_000_000), 6);
  expect(connections(100_000)).toBeGreaterThan(1);
});

test('the first subscriber of a stack adds what the documents say: its polling, and metrics of the stack', () => {
  const base = (subscribers: number): number => billOf(load({ rate: 0, fanOut: subscribers, subscribers }), units).base;
  const { atRest, first } = perSubscriber(units);
  expect(base(1)).toBeCloseTo(base(0) + atRest + first, 6);
  expect(base(2)).toBeCloseTo(base(1) + atRest, 6);
});

test('at the rate at which servers of your own begin to be cheaper, as it is written, the month costs what they cost', () => {
  const rate = Number(breakEvenRate(units, 10).toFixed(2));
  expect(Math.abs(billOf(load({ rate }), units).total / ownServerUsd() - 1)).toBeLessThan(0.005);
});

test('a load of less than one delivery a month has no price for a million', () => {
  expect(billOf(load({ rate: 1e-300 }), units).perMillion).toBeUndefined();
});

describe('batches of deliveries', () => {
  it('are of one message while not all of a subscriber’s are under way, and fill from then on', () => {
    expect(filling(load({ rate: 10 }), units).deliveries).toBe(1);
    const busy = filling(load({ rate: 100 }), units);
    expect(busy.deliveries).toBeGreaterThan(1.3);
    expect(busy.deliveries).toBeLessThan(1.7);
  });

  it('are reckoned with more at once where maxConcurrency never catches up, and the bill says so', () => {
    const slow = filling(load({ rate: 100, answerMs: 2000 }), units);
    expect(slow.isRaised).toBe(true);
    expect(slow.concurrency).toBeGreaterThan(20);
    expect(slow.deliveries).toBeLessThanOrEqual(10);
  });
});

describe('requests of a queue', () => {
  it('are three for a message that comes alone: the bus sends, Lambda receives and deletes', () => {
    expect(requestsPerMessage(600, 1, 1)).toBe(3);
    expect(requestsPerMessage(600, 10, 10)).toBeCloseTo(1.2);
  });

  it('count each 64 KB that is sent or received', () => {
    expect(requestsPerMessage(10_500, 10, 10)).toBeCloseTo(1.3);
    expect(requestsPerMessage(256_000, 1, 1)).toBe(4 + 4 + 1);
  });
});

test('the API’s, the logs’ and the internet’s prices fall in steps, each for what is beyond it', () => {
  expect(priceOf('apiRequest', 300_000_000)).toBeCloseTo(300);
  expect(priceOf('apiRequest', 400_000_000)).toBeCloseTo(390);
  const terabyte = 1024 ** 4;
  expect(priceOf('logGigabyte', 40 * terabyte)).toBeCloseTo(1024 * (10 * 0.5 + 20 * 0.25 + 10 * 0.1));
});

test('of a thousand posts a second a twentieth is traced, of one in a hundred seconds each', () => {
  expect(recordedShare(1000)).toBeCloseTo(0.051, 3);
  expect(recordedShare(0.01)).toBeGreaterThan(0.99);
});

test('a stranger’s flood costs what the API lets in, and half of it at half of the limit', () => {
  const half = { ...units, template: { ...units.template, requestsPerSecond: units.template.requestsPerSecond / 2 } };
  const [flood, atHalf] = [units, half].map((one) => limits(one)[0]?.usdPerDay ?? 0) as [number, number];
  expect(atHalf / flood).toBeCloseTo(0.5, 2);
});

describe('npm run cost', () => {
  const run = (...flags: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '..', '..', '..', 'lab', 'cost', 'main.ts'), ...flags], {
      encoding: 'utf8',
    });

  it('answers a load with the month and the million, part by part, and what it assumes', () => {
    const { status, stdout } = run('--rate', '10', '--fan-out', '3', '--subscribers', '20', '--failing-percent', '1');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^[\d,.]+ USD a month, [\d.]+ for a million deliveries/);
    for (const part of ['API', 'timers', 'event history', 'failed attempts', 'the monthly base', 'Assumed:']) {
      expect(stdout).toContain(part);
    }
  });

  it('answers programs with the same figures', () => {
    const answer = JSON.parse(run('--json', '--rate', '2').stdout) as Record<string, unknown>;
    expect(answer.usdPerMonth).toBeCloseTo(billOf({ ...defaultCase(units), rate: 2 }, units).total, 3);
  });

  it('names a flag that it does not know, and the nearest', () => {
    const { status, stderr } = run('--event-byte', '10');
    expect(status).not.toBe(0);
    expect(stderr).toContain('--event-byte');
    expect(stderr).toContain('--event-bytes?');
  });

  it('refuses what is no number, or out of its bounds', () => {
    expect(run('--rate', 'many').stderr).toContain('--rate');
    expect(run('--failing-percent', '100').stderr).toContain('from 0 to 99');
    expect(run('--fan-out', '5', '--subscribers', '2').stderr).toContain('more than --subscribers 2');
    expect(run('--subscribers', '1.5').stderr).toContain('a whole number from 0 to 297');
    expect(run('--subscribers', '298').stderr).toContain('a bus has 300 rules');
    expect(run('--rate', '1001').stderr).toContain('from 0 to 1000: the API takes no more');
    expect(run('--table-key', 'aws-owned', '--customer-key').stderr).toContain('cannot be used with');
  });
});

describe('what is counted on the local run', () => {
  const nothing: Counts = { sums: new Map(), calls: new Map() };
  const counted = (sums: Record<string, number>, calls: Record<string, number> = {}) =>
    between(nothing, { sums: new Map(Object.entries(sums)), calls: new Map(Object.entries(calls)) });

  it('is what was added between two counts', () => {
    const before: Counts = { ...nothing, sums: new Map([['AWS/ApiGateway Count api', 5]]) };
    const after: Counts = { ...nothing, sums: new Map([['AWS/ApiGateway Count api', 8]]) };
    expect(between(before, after).sum('AWS/ApiGateway Count', /api/)).toBe(3);
  });

  it('takes a batch that a function sends for one request, and its messages for none of the bus', () => {
    const run = counted(
      { 'AWS/SQS NumberOfMessagesSent timers': 10, 'AWS/SQS SentMessageSize timers': 500 },
      { 'sqs SendMessageBatch timers': 1, 'sqs messages timers': 10 },
    );
    expect(queueRequests(run, /timers/)).toBe(1);
  });

  it('counts an event of more than 64 KB as several', () => {
    const counter = countCalls();
    const call = { accessKeyId: 'KEY', region: 'us-east-1', service: 'events', operation: 'PutEvents' };
    const Entries = ['x'.repeat(64 * 1024), 'x'].map((Detail) => ({ Source: 'a', DetailType: 'b', Detail }));
    counter.onCall({ ...call, input: { Entries } } as never);
    const { calls } = counter.counts(createMetricStore(), () => 'ingest');
    expect(calls.get('bus chunks')).toBe(3);
    expect(calls.get('by ingest events PutEvents')).toBe(1);
  });
});

test('each price has its source', () => {
  for (const { source } of Object.values(prices)) expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
});
