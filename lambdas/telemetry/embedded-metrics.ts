import { type MetricName, metricNamespace, metrics, serviceDimension, serviceVariable } from '../contracts/metrics.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metrics } from '../ports/telemetry.ts';
import { flushLines, writeLine } from './standard-output.ts';

interface Options {
  readonly clock: Clock;
  readonly environment: { readonly [serviceVariable]?: string | undefined };
}

/** What was added with the same dimensions since the last flush. */
interface Series {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly values: Map<MetricName, number[]>;
}

/** CloudWatch takes so many values of a metric from one line. */
const maxValues = 100;

/**
 * Metrics in CloudWatch's embedded metric format: a log line per flush and set of dimensions, no call to CloudWatch.
 * Counts are added up, so a count's `SampleCount` is one per flush; of durations each value is kept.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics({ clock, environment }: Options): Metrics {
  const service = environment[serviceVariable] ?? 'service_undefined';
  const allSeries = new Map<string, Series>();

  function seriesOf(dimensions: Readonly<Record<string, string>>): Series {
    let key = '';
    for (const name in dimensions) key += `${name}=${dimensions[name]}\n`;
    let series = allSeries.get(key);
    if (series === undefined) {
      series = { dimensions: { [serviceDimension]: service, ...dimensions }, values: new Map() };
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
      const now = clock();
      for (const series of allSeries.values()) while (series.values.size > 0) writeLine(nextLine(series, now));
      flushLines();
    },
  };
}

/** Takes from a series as much as fits into a line. */
function nextLine({ dimensions, values }: Series, now: number): string {
  const definitions: { readonly Name: MetricName; readonly Unit: string }[] = [];
  const members: Partial<Record<MetricName, number | number[]>> = {};
  for (const [name, added] of values) {
    definitions.push({ Name: name, Unit: metrics[name].unit });
    const taken = added.splice(0, maxValues);
    members[name] = taken.length === 1 ? (taken[0] as number) : taken;
    if (added.length === 0) values.delete(name);
  }
  const directive = { Namespace: metricNamespace, Dimensions: [Object.keys(dimensions)], Metrics: definitions };
  return JSON.stringify({ _aws: { Timestamp: now, CloudWatchMetrics: [directive] }, ...dimensions, ...members });
}
