import { afterEach, expect, test, vi } from 'vitest';
import { powertoolsMetrics } from '../../lambdas/adapters/powertools-metrics.ts';
import { serviceVariable } from '../../lambdas/domain/metrics.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function flushed(record: (metrics: ReturnType<typeof powertoolsMetrics>) => void): Record<string, unknown>[] {
  vi.stubEnv(serviceVariable, 'fanout-dev');
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  const metrics = powertoolsMetrics();
  record(metrics);
  metrics.flush();
  return lines.map((line) => JSON.parse(line));
}

const directiveOf = (line: Record<string, unknown> | undefined) =>
  (line?._aws as { CloudWatchMetrics: [{ Dimensions: string[][] }] } | undefined)?.CloudWatchMetrics[0];

test('adds counts up, however often they were added before the flush', () => {
  const delivered = { subscriptionId: 'sub_1', outcome: 'delivered' };
  const [line, ...more] = flushed((metrics) => {
    metrics.add('DeliveryAttempts', 1, delivered);
    metrics.add('DeliveryAttempts', 1, delivered);
  });
  expect(more).toEqual([]);
  expect(directiveOf(line)?.Dimensions).toEqual([['service', 'subscriptionId', 'outcome']]);
  expect(line).toMatchObject({ DeliveryAttempts: 2, ...delivered });
});

test('keeps each duration, so that percentiles are right', () => {
  const [line] = flushed((metrics) => {
    for (const ms of [120, 80, 120]) metrics.add('EventToDelivered', ms, { subscriptionId: 'sub_1' });
  });
  expect(line).toMatchObject({ EventToDelivered: [120, 80, 120], subscriptionId: 'sub_1' });
});

test('begins anew after each flush', () => {
  vi.stubEnv(serviceVariable, 'fanout-dev');
  const lines: Record<string, unknown>[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(JSON.parse(String(line))) > 0);
  const metrics = powertoolsMetrics();
  for (const outcome of ['delivered', 'timeout', 'timeout']) {
    metrics.add('DeliveryAttempts', 1, { subscriptionId: 'sub_1', outcome });
    metrics.flush();
  }
  metrics.flush();
  expect(lines.map(({ outcome, DeliveryAttempts }) => [outcome, DeliveryAttempts])).toEqual([
    ['delivered', 1],
    ['timeout', 1],
    ['timeout', 1],
  ]);
});

test('tells the stages of one account apart by the service', () => {
  const [line] = flushed((metrics) => metrics.add('SweepCompleted', 1));
  expect(directiveOf(line)?.Dimensions).toEqual([['service']]);
  expect(line).toMatchObject({ service: 'fanout-dev', SweepCompleted: 1 });
});
