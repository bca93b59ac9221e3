import { MetricUnit, Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { type MetricName, metricNamespace, metrics } from '../domain/metrics.ts';
import type { Metrics } from '../ports/telemetry.ts';

/**
 * Metrics in CloudWatch's embedded metric format: a log line per flush and set of dimensions, no call to CloudWatch.
 * Powertools keeps one set of dimensions at a time, so there is one collector for each. The dimension `service` comes
 * from the environment (POWERTOOLS_SERVICE_NAME): see domain/metrics.ts.
 */
export function powertoolsMetrics(): Metrics {
  const collectors = new Map<string, PowertoolsMetrics>();

  function collectorFor(dimensions: Readonly<Record<string, string>>): PowertoolsMetrics {
    const key = JSON.stringify(Object.entries(dimensions).sort());
    let collector = collectors.get(key);
    if (collector === undefined) {
      collector = new PowertoolsMetrics({ namespace: metricNamespace });
      collectors.set(key, collector);
    }
    // Each flush clears the dimensions; added twice before one, they would count the metric twice.
    if (!collector.hasStoredMetrics()) collector.addDimensions({ ...dimensions });
    return collector;
  }

  return {
    add(name: MetricName, value, dimensions = {}) {
      collectorFor(dimensions).addMetric(name, MetricUnit[metrics[name].unit], value);
    },
    flush() {
      for (const collector of collectors.values()) {
        if (collector.hasStoredMetrics()) collector.publishStoredMetrics();
      }
    },
  };
}
