import { describe, expect, it, test } from 'vitest';
import { type AlarmDefinition, alarmState } from '../../../../local/aws/metrics/alarm-state.ts';
import { readEmbeddedMetrics } from '../../../../local/aws/metrics/embedded-metrics.ts';
import { runInsightsQuery } from '../../../../local/aws/metrics/insights-query.ts';
import { parseLogFilter } from '../../../../local/aws/metrics/log-filter.ts';
import { evaluateMath } from '../../../../local/aws/metrics/metric-math.ts';
import { createMetricStore, type MetricId, type MetricStore } from '../../../../local/aws/metrics/metric-store.ts';
import { parseSearch } from '../../../../local/aws/metrics/search-expression.ts';
import { readSeries, stepsOf, type TimeSeries } from '../../../../local/aws/metrics/time-series.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const minute = 60_000;

function aMetric(dimensions: Record<string, string> = {}, metric = 'M', namespace = 'N'): MetricId {
  return { namespace, metric, dimensions };
}

/** One value in each minute after noon; undefined: none. */
function aStore(...series: (readonly [MetricId, ...(number | undefined)[]])[]): MetricStore {
  const store = createMetricStore();
  for (const [id, ...values] of series) {
    for (const [index, value] of values.entries()) {
      if (value !== undefined) store.put(id, value, noon + index * minute);
    }
  }
  return store;
}

const valuesOf = (series: TimeSeries | undefined): number[] => [...(series?.points.values() ?? [])];

describe('a statistic', () => {
  const store = createMetricStore();
  for (let value = 1; value <= 100; value++) store.put(aMetric(), value, noon + value);
  store.put(aMetric(), 5, noon + minute);
  const range = { start: noon, end: noon + 3 * minute };

  test.each([
    ['Sum', [5050, 5]],
    ['SampleCount', [100, 1]],
    ['Average', [50.5, 5]],
    ['Minimum', [1, 5]],
    ['Maximum', [100, 5]],
    ['p50', [50.5, 5]],
    ['p95', [95.05, 5]],
    ['p100', [100, 5]],
    ['p0', [1, 5]],
  ])('%s is taken over each period, and a period without figures has none', (name, expected) => {
    const { points } = readSeries(store, aMetric(), name, minute, range);
    expect([...points.keys()]).toEqual([noon, noon + minute]);
    for (const [index, value] of [...points.values()].entries()) expect(value).toBeCloseTo(expected[index] ?? 0);
  });

  it('that is not known is an error', () => {
    expect(() => readSeries(store, aMetric(), 'tm90', minute, range)).toThrow('the statistic tm90');
  });

  it('over a period that is longer than what is drawn is one figure, from its beginning', () => {
    expect(stepsOf({ start: noon + 7, end: noon + 90_000 }, 3_600_000)).toEqual([noon + 7]);
    const { points } = readSeries(store, aMetric(), 'Sum', 3_600_000, { start: noon + 7, end: noon + 90_000 });
    expect([...points]).toEqual([[noon + 7, 5055]]);
  });
});

describe('the store', () => {
  it('tells dimensions apart, in whatever order they come', () => {
    const store = aStore([aMetric({ a: '1', b: '2' }), 1], [aMetric({ b: '2', a: '1' }), 2], [aMetric({ a: '1' }), 4]);
    expect(store.list()).toHaveLength(2);
    expect(
      valuesOf(readSeries(store, aMetric({ a: '1', b: '2' }), 'Sum', minute, { start: noon, end: noon + minute })),
    ).toEqual([3]);
  });

  it('lets go of what is older than it keeps', () => {
    const store = createMetricStore({ keepSeconds: 120 });
    for (let second = 0; second < 600; second++) store.put(aMetric(), 1, noon + second * 1000);
    const range = { start: noon, end: noon + 600_000 };
    expect(valuesOf(readSeries(store, aMetric(), 'Sum', 600_000, range))[0]).toBeLessThan(130);
  });

  it('takes no value that is none', () => {
    expect(() => createMetricStore().put(aMetric(), Number.NaN, noon)).toThrow('N M: NaN is no figure');
  });
});

describe('a search', () => {
  const queue = (QueueName: string, metric = 'Sent'): MetricId => aMetric({ QueueName }, metric, 'AWS/SQS');
  const all = [
    queue('fanout-local-crm'),
    queue('fanout-local-crm-dlq'),
    queue('webhook-fanout-local-ActivityQueue-3f'),
    queue('fanout-local-crm', 'Received'),
    aMetric({ QueueName: 'fanout-local-crm', other: 'x' }, 'Sent', 'AWS/SQS'),
    aMetric({ QueueName: 'fanout-local-crm' }, 'Sent', 'Other'),
  ];
  const found = (search: string): (string | undefined)[] =>
    all.filter(parseSearch(search)).map(({ dimensions, metric }) => `${metric} ${dimensions.QueueName}`);

  test.each([
    ['{AWS/SQS,QueueName} MetricName="Received"', ['Received fanout-local-crm']],
    ['{AWS/SQS,QueueName} MetricName="Sent" QueueName="fanout-local-crm"', ['Sent fanout-local-crm']],
    [
      '{AWS/SQS,QueueName} MetricName="Sent" NOT QueueName="fanout-local-crm"',
      ['Sent fanout-local-crm-dlq', 'Sent webhook-fanout-local-ActivityQueue-3f'],
    ],
    ['{AWS/SQS,QueueName} MetricName="Sent" fanout local NOT webhook NOT dlq', ['Sent fanout-local-crm']],
    ['{AWS/SQS,QueueName} activity', ['Sent webhook-fanout-local-ActivityQueue-3f']],
    ['{AWS/SQS,QueueName} MetricName="Sent" nothing', []],
    ['{AWS/SQS,other,QueueName} ', ['Sent fanout-local-crm']],
  ])('%s', (search, expected) => {
    expect(found(search)).toEqual(expected);
  });

  test.each([['MetricName="x"'], ['{A,b} x OR y'], ['{A,b} (x y)'], ['{A,b} name=unquoted'], ['{A,b} "phrase here"']])(
    'that is not known is an error: %s',
    (search) => {
      expect(() => parseSearch(search)).toThrow(/search/);
    },
  );
});

describe('metric math', () => {
  const range = { start: noon, end: noon + 3 * minute };
  const store = aStore(
    [aMetric({ Q: 'one' }), 1, 2, undefined],
    [aMetric({ Q: 'two' }), 10, undefined, 30],
    [aMetric({ Q: 'three' }, 'Other'), 7],
  );
  const named = (id: string): readonly TimeSeries[] | undefined =>
    ['one', 'two', 'nobody'].includes(id) ? [readSeries(store, aMetric({ Q: id }), 'Sum', minute, range)] : undefined;
  const evaluate = (expression: string): number[][] =>
    evaluateMath(expression, { store, range, periodMs: minute, drawnPeriodMs: (seconds) => seconds * 1000, named }).map(
      valuesOf,
    );
  const search = "SEARCH('{N,Q} MetricName=\"M\"', 'Sum', 60)";

  test.each([
    ['one * 2 + 1', [[3, 5]]],
    ['1 - one / 4', [[0.75, 0.5]]],
    ['one + two', [[11]]],
    ['FILL(one, 0) + FILL(two, 0)', [[11, 2, 30]]],
    ['FILL(nobody, 5)', [[5, 5, 5]]],
    ['(one + two) * 2', [[22]]],
    ['one / 0', [[]]],
    [
      search,
      [
        [1, 2],
        [10, 30],
      ],
    ],
    [
      `${search} * 10`,
      [
        [10, 20],
        [100, 300],
      ],
    ],
    [`SUM(${search}) / 1e1`, [[1.1, 0.2, 3]]],
    [`FILL(SUM(${search}), 0)`, [[11, 2, 30]]],
    ["SUM(SEARCH('{N,Q} MetricName=\"None\"', 'Sum', 60)) * 2", [[]]],
    ['one * SUM(one)', [[3, 6]]],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression)).toEqual(expected);
  });

  test.each([
    ['METRICS("m")', 'know'],
    ['RATE(one)', 'the function RATE'],
    ['one +', 'something is missing'],
    ['one two', 'two was not expected'],
    ['unknown', 'nothing has the id unknown'],
    ['1 + 2', 'there is no metric'],
    [`${search} + ${search}`, 'SUM them first'],
    ['FILL(one, LINEAR)', 'nothing has the id LINEAR'],
    ['FILL(one)', 'FILL of such arguments'],
    ['IF(one > 1, one)', 'know'],
  ])('%s is an error that says what is not known', (expression, reason) => {
    expect(() => evaluate(expression)).toThrow(reason);
  });
});

test('a line in the embedded metric format is a figure for each set of dimensions and each value', () => {
  const line = JSON.stringify({
    _aws: {
      Timestamp: noon,
      CloudWatchMetrics: [
        {
          Namespace: 'WebhookFanout',
          Dimensions: [['service', 'reason'], ['service']],
          Metrics: [{ Name: 'Refused' }],
        },
      ],
    },
    service: 'fanout-local',
    reason: 'bad-token',
    Refused: [1, 2],
  });
  const both = { service: 'fanout-local', reason: 'bad-token' };
  const metric = { namespace: 'WebhookFanout', metric: 'Refused' };
  expect(readEmbeddedMetrics(line)).toEqual([
    { id: { ...metric, dimensions: both }, value: 1, at: noon },
    { id: { ...metric, dimensions: both }, value: 2, at: noon },
    { id: { ...metric, dimensions: { service: 'fanout-local' } }, value: 1, at: noon },
    { id: { ...metric, dimensions: { service: 'fanout-local' } }, value: 2, at: noon },
  ]);
  expect(readEmbeddedMetrics('{"level":"INFO"}')).toEqual([]);
  expect(readEmbeddedMetrics('{"_aws":')).toEqual([]);
});

test('a filter of log lines asks for any of its terms', () => {
  const passes = parseLogFilter('?"ERROR" ?"Task timed out" ?Runtime');
  expect([passes('an ERROR'), passes('Task timed out after'), passes('Task timed'), passes('Runtime exited')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(() => parseLogFilter('[ip, user]')).toThrow('the filter pattern');
});

test("a log filter of fields looks at a line's fields, and never at words that stand elsewhere in it", () => {
  const passes = parseLogFilter('{ ($.level = "ERROR") || (($.type = "report") && ($.record.status != "success")) }');
  expect(passes('{"level":"ERROR"}')).toBe(true);
  expect(passes('{"type":"report","record":{"status":"timeout"}}')).toBe(true);
  expect(passes('{"type":"report","record":{"status":"success"}}')).toBe(false);
  expect(passes('{"type":"report"}')).toBe(false);
  expect(passes('{"level":"INFO","host":"report","eventType":"ERROR"}')).toBe(false);
  expect(passes('ERROR: no JSON')).toBe(false);
  expect(passes('{no JSON')).toBe(false);
});

test.each(['{ $.level = ERROR }', '{ $.level = "ERROR" } x', '{ ($.level = "ERROR" }', '{ $.n > 5 }', '{ }', '{'])(
  'a log filter %j is one that the local run does not know',
  (pattern) => {
    expect(() => parseLogFilter(pattern)).toThrow('the filter pattern');
  },
);

describe('an insights query', () => {
  const store = aStore(
    [aMetric({ service: 's', id: 'a' }), 1, 5],
    [aMetric({ service: 's', id: 'b' }), 3],
    [aMetric({ service: 'other', id: 'c' }), 100],
  );
  const range = { start: noon, end: noon + 2 * minute };

  it('has a line for each value that it groups by', () => {
    const query = 'SELECT MAX(M) FROM SCHEMA("N", service, id) WHERE service = \'s\' GROUP BY id ORDER BY MAX() DESC';
    const lines = runInsightsQuery(query, store, minute, range);
    expect(lines.map(({ id, points }) => [id?.dimensions, [...points.values()]])).toEqual([
      [{ id: 'a' }, [1, 5]],
      [{ id: 'b' }, [3]],
    ]);
  });

  it('of another form is an error', () => {
    expect(() => runInsightsQuery('SELECT MAX(M) FROM "N" LIMIT 5', store, minute, range)).toThrow('the query');
  });
});

describe('an alarm', () => {
  const anAlarm = (alarm: Partial<AlarmDefinition> = {}): AlarmDefinition => ({
    AlarmName: 'late',
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    EvaluationPeriods: 2,
    Threshold: 10,
    TreatMissingData: 'notBreaching',
    Namespace: 'N',
    MetricName: 'M',
    Statistic: 'Maximum',
    Period: 60,
    ...alarm,
  });
  const hour = { start: noon - 60 * minute, end: noon + 3 * minute };
  const stateOf = (alarm: AlarmDefinition, store: MetricStore, range = hour): string =>
    alarmState(alarm, store, range).state;

  it('rings when enough periods in a row are bad', () => {
    expect(stateOf(anAlarm(), aStore([aMetric(), 0, 10, 12]))).toBe('alarm');
    expect(stateOf(anAlarm(), aStore([aMetric(), 10, 10, 9]))).toBe('ok');
    expect(stateOf(anAlarm(), aStore([aMetric(), 10, 10, undefined]))).toBe('ok');
  });

  it('that wants some of its periods rings as soon as so many are bad, wherever they lie', () => {
    const oneOfThree = anAlarm({ EvaluationPeriods: 3, DatapointsToAlarm: 1 });
    expect(stateOf(oneOfThree, aStore([aMetric(), 12, 0, undefined]))).toBe('alarm');
    expect(stateOf(oneOfThree, aStore([aMetric(), 9, 9, 9]))).toBe('ok');
  });

  const silent = anAlarm({ ComparisonOperator: 'LessThanThreshold', Threshold: 1, TreatMissingData: 'breaching' });

  it('that takes silence for bad rings when nothing comes', () => {
    expect(stateOf(silent, aStore())).toBe('alarm');
    expect(stateOf(silent, aStore([aMetric(), undefined, undefined, 1]))).toBe('ok');
  });

  it('says nothing about the time before there was anything to watch', () => {
    const young = { start: noon + 2.5 * minute, end: noon + 3 * minute };
    expect(stateOf(silent, aStore(), young)).toBe('unknown');
    expect(stateOf(anAlarm(), aStore(), young)).toBe('ok');
    expect(
      stateOf(anAlarm({ EvaluationPeriods: 1 }), aStore([aMetric(), 0, 0, 12]), { ...young, start: noon + 2 * minute }),
    ).toBe('alarm');
  });

  it('on a query names who is bad', () => {
    const Expression =
      'SELECT MAX(M) FROM SCHEMA("N", service, id) WHERE service = \'s\' GROUP BY id ORDER BY MAX() DESC';
    const { Namespace: _, MetricName: __, Statistic: ___, Period: ____, ...rest } = anAlarm();
    const alarm = { ...rest, Metrics: [{ Id: 'e', Expression, Period: 60 }] };
    const store = aStore(
      [aMetric({ service: 's', id: 'crm' }), 1, 50, 50],
      [aMetric({ service: 's', id: 'mail' }), 50, 1, 50],
    );
    expect(alarmState(alarm, store, hour)).toMatchObject({ state: 'alarm', contributors: ['crm'] });
  });

  it('on an expression takes what it computes', () => {
    const stat = (Id: string) => ({
      Id,
      ReturnData: false,
      MetricStat: { Metric: { Namespace: 'N', MetricName: Id }, Period: 60, Stat: 'Sum' },
    });
    const { Namespace: _, MetricName: __, Statistic: ___, Period: ____, ...rest } = anAlarm({ EvaluationPeriods: 1 });
    const alarm = {
      ...rest,
      Metrics: [{ Id: 'e', Expression: 'FILL(one, 0) + FILL(two, 0)' }, stat('one'), stat('two')],
    };
    expect(stateOf(alarm, aStore([aMetric({}, 'one'), 0, 0, 10]))).toBe('alarm');
    expect(stateOf(alarm, aStore([aMetric({}, 'one'), 0, 0, 9]))).toBe('ok');
  });
});
