import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { serviceVariable } from '../../lambdas/contracts/metrics.ts';
import { powertoolsMetrics } from '../../lambdas/telemetry/powertools-metrics.ts';

beforeEach(() => {
  vi.stubEnv(serviceVariable, 'fanout-dev');
  vi.useFakeTimers({ now: noon, toFake: ['Date'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

const noon = Date.UTC(2026, 10, 22, 12);

function flushed(record: (metrics: ReturnType<typeof powertoolsMetrics>) => void): Record<string, unknown>[] {
  const texts: string[] = [];
  const warn = vi.spyOn(console, 'warn');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => texts.push(String(text)) > 0);
  const metrics = powertoolsMetrics();
  record(metrics);
  metrics.flush();
  const lines = texts.join('').split('\n');
  expect(lines.pop()).toBe('');
  expect(warn).not.toHaveBeenCalled();
  return lines.map((line) => JSON.parse(line));
}

const directiveOf = (line: Record<string, unknown> | undefined) =>
  (line?._aws as { CloudWatchMetrics: [{ Dimensions: string[][] }] } | undefined)?.CloudWatchMetrics[0];

test('counts all that was added before the flush in one line', () => {
  const timedOut = { subscriptionId: 'sub_1', outcome: 'timeout' };
  const [line, ...more] = flushed((metrics) => {
    metrics.add('AttemptsFailed', 1, timedOut);
    metrics.add('AttemptsFailed', 1, timedOut);
  });
  expect(more).toEqual([]);
  expect(directiveOf(line)?.Dimensions).toEqual([['service', 'subscriptionId', 'outcome']]);
  expect(line).toMatchObject({ AttemptsFailed: [1, 1], ...timedOut });
});

test('keeps each duration, so that percentiles are right', () => {
  const [line] = flushed((metrics) => {
    for (const ms of [120, 80, 120]) metrics.add('EventToDelivered', ms, { subscriptionId: 'sub_1' });
  });
  expect(line).toMatchObject({ EventToDelivered: [120, 80, 120], subscriptionId: 'sub_1' });
});

test('begins anew after each flush', () => {
  const lines = flushed((metrics) => {
    for (const outcome of ['dns', 'timeout', 'timeout']) {
      metrics.add('AttemptsFailed', 1, { subscriptionId: 'sub_1', outcome });
      metrics.flush();
    }
  });
  expect(lines.map(({ outcome, AttemptsFailed }) => [outcome, AttemptsFailed])).toEqual([
    ['dns', 1],
    ['timeout', 1],
    ['timeout', 1],
  ]);
});

test('puts more values than CloudWatch takes from a line into several', () => {
  const values = Array.from({ length: 250 }, (_, index) => index);
  const lines = flushed((metrics) => {
    metrics.add('SweepCompleted', 1);
    for (const value of values) metrics.add('InactivityLateness', value);
  });
  expect(lines.map(({ InactivityLateness }) => (InactivityLateness as number[]).length)).toEqual([100, 100, 50]);
  expect(lines.flatMap(({ InactivityLateness }) => InactivityLateness)).toEqual(values);
  expect(lines.map(({ SweepCompleted }) => SweepCompleted)).toEqual([1, undefined, undefined]);
  expect(directiveOf(lines[1])).toMatchObject({ Metrics: [{ Name: 'InactivityLateness', Unit: 'Milliseconds' }] });
});

test('is a document of the embedded metric format', () => {
  const [line] = flushed((metrics) => metrics.add('OldestDueDelivery', 2.5, { subscriptionId: 'sub_1' }));
  expect(line).toEqual({
    _aws: {
      Timestamp: noon,
      CloudWatchMetrics: [
        {
          Namespace: 'WebhookFanout',
          Dimensions: [['service', 'subscriptionId']],
          Metrics: [{ Name: 'OldestDueDelivery', Unit: 'Seconds' }],
        },
      ],
    },
    service: 'fanout-dev',
    subscriptionId: 'sub_1',
    OldestDueDelivery: 2.5,
  });
});

test('tells the stages of one account apart by the service', () => {
  const [line] = flushed((metrics) => metrics.add('SweepCompleted', 1));
  expect(directiveOf(line)?.Dimensions).toEqual([['service']]);
  expect(line).toMatchObject({ service: 'fanout-dev', SweepCompleted: 1 });
});
