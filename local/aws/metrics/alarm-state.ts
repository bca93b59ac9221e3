import * as z from 'zod';
import { isInsightsQuery, runInsightsQuery } from './insights-query.ts';
import { MetricError } from './metric-error.ts';
import { evaluateMath } from './metric-math.ts';
import type { MetricId, MetricStore, TimeRange } from './metric-store.ts';
import { readSeries, type TimeSeries } from './time-series.ts';

const dimensions = z.optional(z.array(z.strictObject({ Name: z.string(), Value: z.string() })));

/**
 * An alarm as the template has it, as far as the local run can watch it.
 * Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
 */
export const alarmSchema = z.strictObject({
  AlarmName: z.string(),
  AlarmDescription: z.optional(z.string()),
  ComparisonOperator: z.enum(['GreaterThanOrEqualToThreshold', 'LessThanThreshold']),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.optional(z.number()),
  Threshold: z.number(),
  TreatMissingData: z.enum(['breaching', 'notBreaching']),
  MetricName: z.optional(z.string()),
  Namespace: z.optional(z.string()),
  Dimensions: dimensions,
  Period: z.optional(z.number()),
  Statistic: z.optional(z.string()),
  Metrics: z.optional(
    z.array(
      z.strictObject({
        Id: z.string(),
        Expression: z.optional(z.string()),
        Label: z.optional(z.string()),
        Period: z.optional(z.number()),
        ReturnData: z.optional(z.boolean()),
        MetricStat: z.optional(
          z.strictObject({
            Metric: z.strictObject({ Namespace: z.string(), MetricName: z.string(), Dimensions: dimensions }),
            Period: z.number(),
            Stat: z.string(),
          }),
        ),
      }),
    ),
  ),
  // Nobody is told here.
  AlarmActions: z.optional(z.unknown()),
  OKActions: z.optional(z.unknown()),
});

export type AlarmDefinition = z.infer<typeof alarmSchema>;

export interface AlarmState {
  readonly name: string;
  readonly description: string;
  /** `unknown`: the run has not lasted long enough to say. */
  readonly state: 'ok' | 'alarm' | 'unknown';
  /** Which series ring, where the alarm watches several: a subscriber, a rule. */
  readonly contributors: readonly string[];
}

/**
 * Judges an alarm at the end of the range. Periods are counted back from there, and those from before its beginning say
 * nothing: they cannot make it ring, and where missing figures are bad they keep it from being all right.
 */
export function alarmState(alarm: AlarmDefinition, store: MetricStore, range: TimeRange): AlarmState {
  const { AlarmName: name, AlarmDescription: description = '', EvaluationPeriods: periods } = alarm;
  const periodMs = periodOf(alarm) * 1000;
  const windows = Array.from({ length: periods }, (_, index) => {
    const end = range.end - index * periodMs;
    return { start: end - periodMs, end };
  });
  const byWindow = windows.map((window) => ({
    isPartly: window.start < range.start,
    series: watchedSeries(alarm, store, periodMs, window),
  }));
  const keys = new Set(byWindow.flatMap(({ series }) => series.map(keyOf)));
  const checked = [...(keys.size === 0 ? [''] : keys)].map((key) => {
    const verdicts = byWindow.map(({ series, isPartly }): boolean | undefined => {
      const value = series
        .find((one) => keyOf(one) === key)
        ?.points.values()
        .next().value;
      if (value === undefined) return isPartly ? undefined : alarm.TreatMissingData === 'breaching';
      const isBreaching =
        alarm.ComparisonOperator === 'LessThanThreshold' ? value < alarm.Threshold : value >= alarm.Threshold;
      // Half a period may still come to what a whole one needs.
      return isBreaching && isPartly && alarm.ComparisonOperator === 'LessThanThreshold' ? undefined : isBreaching;
    });
    return { key, verdicts };
  });
  const enough = alarm.DatapointsToAlarm ?? periods;
  const ringing = checked.filter(({ verdicts }) => verdicts.filter((breaching) => breaching === true).length >= enough);
  const isOpen =
    alarm.TreatMissingData === 'breaching' &&
    checked.every(({ verdicts }) => verdicts.filter((breaching) => breaching !== false).length >= enough);
  return {
    name,
    description,
    state: ringing.length > 0 ? 'alarm' : isOpen ? 'unknown' : 'ok',
    contributors: ringing.map(({ key }) => key).filter((key) => key !== ''),
  };
}

function periodOf(alarm: AlarmDefinition): number {
  const period =
    alarm.Period ?? alarm.Metrics?.map(({ Period, MetricStat }) => Period ?? MetricStat?.Period).find(Boolean);
  if (period === undefined) throw new MetricError(`the alarm ${alarm.AlarmName} has no period`);
  return period;
}

/** What the alarm compares in one window: a series with one step, or several. */
function watchedSeries(
  alarm: AlarmDefinition,
  store: MetricStore,
  periodMs: number,
  window: TimeRange,
): readonly TimeSeries[] {
  const { Namespace: namespace, MetricName: metric, Statistic: statistic, Metrics: metrics = [] } = alarm;
  const seriesOf = (id: MetricId, name: string): TimeSeries => {
    const { points } = readSeries(store, id, name, periodMs, window);
    return { periodMs, points };
  };
  if (namespace !== undefined && metric !== undefined && statistic !== undefined) {
    const id = { namespace, metric, dimensions: dimensionsOf(alarm.Dimensions) };
    return [seriesOf(id, statistic)].filter(({ points }) => points.size > 0);
  }
  const returned = metrics.filter(({ ReturnData }) => ReturnData !== false);
  const [only] = returned;
  if (only === undefined || returned.length > 1) throw new MetricError(`the alarm ${alarm.AlarmName} watches nothing`);
  const read = (one: (typeof metrics)[number]): readonly TimeSeries[] => {
    if (one.MetricStat !== undefined) {
      const { Metric, Stat } = one.MetricStat;
      const id = {
        namespace: Metric.Namespace,
        metric: Metric.MetricName,
        dimensions: dimensionsOf(Metric.Dimensions),
      };
      return [seriesOf(id, Stat)];
    }
    const { Expression: expression = '' } = one;
    if (isInsightsQuery(expression)) return runInsightsQuery(expression, store, periodMs, window);
    return evaluateMath(expression, {
      store,
      range: window,
      periodMs,
      drawnPeriodMs: (seconds) => seconds * 1000,
      named(id) {
        const found = metrics.find(({ Id }) => Id === id);
        return found && read(found);
      },
    });
  };
  return read(only).filter(({ points }) => points.size > 0);
}

function dimensionsOf(list: z.infer<typeof dimensions>): Record<string, string> {
  return Object.fromEntries((list ?? []).map(({ Name, Value }) => [Name, Value]));
}

/** Which contributor of a query it is. */
function keyOf({ id }: TimeSeries): string {
  return Object.values(id?.dimensions ?? {}).join(' ');
}
