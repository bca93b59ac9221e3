/** An expression, a statistic or a widget that CloudWatch may know and the local run does not. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
}
