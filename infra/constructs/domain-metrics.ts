import { Duration, Stack } from 'aws-cdk-lib';
import { MathExpression, Metric, SearchExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { type MetricName, metricNamespace, metrics, serviceDimension } from '../../lambdas/contracts/metrics.ts';
import { routePrefixOf } from '../../lambdas/domain/routes/route-prefix.ts';

const oneMinute = Duration.minutes(1);

/** A metric of this stack's functions, with a value for each dimension that it has beside the service. */
export function domainMetric(
  scope: Construct,
  name: MetricName,
  statistic: string,
  period = oneMinute,
  values: Readonly<Record<string, string>> = {},
): Metric {
  const { dimensions } = metrics[name];
  if (dimensions.join() !== Object.keys(values).join()) {
    throw new Error(
      `${name} has the dimensions ${dimensions.join(', ')}: give one value of each, or search or query it`,
    );
  }
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    dimensionsMap: { [serviceDimension]: serviceOf(scope), ...values },
    statistic,
    period,
  });
}

/**
 * A metric with dimensions for a graph: one line for each value. `where` narrows it, `NOT outcome="timeout"` for one.
 * An alarm cannot search.
 */
export function domainSearch(
  scope: Construct,
  name: MetricName,
  statistic: string,
  { where = '', label, period = oneMinute }: { where?: string; label?: string; period?: Duration } = {},
): SearchExpression {
  return new SearchExpression({
    expression: `SEARCH('${domainSchema(name)} MetricName="${name}" ${serviceDimension}="${serviceOf(scope)}" ${where}', '${statistic}', ${period.toSeconds()})`,
    ...(label !== undefined && { label }),
    period,
  });
}

/**
 * The worst of a metric with dimensions, for an alarm: a Metrics Insights query, in which each value of `groupBy` is a
 * contributor that the alarm names. It takes in subscribers that come later.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html
 */
export function worstOf(scope: Construct, name: MetricName, groupBy: string): MathExpression {
  const schema = [`"${metricNamespace}"`, serviceDimension, ...metrics[name].dimensions].join(', ');
  return new MathExpression({
    // The order decides which 500 series are looked at where there are more.
    expression: `SELECT MAX(${name}) FROM SCHEMA(${schema}) WHERE ${serviceDimension} = '${serviceOf(scope)}' GROUP BY ${groupBy} ORDER BY MAX() DESC`,
    period: oneMinute,
    label: name,
  });
}

/** The schema of a search: the name space and all dimensions, in the order in which they are emitted. */
export function domainSchema(name: MetricName): string {
  return `{${[metricNamespace, serviceDimension, ...metrics[name].dimensions].join(',')}}`;
}

export function serviceOf(scope: Construct): string {
  return routePrefixOf(Stack.of(scope).stackName);
}
