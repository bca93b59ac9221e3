import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { awsFailure } from '../aws-errors.ts';
import type { DeployedStack } from './deployed-stack.ts';

const metricsAtOnce = 500;

/** How old the oldest message of each queue is, in seconds, by the queue's name; CloudWatch has a figure a minute, some minutes late. */
export async function readQueueAges(
  stack: DeployedStack,
  queueNames: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const ages = new Map<string, number>();
  if (queueNames.length === 0) return ages;
  const client = new CloudWatchClient(stack.client);
  const now = Date.now();
  for (let start = 0; start < queueNames.length; start += metricsAtOnce) {
    const some = queueNames.slice(start, start + metricsAtOnce);
    const { MetricDataResults = [] } = await client
      .send(
        new GetMetricDataCommand({
          StartTime: new Date(now - 600_000),
          EndTime: new Date(now),
          ScanBy: 'TimestampAscending',
          MetricDataQueries: some.map((name, index) => ({
            Id: `q${index}`,
            MetricStat: {
              Metric: {
                Namespace: 'AWS/SQS',
                MetricName: 'ApproximateAgeOfOldestMessage',
                Dimensions: [{ Name: 'QueueName', Value: name }],
              },
              Period: 60,
              Stat: 'Maximum',
            },
          })),
        }),
      )
      .catch((error: unknown) => {
        throw awsFailure(error, 'the age of the oldest messages could not be read');
      });
    for (const { Id = '', Values = [] } of MetricDataResults) {
      const name = some[Number(Id.slice(1))];
      const age = Values.at(-1);
      if (name !== undefined && age !== undefined) ages.set(name, Math.round(age));
    }
  }
  return ages;
}
