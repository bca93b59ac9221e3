import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { metricNamespace, metrics } from '../contracts/metrics.ts';
import type { Metrics } from '../ports/telemetry.ts';

/**
 * Metrics in CloudWatch's embedded metric format: a log line per flush and set of dimensions, no call to CloudWatch. The
 * dimension `service` comes from the environment. Powertools gives all metrics of one object the same dimensions, so there
 * is one for each set.
 */
export function powertoolsMetrics(): Metrics {
  const allSeries = new Map<string, PowertoolsMetrics>();
  return {
    add(name, value, dimensions = {}) {
      const key = JSON.stringify(dimensions);
      const series =
        allSeries.get(key) ??
        new PowertoolsMetrics({ namespace: metricNamespace, defaultDimensions: { ...dimensions } });
      allSeries.set(key, series);
      series.addMetric(name, metrics[name].unit, value);
    },
    flush() {
      // To publish where there is nothing to publish is warned of.
      for (const series of allSeries.values()) if (series.hasStoredMetrics()) series.publishStoredMetrics();
    },
  };
}
