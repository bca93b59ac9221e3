import type { TimeRange } from '../aws/metrics/metric-store.ts';

/** So that a curve has about forty figures: a second for half a minute, CloudWatch's own minute from three quarters of an hour. */
export function stepSecondsFor({ start, end }: TimeRange): number {
  const rough = (end - start) / 1000 / 40;
  return [1, 2, 5, 10, 20, 30].find((candidate) => candidate >= rough) ?? 60;
}
