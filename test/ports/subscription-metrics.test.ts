import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloudwatchSubscriptionMetrics } from '../../lambdas/aws/cloudwatch-subscription-metrics.ts';
import { createMetricStore } from '../../local/aws/metrics/metric-store.ts';
import { cloudwatchService } from '../../local/aws/wire/cloudwatch.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../local/aws/wire/http-server.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const minute = 60_000;
const store = createMetricStore();

let endpoint: AwsEndpoint;
let client: CloudWatchClient;
beforeAll(async () => {
  endpoint = await startAwsEndpoint({
    services: [cloudwatchService({ store, alarms: [], now: Date.now })],
    port: 0,
    onBug: () => undefined,
  });
  const credentials = { accessKeyId: 'person', secretAccessKey: 'any' };
  client = new CloudWatchClient({ endpoint: endpoint.url, region: 'us-east-1', credentials, maxAttempts: 1 });
});
afterAll(() => endpoint.close());

function put(metric: string, dimensions: Readonly<Record<string, string>>, value: number, at: number): void {
  const namespace = 'QueueName' in dimensions ? 'AWS/SQS' : 'WebhookFanout';
  store.put({ namespace, metric, dimensions }, value, at);
}

it("a subscription's figures come by period, its own only, with zeros where nothing happened", async () => {
  const own = { service: 'fanout-test', subscriptionId: 'sub_1' };
  for (const outcome of ['status', 'timeout', 'protocol']) {
    put('AttemptsFailed', { ...own, outcome }, 1, noon + 1000);
  }
  put('AttemptsFailed', { ...own, subscriptionId: 'sub_2', outcome: 'status' }, 1, noon);
  put('EventToDelivered', { ...own, subscriptionId: 'sub_2' }, 1, noon);
  put('EventToDelivered', { ...own, service: 'fanout-other' }, 1, noon);
  for (const ms of [100, 200]) put('EventToDelivered', own, ms, noon + 1000);
  put('ApproximateNumberOfMessagesVisible', { QueueName: 'fanout-test-sub_1' }, 7, noon + 2000);
  put('ApproximateNumberOfMessagesVisible', { QueueName: 'fanout-test-sub_1' }, 3, noon + 3000);
  put('EventToDelivered', own, 0, noon + 2 * minute);

  const metrics = cloudwatchSubscriptionMetrics(client, 'fanout-test');
  // In the middle of two minutes: whole ones are answered.
  const query = { from: noon + 500, to: noon + 2 * minute + 1, periodSeconds: 60 };
  expect(await metrics.read('sub_1', query)).toEqual({
    kind: 'read',
    periods: [
      { at: noon, delivered: 2, failed: 3, p50Ms: 150, p95Ms: 195, waiting: 7 },
      { at: noon + minute, delivered: 0, failed: 0 },
      { at: noon + 2 * minute, delivered: 1, failed: 0, p50Ms: 0, p95Ms: 0 },
    ],
  });
});

it('the local run refuses what it does not serve of GetMetricData, by name', async () => {
  const times = { StartTime: new Date(noon), EndTime: new Date(noon + minute), ScanBy: 'TimestampAscending' } as const;
  const MetricDataQueries = [{ Id: 'sum', Expression: 'SUM(METRICS())' }];
  await expect(client.send(new GetMetricDataCommand({ ...times, MetricDataQueries }))).rejects.toThrow('Expression');
});
