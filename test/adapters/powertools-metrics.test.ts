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

test('counts a metric once, however often it was added before the flush', () => {
  const delivered = { subscriptionId: 'sub_1', outcome: 'delivered' };
  const [line, ...more] = flushed((metrics) => {
    metrics.add('DeliveryAttempts', 1, delivered);
    metrics.add('DeliveryAttempts', 1, delivered);
  });
  expect(more).toEqual([]);
  expect(directiveOf(line)?.Dimensions).toEqual([['service', 'subscriptionId', 'outcome']]);
  expect(line).toMatchObject({ DeliveryAttempts: [1, 1], ...delivered });
});

test('tells the stages of one account apart by the service', () => {
  const [line] = flushed((metrics) => metrics.add('SweepCompleted', 1));
  expect(directiveOf(line)?.Dimensions).toEqual([['service']]);
  expect(line).toMatchObject({ service: 'fanout-dev', SweepCompleted: 1 });
});
