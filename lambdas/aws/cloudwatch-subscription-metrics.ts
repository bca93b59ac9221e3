import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import { type MetricName, metricNamespace, metrics, serviceDimension } from '../contracts/metrics.ts';
import { failureKinds } from '../domain/deliveries/attempt-outcome.ts';
import { routeNames } from '../domain/routes/desired-route.ts';
import type { SubscriptionMetrics } from '../manage/ports.ts';

/**
 * One GetMetricData for all figures of a subscription: each asked for by name, since a search does not find what is
 * younger than some minutes. A period without figures is there, with zeros.
 */
export function cloudwatchSubscriptionMetrics(client: CloudWatchClient, routePrefix: string): SubscriptionMetrics {
  return {
    async read(subscriptionId, { from, to, periodSeconds }) {
      const periodMs = periodSeconds * 1000;
      const start = Math.floor(from / periodMs) * periodMs;
      const end = Math.max(Math.ceil(to / periodMs) * periodMs, start + periodMs);
      const own = (name: MetricName, statistic: string, ...values: readonly string[]) =>
        statOf(metricNamespace, name, statistic, {
          [serviceDimension]: routePrefix,
          ...Object.fromEntries(metrics[name].dimensions.map((dimension, index) => [dimension, values[index] ?? ''])),
        });
      const statOf = (
        Namespace: string,
        MetricName: string,
        Stat: string,
        dimensions: Readonly<Record<string, string>>,
      ): Omit<MetricDataQuery, 'Id'> => ({
        MetricStat: {
          Metric: {
            Namespace,
            MetricName,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: periodSeconds,
          Stat,
        },
      });
      const { queue } = routeNames(routePrefix, subscriptionId);
      const visible = 'ApproximateNumberOfMessagesVisible';
      const queries: Record<string, Omit<MetricDataQuery, 'Id'>> = {
        ...Object.fromEntries(
          failureKinds.map((outcome) => [outcome, own('AttemptsFailed', 'Sum', subscriptionId, outcome)]),
        ),
        delivered: own('EventToDelivered', 'SampleCount', subscriptionId),
        p50: own('EventToDelivered', 'p50', subscriptionId),
        p95: own('EventToDelivered', 'p95', subscriptionId),
        waiting: statOf('AWS/SQS', visible, 'Maximum', { QueueName: queue }),
      };
      const figures = new Map<string, Map<number, number>>();
      let NextToken: string | undefined;
      do {
        let page: { MetricDataResults?: MetricDataResult[] | undefined; NextToken?: string | undefined };
        try {
          page = await client.send(
            new GetMetricDataCommand({
              MetricDataQueries: Object.entries(queries).map(([Id, query]) => ({ Id, ...query })),
              StartTime: new Date(start),
              EndTime: new Date(end),
              ScanBy: 'TimestampAscending',
              ...(NextToken === undefined ? {} : { NextToken }),
            }),
          );
        } catch (error) {
          if (error instanceof Error && error.name.startsWith('Throttl')) return { kind: 'throttled' };
          throw error;
        }
        for (const { Id = '', Timestamps = [], Values = [] } of page.MetricDataResults ?? []) {
          const known = figures.get(Id) ?? new Map<number, number>();
          Timestamps.forEach((at, index) => {
            known.set(at.getTime(), Values[index] ?? 0);
          });
          figures.set(Id, known);
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      const figure = (id: string, at: number): number | undefined => figures.get(id)?.get(at);
      const periods = Array.from({ length: (end - start) / periodMs }, (_, index) => {
        const at = start + index * periodMs;
        const p50Ms = figure('p50', at);
        const p95Ms = figure('p95', at);
        const waiting = figure('waiting', at);
        return {
          at,
          delivered: figure('delivered', at) ?? 0,
          failed: failureKinds.reduce((sum, outcome) => sum + (figure(outcome, at) ?? 0), 0),
          ...(p50Ms === undefined ? {} : { p50Ms }),
          ...(p95Ms === undefined ? {} : { p95Ms }),
          ...(waiting === undefined ? {} : { waiting }),
        };
      });
      return { kind: 'read', periods };
    },
  };
}
