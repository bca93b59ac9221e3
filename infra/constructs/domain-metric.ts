import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricNamespace, metrics } from '../../lambdas/domain/metrics.ts';

/** A metric that has no dimensions, as CloudWatch finds it. One with dimensions needs a search or a query. */
export function domainMetric(name: MetricName, statistic: string): Metric {
  if (metrics[name].dimensions.length > 0) throw new Error(`${name} has dimensions: search for it`);
  return new Metric({ namespace: metricNamespace, metricName: name, statistic, period: Duration.minutes(1) });
}
