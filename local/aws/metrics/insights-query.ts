import { MetricError } from './metric-error.ts';
import type { MetricStore, TimeRange } from './metric-store.ts';
import { statisticNamed } from './statistic.ts';
import { samplesByStep, type TimeSeries } from './time-series.ts';

const statistics: Readonly<Record<string, string>> = { MAX: 'Maximum', MIN: 'Minimum', SUM: 'Sum', AVG: 'Average' };
const name = String.raw`("[^"]+"|[\w/.-]+)`;
const queryForm = new RegExp(
  String.raw`^SELECT (MAX|MIN|SUM|AVG)\((\w+)\) FROM SCHEMA\(${name}((?:, ?\w+)*)\)(?: WHERE (\w+) = '([^']*)')?(?: GROUP BY (\w+))?(?: ORDER BY \w+\(\) (?:DESC|ASC))?$`,
);

export function isInsightsQuery(expression: string): boolean {
  return /^\s*SELECT\s/.test(expression);
}

/**
 * A Metrics Insights query as the alarms ask it: one line for each value of the dimension that it groups by. Throws
 * `MetricError` for anything else.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 */
export function runInsightsQuery(
  query: string,
  store: MetricStore,
  periodMs: number,
  range: TimeRange,
): readonly TimeSeries[] {
  const found = queryForm.exec(query);
  if (found === null) throw new MetricError(`the local run does not know the query ${query}`);
  const [, kind = '', metric = '', schema = '', names = '', where, wanted, groupBy] = found;
  const namespace = schema.replaceAll('"', '');
  const dimensions = names
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const ids = store.list().filter((id) => {
    if (id.namespace !== namespace || id.metric !== metric) return false;
    if (Object.keys(id.dimensions).sort().join() !== dimensions.toSorted().join()) return false;
    return where === undefined || id.dimensions[where] === wanted;
  });
  const statistic = statisticNamed(statistics[kind] ?? '');
  const groups = Map.groupBy(ids, (id) => (groupBy === undefined ? '' : id.dimensions[groupBy]));
  return [...groups].map(([value = '', group]) => {
    const points = new Map<number, number>();
    for (const [step, samples] of samplesByStep(store, group, periodMs, range)) {
      const value = statistic?.(samples);
      if (value !== undefined) points.set(step, value);
    }
    const grouped = groupBy === undefined ? {} : { id: { namespace, metric, dimensions: { [groupBy]: value } } };
    return { ...grouped, periodMs, points };
  });
}
