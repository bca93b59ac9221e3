import type { MetricId } from './metric-store.ts';

export interface EmbeddedMetric {
  readonly id: MetricId;
  readonly value: number;
  /** Epoch ms. */
  readonly at: number;
}

interface Embedded {
  readonly _aws?: {
    readonly Timestamp?: number;
    readonly CloudWatchMetrics?: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

/**
 * The metrics in a log line of the embedded metric format; none where it is another line.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function readEmbeddedMetrics(line: string): EmbeddedMetric[] {
  if (!line.startsWith('{') || !line.includes('"_aws"')) return [];
  let parsed: Embedded;
  try {
    parsed = JSON.parse(line) as Embedded;
  } catch {
    return [];
  }
  const at = parsed._aws?.Timestamp;
  if (at === undefined) return [];
  return (parsed._aws?.CloudWatchMetrics ?? []).flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, String(parsed[name])]));
      return Metrics.flatMap(({ Name: metric }) => {
        const values = [parsed[metric]].flat().filter((value) => typeof value === 'number');
        return values.map((value) => ({ id: { namespace, metric, dimensions }, value, at }));
      });
    }),
  );
}
