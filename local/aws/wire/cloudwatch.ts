import { EngineError } from '../engine/engine-error.ts';
import { type AlarmDefinition, type AlarmState, alarmState } from '../metrics/alarm-state.ts';
import { MetricError } from '../metrics/metric-error.ts';
import type { MetricId, MetricStore } from '../metrics/metric-store.ts';
import { readSeries } from '../metrics/time-series.ts';
import { Members, refuseOtherMembers } from './request-members.ts';
import type { AwsService, Input } from './service.ts';

export interface CloudwatchServiceOptions {
  /** Undefined: no figures are kept, and no alarm is judged. */
  readonly store: MetricStore | undefined;
  readonly alarms: readonly { readonly arn: string; readonly definition: AlarmDefinition }[];
  readonly now: () => number;
}

/**
 * GetMetricData, as far as manage calls it: figures by name, in one page; and the state of the alarms, in one page.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
export function cloudwatchService({ store, alarms, now }: CloudwatchServiceOptions): AwsService {
  return {
    name: 'cloudwatch',
    operations: {
      DescribeAlarms: {
        takes: ['AlarmNamePrefix'],
        answer(input) {
          const prefix = new Members(input, 'ValidationError').textIfAny('AlarmNamePrefix') ?? '';
          const wanted = alarms.filter(({ definition }) => definition.AlarmName.startsWith(prefix));
          return { MetricAlarms: wanted.map((alarm) => alarmView(alarm, store, now())), CompositeAlarms: [] };
        },
      },
      GetMetricData: {
        takes: ['MetricDataQueries', 'StartTime', 'EndTime', 'ScanBy'],
        answer(input) {
          const members = new Members(input, 'ValidationError');
          const range = { start: members.time('StartTime'), end: members.time('EndTime') };
          if (range.start >= range.end) throw members.wrong('EndTime', 'it must be later than StartTime');
          if (members.text('ScanBy') !== 'TimestampAscending') {
            throw members.wrong('ScanBy', 'the local run answers in ascending order only');
          }
          const queries = members.required('MetricDataQueries', members.objects('MetricDataQueries'));
          return {
            MetricDataResults: queries.map((query) => {
              const { queryId, id, statistic, periodMs } = readQuery(query);
              const points = store === undefined ? new Map() : pointsOf(store, id, statistic, periodMs, range);
              return {
                Id: queryId,
                Label: id.metric,
                Timestamps: [...points.keys()].map((at) => at / 1000),
                Values: [...points.values()],
                StatusCode: 'Complete',
              };
            }),
            Messages: [],
          };
        },
      },
    },
  };
}

const stateNames = { ok: 'OK', alarm: 'ALARM', unknown: 'INSUFFICIENT_DATA' } as const;

function alarmView(
  { arn, definition }: CloudwatchServiceOptions['alarms'][number],
  store: MetricStore | undefined,
  end: number,
): object {
  const stateAt = (at: number) =>
    store && alarmState(definition, store, { start: store.firstAt() ?? at - 1000, end: at });
  const { state = 'unknown', contributors = [] } = stateAt(end) ?? {};
  return {
    AlarmName: definition.AlarmName,
    AlarmArn: arn,
    AlarmDescription: definition.AlarmDescription,
    StateValue: stateNames[state],
    StateReason: contributors.length === 0 ? '' : `Contributors: ${contributors.join(', ')}`,
    ...(state === 'alarm' ? { StateTransitionedTimestamp: ringingSince(end, (at) => stateAt(at)?.state) / 1000 } : {}),
  };
}

const longestLookMs = 3 * 60 * 60 * 1000;

/** To the minute, and for three hours at most: nothing is kept of what an alarm was. */
function ringingSince(now: number, stateAt: (at: number) => AlarmState['state'] | undefined): number {
  const minute = 60_000;
  let since = now;
  while (now - since < longestLookMs && stateAt(since - minute) === 'alarm') since -= minute;
  return since;
}

function pointsOf(store: MetricStore, id: MetricId, ...rest: [string, number, { start: number; end: number }]) {
  try {
    return readSeries(store, id, ...rest).points;
  } catch (error) {
    if (error instanceof MetricError) throw new EngineError('ValidationError', error.message);
    throw error;
  }
}

function readQuery(query: Input) {
  refuseOtherMembers(query, ['Id', 'MetricStat'], 'MetricDataQuery', 'ValidationError');
  const members = new Members(query, 'ValidationError');
  const stat = members.required('MetricStat', members.object('MetricStat'));
  refuseOtherMembers(stat, ['Metric', 'Period', 'Stat'], 'MetricStat', 'ValidationError');
  const statMembers = new Members(stat, 'ValidationError');
  const period = statMembers.required('Period', statMembers.number('Period'));
  if (period % 60 !== 0 || period <= 0) throw statMembers.wrong('Period', 'it must be a multiple of 60');
  const metric = new Members(statMembers.required('Metric', statMembers.object('Metric')), 'ValidationError');
  const dimensions = (metric.objects('Dimensions') ?? []).map((dimension) => {
    const { Name, Value } = dimension;
    return [String(Name), String(Value)] as const;
  });
  const id: MetricId = {
    namespace: metric.text('Namespace'),
    metric: metric.text('MetricName'),
    dimensions: Object.fromEntries(dimensions),
  };
  return { queryId: members.text('Id'), id, statistic: statMembers.text('Stat'), periodMs: period * 1000 };
}
