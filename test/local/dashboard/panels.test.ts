import { describe, expect, it, test } from 'vitest';
import { createMetricStore, type MetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { figureText, type Unit, unitOfTitle } from '../../../local/dashboard/figures.ts';
import { dashboardPage } from '../../../local/dashboard/page.ts';
import { type DashboardFigures, dashboardFigures, type FiguresPanel } from '../../../local/dashboard/panels.ts';

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
): DashboardFigures {
  const body = JSON.stringify({ widgets, ...(variables === undefined ? {} : { variables }) });
  const monitoring = { dashboards: [{ name: 'd', body }], alarms: [], filters: [] };
  return dashboardFigures({ store, monitoring, range });
}

function graphsOf(dashboard: DashboardFigures): FiguresPanel[] {
  return dashboard.panels.filter((panel) => panel.kind === 'figures');
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

describe('a widget of metrics', () => {
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

  it('has a line for each that a search finds, with a figure for the whole time', () => {
    const [widget] = graphsOf(draw([aGraph(search(`who ${who}`))], { store }));
    expect(widget?.lines).toEqual([
      { label: 'who crm', value: 12 },
      { label: 'who mail', value: 24 },
    ]);
  });

  it('leaves out what is there for a computation only', () => {
    const metrics = [
      [{ expression: 'a * 10', label: 'ten times', period: 60 }],
      ['N', 'M', 'subscriptionId', 'crm', { id: 'a', visible: false, stat: 'Sum', period: 60 }],
    ];
    const [widget] = graphsOf(draw([aGraph({ metrics })], { store }));
    expect(widget?.lines).toEqual([{ label: 'ten times', value: 120 }]);
  });

  it('about what is chosen is there for each choice', () => {
    const widgets = graphsOf(draw([aGraph(search('due', 'subscriptionId="CHOSEN"'))], { store, variables }));
    expect(widgets.map(({ title, lines }) => [title, lines[0]?.value])).toEqual([
      ['Failed attempts · crm', 12],
      ['Failed attempts · mail', 24],
    ]);
  });

  it('says where its alarm rings, and that there is no figure', () => {
    const annotations = { horizontal: [{ label: 'late:', value: 300, color: '#d62728' }] };
    const metrics = [['N', 'Misspelt', { stat: 'Sum', period: 60 }]];
    const page = dashboardPage(draw([aGraph({ metrics, annotations }, 'Oldest, s')], { store }), 5);
    expect(page).toContain('late: 5 min');
    expect(page).toContain('none in this time');
  });

  it('never takes a name for markup', () => {
    const odd = createMetricStore();
    odd.put({ namespace: 'N', metric: 'M', dimensions: { subscriptionId: '</script><img src=x>' } }, 1, noon);
    const widgets = [aGraph(search(who)), aGraph(search('x', 'subscriptionId="CHOSEN"'))];
    const page = dashboardPage(draw(widgets, { store: odd, variables }), 5);
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<script');
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
});
