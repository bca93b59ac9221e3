/**
 * Told of what AWS measures by itself, in CloudWatch's own names: `('AWS/SQS', 'NumberOfMessagesSent', {QueueName}, 1)`.
 * Source: the pages "metrics" of each service's guide, as linked where it is called.
 */
export type Measure = (
  namespace: string,
  metric: string,
  dimensions: Readonly<Record<string, string>>,
  value: number,
) => void;

export function measureNothing(): void {}
