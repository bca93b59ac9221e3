import { describe, expect, test } from 'vitest';
import { ofType, synthesise } from '../../lab/support/synthesised.ts';
import { type MetricName, metrics } from '../../lambdas/contracts/metrics.ts';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly metrics?: unknown[][];
    readonly alarms?: string[];
  };
}

const template = synthesise();

/** The body with each reference as the logical id that it refers to. */
function bodyOf(value: unknown): string {
  const { 'Fn::Join': join } = value as { 'Fn::Join': [string, unknown[]] };
  return join[1]
    .map((part) => {
      if (typeof part === 'string') return part;
      const { Ref, 'Fn::GetAtt': attribute } = part as { Ref?: string; 'Fn::GetAtt'?: [string] };
      return Ref ?? attribute?.[0] ?? '';
    })
    .join('');
}

const text = bodyOf(ofType(template, 'AWS::CloudWatch::Dashboard')[0]?.[1].Properties.DashboardBody);
const { widgets, variables } = JSON.parse(text) as { widgets: Widget[]; variables: Record<string, unknown>[] };
const expressions = widgets.flatMap(({ properties }) =>
  (properties.metrics ?? []).flatMap((row) => {
    const last = row.at(-1) as { expression?: string };
    return last.expression === undefined ? [] : [last.expression];
  }),
);

test('answers the questions of a bad night in the order in which they are asked', () => {
  const questions = widgets.flatMap(({ properties }) => /### (.*)/.exec(properties.markdown ?? '')?.[1] ?? []);
  expect(questions).toEqual([
    'Is anything lost?',
    'Who is failing?',
    'How late are we?',
    'How much flows?',
    'What does it cost?',
    'One subscriber',
  ]);
});

test('is one screen: six rows, each as wide as the grid', () => {
  const rows = Map.groupBy(widgets, ({ y }) => y);
  expect([...rows.keys()]).toEqual([0, 4, 8, 12, 16, 20]);
  for (const row of rows.values()) expect(row.reduce((sum, { width }) => sum + width, 0)).toBe(24);
});

test('shows every alarm', () => {
  const shown = widgets.flatMap(({ properties }) => properties.alarms ?? []);
  expect(shown.sort()).toEqual(
    ofType(template, 'AWS::CloudWatch::Alarm')
      .map(([id]) => id)
      .sort(),
  );
});

describe('every metric that the functions emit is shown', () => {
  test.each(Object.keys(metrics) as MetricName[])('%s', (name) => {
    const { dimensions } = metrics[name];
    if (dimensions.length === 0) {
      expect(text).toContain(`["WebhookFanout","${name}","service","fanout-prod"`);
    } else {
      const schema = `{${['WebhookFanout', 'service', ...dimensions].join(',')}} MetricName="${name}" service="fanout-prod"`;
      expect(expressions.filter((expression) => expression.includes(schema))).not.toEqual([]);
    }
  });
});

test('is narrowed to the subscriber that is chosen, out of those that have had deliveries', () => {
  expect(variables).toEqual([
    {
      type: 'pattern',
      pattern: 'CHOSEN_SUBSCRIBER',
      inputType: 'select',
      id: 'subscriber',
      label: 'Subscriber',
      defaultValue: '__FIRST',
      search: '{WebhookFanout,service,subscriptionId} MetricName="EventToDelivered" service="fanout-prod"',
      populateFrom: 'subscriptionId',
    },
  ]);
  expect(expressions.filter((expression) => expression.includes('CHOSEN_SUBSCRIBER'))).toHaveLength(8);
});

test('has no number that metric math cannot read', () => {
  expect(expressions.filter((expression) => /\de[-+]?\d/.test(expression))).toEqual([]);
});
