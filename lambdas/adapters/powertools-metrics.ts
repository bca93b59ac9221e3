import { MetricUnit, Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { type MetricName, metricNamespace, metrics } from '../domain/metrics.ts';
import type { Metrics } from '../ports/telemetry.ts';

/**
 * Metrics in CloudWatch's embedded metric format: a log line per flush and set of dimensions, no call to CloudWatch.
 * Powertools keeps one set of dimensions at a time, so there is one collector for each.
 */
export function powertoolsMetrics(): Metrics {
  const collectors = new Map<string, PowertoolsMetrics>();

  function collectorFor(dimensions: Readonly<Record<string, string>>): PowertoolsMetrics {
    const key = JSON.stringify(Object.entries(dimensions).sort());
    let collector = collectors.get(key);
    if (collector === undefined) {
      collector = new PowertoolsMetrics({ namespace: metricNamespace, serviceName: 'fanout' });
      collectors.set(key, collector);
    }
    // The dimensions are cleared with every flush.
    collector.addDimensions({ ...dimensions });
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
