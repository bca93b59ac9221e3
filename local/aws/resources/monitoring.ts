import * as z from 'zod';
import { alarmSchema } from '../metrics/alarm-state.ts';
import { parseLogFilter } from '../metrics/log-filter.ts';
import { physicalName, resourceMaker, withoutEffect } from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html */
export const makeAlarm = resourceMaker(alarmSchema, (definition, { region, accountId, monitoring }) => {
  const { AlarmName: name } = definition;
  const arn = `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}`;
  monitoring.alarms.push({ arn, definition });
  return { ref: name, attributes: { Arn: arn } };
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-dashboard.html */
export const makeDashboard = resourceMaker(
  z.strictObject({ DashboardName: z.optional(z.string()), DashboardBody: z.string() }),
  ({ DashboardName, DashboardBody: body }, world, { logicalId }) => {
    const name = DashboardName ?? physicalName(world, logicalId);
    world.monitoring.dashboards.push({ name, body });
    return { ref: name };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html */
export const makeLogGroup = resourceMaker(
  z.strictObject({
    LogGroupName: z.optional(z.string()),
    // The newest lines are kept, in memory.
    RetentionInDays: z.optional(withoutEffect),
    Tags: z.optional(withoutEffect),
  }),
  ({ LogGroupName }, world, { logicalId }) => {
    const name = LogGroupName ?? physicalName(world, logicalId);
    world.logGroups.add(name);
    return {
      ref: name,
      attributes: { Arn: `arn:aws:logs:${world.region}:${world.accountId}:log-group:${name}:*` },
    };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html */
export const makeMetricFilter = resourceMaker(
  z.strictObject({
    FilterName: z.optional(z.string()),
    FilterPattern: z.string(),
    LogGroupName: z.string(),
    MetricTransformations: z.array(
      z.strictObject({
        MetricName: z.string(),
        MetricNamespace: z.string(),
        MetricValue: z.string().regex(/^\d+(\.\d+)?$/, 'the local run knows a figure only, and no field of the line'),
      }),
    ),
  }),
  ({ FilterName, FilterPattern, LogGroupName: logGroupName, MetricTransformations }, world, { logicalId }) => {
    const passes = parseLogFilter(FilterPattern);
    for (const { MetricNamespace: namespace, MetricName: metric, MetricValue } of MetricTransformations) {
      world.monitoring.filters.push({ logGroupName, passes, namespace, metric, value: Number(MetricValue) });
    }
    return { ref: FilterName ?? physicalName(world, logicalId) };
  },
);
