import { describe, expect, it, test } from 'vitest';
import { createMetricStore, type MetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { lineClasses } from '../../../local/dashboard/chart.ts';
import { axisTicks, figureText, type Unit, unitOfTitle } from '../../../local/dashboard/figures.ts';
import { dashboardPage } from '../../../local/dashboard/page.ts';
import { type DrawnDashboard, drawDashboard, type GraphPanel } from '../../../local/dashboard/panels.ts';
import { stepSecondsFor } from '../../../local/dashboard/step-seconds.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const range = { start: noon, end: noon + 60_000 };
/** CloudWatch fills in the subscriber. */
const who = `\${PROP('Dim.subscriptionId')}`;
const place = { x: 0, y: 0, width: 6, height: 4 };

function aGraph(properties: Record<string, unknown> = {}, title = 'Failed attempts'): Record<string, unknown> {
  return {
    type: 'metric',
    ...place,
    properties: {
      title,
      view: 'timeSeries',
      region: 'us-east-1',
      metrics: [['N', 'M', { stat: 'Sum', period: 60 }]],
      ...properties,
    },
  };
}

function draw(
  widgets: readonly unknown[],
  { store = createMetricStore(), variables }: { store?: MetricStore; variables?: readonly unknown[] } = {},
): DrawnDashboard {
  const body = JSON.stringify({ widgets, ...(variables === undefined ? {} : { variables }) });
  const monitoring = { dashboards: [{ name: 'd', body }], alarms: [], filters: [] };
  return drawDashboard({ store, monitoring, range, stepSeconds: 10 });
}

function graphsOf(dashboard: DrawnDashboard): GraphPanel[] {
  return dashboard.panels.filter((panel) => panel.kind === 'graph');
}

describe('what a widget uses and nobody knows here is an error that names the widget, and no empty chart:', () => {
  const row = (options: Record<string, unknown>): Record<string, unknown> => ({ metrics: [['N', 'M', options]] });
  test.each<[string, Record<string, unknown>, string]>([
    ['a view', { view: 'pie' }, 'view'],
    ['a property', { liveData: true }, 'liveData'],
    ['a statistic', row({ stat: 'IQM' }), 'the statistic IQM'],
    ['an option of a row', row({ yAxis: 'right' }), 'yAxis'],
    ['a function', { metrics: [[{ expression: 'ANOMALY_DETECTION_BAND(m)' }]] }, 'the function ANOMALY_DETECTION_BAND'],
    ['a search', { metrics: [[{ expression: "SEARCH('{N} a OR b', 'Sum', 60)" }]] }, 'OR b'],
    ['a label', { metrics: [['N', 'M', { label: `\${LAST}`, stat: 'Sum' }]] }, `\${LAST}`],
    [
      'a row in short',
      {
        metrics: [
          ['N', 'M'],
          ['.', 'Other'],
        ],
      },
      'rows with "."',
    ],
    ['half a dimension', { metrics: [['N', 'M', 'QueueName']] }, 'has no value'],
    ['a vertical annotation', { annotations: { vertical: [] } }, 'vertical'],
  ])('%s', (_, properties, reason) => {
    expect(() => draw([aGraph(properties)])).toThrow('"Failed attempts"');
    expect(() => draw([aGraph(properties)])).toThrow(reason);
  });

  test('a type of widget', () => {
    const logs = { type: 'log', ...place, properties: { title: 'Errors', query: 'fields @message' } };
    expect(() => draw([logs])).toThrow('the widget "Errors": the local run does not know the type log');
  });

  test('an alarm that is not there', () => {
    const alarms = { type: 'alarm', ...place, properties: { title: 'Alarms', alarms: ['arn:x'] } };
    expect(() => draw([alarms])).toThrow('the widget "Alarms": no alarm is arn:x');
  });
});

describe('a graph', () => {
  const store = createMetricStore();
  for (const [subscriptionId, value] of [
    ['crm', 1],
    ['mail', 2],
  ] as const) {
    for (let second = 0; second < 60; second += 5) {
      store.put({ namespace: 'N', metric: 'M', dimensions: { subscriptionId } }, value, noon + second * 1000);
    }
  }
  const search = (label: string, where = ''): Record<string, unknown> => ({
    metrics: [[{ expression: `SEARCH('{N,subscriptionId} MetricName="M" ${where}', 'Sum', 60)`, label, period: 60 }]],
  });
  const variables = [
    {
      type: 'pattern',
      pattern: 'CHOSEN',
      inputType: 'select',
      id: 'who',
      label: 'Subscriber',
      search: '{N,subscriptionId} MetricName="M"',
      populateFrom: 'subscriptionId',
    },
  ];

  it('has a line for each that a search finds, with the steps that are drawn for a minute', () => {
    const [graph] = graphsOf(draw([aGraph(search(`who ${who}`))], { store }));
    expect(graph?.lines.map(({ label, points }) => [label, [...points.values()]])).toEqual([
      ['who crm', [2, 2, 2, 2, 2, 2]],
      ['who mail', [4, 4, 4, 4, 4, 4]],
    ]);
  });

  it('leaves out what is there for a computation only', () => {
    const metrics = [
      [{ expression: 'a * 10', label: 'ten times', period: 60 }],
      ['N', 'M', 'subscriptionId', 'crm', { id: 'a', visible: false, stat: 'Sum', period: 60 }],
    ];
    const [graph] = graphsOf(draw([aGraph({ metrics })], { store }));
    expect(graph?.lines.map(({ label, points }) => [label, [...points.values()][0]])).toEqual([['ten times', 20]]);
  });

  it('about what is chosen is drawn for each choice', () => {
    const graphs = graphsOf(draw([aGraph(search('due', 'subscriptionId="CHOSEN"'))], { store, variables }));
    expect(graphs.map(({ chosen, lines }) => [chosen, [...(lines[0]?.points.values() ?? [])][0]])).toEqual([
      ['crm', 2],
      ['mail', 4],
    ]);
  });

  it('of hours is one step of its own period', () => {
    const metrics = [['N', 'M', 'subscriptionId', 'crm', { stat: 'Sum', period: 3600 }]];
    const [graph] = graphsOf(draw([aGraph({ metrics, stacked: true }, 'USD per hour')], { store }));
    expect([...(graph?.lines[0]?.points ?? [])]).toEqual([[noon, 12]]);
  });

  it('gives each subscriber one colour wherever it is drawn, and tells its outcomes apart', () => {
    const line = (subject: string | undefined) => ({ label: '', periodMs: 1, points: new Map(), isSum: true, subject });
    const subjects = ['crm', 'mail', 'shop'];
    expect(lineClasses([line('shop'), line('mail'), line('shop')], subjects)).toEqual(['c2', 'c1', 'c2 d1']);
    expect(lineClasses([line('mail'), line('mail')], subjects)).toEqual(['c0', 'c1']);
    expect(lineClasses([line(undefined), line(undefined)], subjects)).toEqual(['c0', 'c1']);
  });

  it('shows where its alarm rings, or how far away that is', () => {
    const page = (value: number): string => {
      const annotations = { horizontal: [{ label: 'late:', value, color: '#d62728' }] };
      const widget = aGraph({ ...search('x'), annotations }, 'Oldest, s');
      return dashboardPage(draw([widget], { store }), { note: '' });
    };
    expect(page(5)).toContain('<line class="threshold"');
    expect(page(300)).not.toContain('<line class="threshold"');
    expect(page(300)).toContain('late: 5 min ↑');
  });

  it('never takes a name for markup', () => {
    const odd = createMetricStore();
    odd.put({ namespace: 'N', metric: 'M', dimensions: { subscriptionId: '</script><img src=x>' } }, 1, noon);
    const widgets = [aGraph(search(who)), aGraph(search('x', 'subscriptionId="CHOSEN"'))];
    const page = dashboardPage(draw(widgets, { store: odd, variables }), { note: '<note>' });
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<note>');
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });
});

describe('a figure is for people', () => {
  test.each<[number, Unit, string]>([
    [0, 'count', '0'],
    [7, 'count', '7'],
    [9_999, 'count', '9,999'],
    [12_345, 'count', '12.3k'],
    [999_960, 'count', '1M'],
    [2.5e9, 'count', '2.5G'],
    [0.25, 'count', '0.25'],
    [0.4, 'milliseconds', '0.4 ms'],
    [340.7, 'milliseconds', '341 ms'],
    [1_234, 'milliseconds', '1.23 s'],
    [120_000, 'milliseconds', '2 min'],
    [300, 'seconds', '5 min'],
    [7_200, 'seconds', '2 h'],
    [0, 'usd', '$0'],
    [0.000123, 'usd', '$0.00012'],
    [1.5, 'usd', '$1.50'],
    [1234.5, 'usd', '$1235'],
  ])('%d %s: %s', (value, unit, text) => {
    expect(figureText(value, unit)).toBe(text);
  });

  test.each([
    ['Event to 2xx, p95, ms', 'milliseconds'],
    ['Oldest due delivery, s', 'seconds'],
    ['USD per hour', 'usd'],
    ['Failed attempts', 'count'],
  ])('the title "%s" says that it is in %s', (title, unit) => {
    expect(unitOfTitle(title)).toBe(unit);
  });

  test.each<[number, Unit, number[]]>([
    [0, 'count', [0, 1]],
    [1, 'count', [0, 1]],
    [3, 'count', [0, 1, 2, 3]],
    [37, 'count', [0, 10, 20, 30, 40]],
    [310, 'milliseconds', [0, 100, 200, 300, 400]],
    [100_000, 'milliseconds', [0, 30_000, 60_000, 90_000, 120_000]],
    [300, 'seconds', [0, 120, 240, 360]],
  ])('an axis up to %d %s has round steps', (most, unit, ticks) => {
    expect(axisTicks(most, unit)).toEqual(ticks);
  });
});

test.each([
  [20, 1],
  [70, 2],
  [600, 20],
  [3600, 60],
])('a run of %d s is drawn in steps of %d s', (seconds, step) => {
  expect(stepSecondsFor({ start: 0, end: seconds * 1000 })).toBe(step);
});
