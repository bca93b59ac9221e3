import * as z from 'zod';
import { MetricError } from '../aws/metrics/metric-error.ts';

/**
 * The body of a CloudWatch dashboard, as far as the local run draws it. Whatever else stands in one is an error: a chart
 * that left something out would look like one on which nothing happens.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
const place = { x: z.number(), y: z.number(), width: z.number(), height: z.number() };

const rowOptions = z.strictObject({
  id: z.optional(z.string()),
  label: z.optional(z.string()),
  period: z.optional(z.number()),
  stat: z.optional(z.string()),
  visible: z.optional(z.boolean()),
  expression: z.optional(z.string()),
  color: z.optional(z.string()),
});

const axis = z.strictObject({
  min: z.optional(z.number()),
  showUnits: z.optional(z.boolean()),
});

const textWidget = z.strictObject({
  type: z.literal('text'),
  ...place,
  properties: z.strictObject({ markdown: z.string(), background: z.optional(z.string()) }),
});

const alarmWidget = z.strictObject({
  type: z.literal('alarm'),
  ...place,
  properties: z.strictObject({ title: z.string(), alarms: z.array(z.string()) }),
});

const metricWidget = z.strictObject({
  type: z.literal('metric'),
  ...place,
  properties: z.strictObject({
    title: z.string(),
    view: z.enum(['timeSeries', 'singleValue']),
    // One region here.
    region: z.string(),
    metrics: z.array(z.array(z.union([z.string(), rowOptions]))),
    stacked: z.optional(z.boolean()),
    yAxis: z.optional(z.strictObject({ left: z.optional(axis) })),
    // The latest figure, and not one figure for the whole time.
    setPeriodToTimeRange: z.optional(z.literal(false)),
    annotations: z.optional(
      z.strictObject({
        horizontal: z.array(
          z.strictObject({
            label: z.optional(z.string()),
            value: z.number(),
            color: z.optional(z.string()),
            yAxis: z.optional(z.literal('left')),
          }),
        ),
      }),
    ),
  }),
});

const variable = z.strictObject({
  type: z.literal('pattern'),
  pattern: z.string(),
  inputType: z.literal('select'),
  id: z.string(),
  label: z.string(),
  defaultValue: z.optional(z.literal('__FIRST')),
  search: z.string(),
  populateFrom: z.string(),
});

const widgets = { text: textWidget, alarm: alarmWidget, metric: metricWidget } as const;

const bodySchema = z.strictObject({
  start: z.optional(z.string()),
  variables: z.optional(z.array(variable).max(1, 'the local run knows one variable')),
  widgets: z.array(z.unknown()),
});

export type RowOptions = z.infer<typeof rowOptions>;
export type MetricWidget = z.infer<typeof metricWidget>;
export type Widget = z.infer<(typeof widgets)[keyof typeof widgets]>;
export type DashboardVariable = z.infer<typeof variable>;

export interface DashboardBody {
  readonly variable: DashboardVariable | undefined;
  readonly widgets: readonly Widget[];
}

/** Throws `MetricError` that names the widget. */
export function readDashboardBody(text: string): DashboardBody {
  const body = bodySchema.safeParse(JSON.parse(text));
  if (!body.success) throw new MetricError(`the dashboard: ${z.prettifyError(body.error)}`);
  return { variable: body.data.variables?.[0], widgets: body.data.widgets.map(readWidget) };
}

function readWidget(given: unknown): Widget {
  const { type, properties } = given as { type?: string; properties?: { title?: string; markdown?: string } };
  const schema = Object.hasOwn(widgets, type ?? '') ? widgets[type as keyof typeof widgets] : undefined;
  const name = properties?.title ?? properties?.markdown ?? 'without a title';
  if (schema === undefined) throw new MetricError(`the widget "${name}": the local run does not know the type ${type}`);
  const read = schema.safeParse(given);
  if (!read.success) throw new MetricError(`the widget "${name}": ${z.prettifyError(read.error)}`);
  return read.data;
}
