import type { Sample } from './metric-store.ts';

export type Statistic = (samples: readonly Sample[]) => number | undefined;

const countOf = (samples: readonly Sample[]): number => samples.reduce((sum, [, count]) => sum + count, 0);
const sumOf = (samples: readonly Sample[]): number => samples.reduce((sum, [value, count]) => sum + value * count, 0);

const simple: Readonly<Record<string, Statistic>> = {
  Sum: sumOf,
  SampleCount: countOf,
  Average: (samples) => sumOf(samples) / countOf(samples),
  Minimum: (samples) => Math.min(...samples.map(([value]) => value)),
  Maximum: (samples) => Math.max(...samples.map(([value]) => value)),
};

/**
 * CloudWatch's statistics by name: `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p95`. Undefined where the
 * local run does not know it. What it makes of no samples is undefined: no figure, and not 0.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
 */
export function statisticNamed(name: string): Statistic | undefined {
  const percent = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(name)?.[1];
  const found = percent === undefined ? simple[name] : percentile(Number(percent));
  return found && ((samples) => (samples.length === 0 ? undefined : found(samples)));
}

/** Between the two nearest values, by how near they are. */
function percentile(percent: number): Statistic {
  return (samples) => {
    const sorted = samples.toSorted(([one], [other]) => one - other);
    const rank = ((countOf(sorted) - 1) * percent) / 100;
    const [low, high] = [valueAt(sorted, Math.floor(rank)), valueAt(sorted, Math.ceil(rank))];
    return low + (high - low) * (rank - Math.floor(rank));
  };
}

function valueAt(sorted: readonly Sample[], index: number): number {
  let passed = 0;
  for (const [value, count] of sorted) {
    passed += count;
    if (index < passed) return value;
  }
  return sorted.at(-1)?.[0] ?? Number.NaN;
}
