import { MetricUnit, Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { type MetricName, metricNamespace, metrics } from '../domain/metrics.ts';
import type { Metrics } from '../ports/telemetry.ts';

/** What was added with the same dimensions since the last flush. */
interface Series {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: Map<MetricName, number[]>;
  readonly collector: PowertoolsMetrics;
}

/**
 * Metrics in CloudWatch's embedded metric format: a log line per flush and set of dimensions, no call to CloudWatch.
 * Powertools keeps one set of dimensions at a time, so there is one collector for each. Each value that it is given costs
 * it about a microsecond, so counts are added up first. The dimension `service` comes from the environment (POWERTOOLS_SERVICE_NAME): see
 * domain/metrics.ts.
 */
export function powertoolsMetrics(): Metrics {
  const allSeries = new Map<string, Series>();

  function seriesOf(dimensions: Readonly<Record<string, string>>): Series {
    let key = '';
    for (const name in dimensions) key += `${name}=${dimensions[name]}\n`;
    let series = allSeries.get(key);
    if (series === undefined) {
      const collector = new PowertoolsMetrics({ namespace: metricNamespace });
      series = { dimensions: { ...dimensions }, values: new Map(), collector };
      allSeries.set(key, series);
    }
    return series;
  }

  return {
    add(name, value, dimensions = {}) {
      const { values } = seriesOf(dimensions);
      const added = values.get(name);
      if (added === undefined) values.set(name, [value]);
      else if (metrics[name].unit === 'Count') added[0] = (added[0] ?? 0) + value;
      else added.push(value);
    },
    flush() {
      for (const { dimensions, values, collector } of allSeries.values()) {
        if (values.size === 0) continue;
        // A flush clears the dimensions as well.
        collector.addDimensions({ ...dimensions });
        for (const [name, added] of values) {
          for (const value of added) collector.addMetric(name, MetricUnit[metrics[name].unit], value);
        }
        values.clear();
        collector.publishStoredMetrics();
      }
    },
  };
}
