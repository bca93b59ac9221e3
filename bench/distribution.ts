import Table from 'cli-table3';

/** A quantile of numbers, by the nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Median, high quantiles and maximum, a row for each series. */
export function distributionTable(series: Readonly<Record<string, readonly number[]>>, unit: string): string {
  const table = new Table({
    head: ['', 'n', 'p50', 'p95', 'p99', 'max'].map((head, index) => (index > 1 ? `${head} ${unit}` : head)),
    style: { head: [] },
  });
  for (const [name, values] of Object.entries(series)) {
    table.push([name, values.length, ...[0.5, 0.95, 0.99, 1].map((share) => quantile(values, share).toFixed(0))]);
  }
  return table.toString();
}
