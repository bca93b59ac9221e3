/** One metric of one set of dimensions. */
export interface MetricId {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** From `start` on and before `end`; epoch ms. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

/** A value, and how often it was put. */
export type Sample = readonly [value: number, count: number];

/** Figures as CloudWatch keeps them: every value, in steps of one second, which is the finest that it has. */
export interface MetricStore {
  /** Throws for a value that is no finite number. `at` is epoch ms. */
  put(id: MetricId, value: number, at: number): void;
  /** All metrics, in the order in which they first came. */
  list(): readonly MetricId[];
  /** What was put in the range: each second in which something was, epoch ms, with all of its values. */
  seconds(id: MetricId, range: TimeRange): Iterable<readonly [at: number, samples: readonly Sample[]]>;
  /** When the first figure was put; undefined: there is none. */
  firstAt(): number | undefined;
}

export interface MetricStoreOptions {
  /** What is older goes. Default three hours, which is what the dashboard shows. */
  readonly keepSeconds?: number;
}

interface Series {
  readonly id: MetricId;
  /** By epoch second: value to count. */
  readonly seconds: Map<number, Map<number, number>>;
}

export function createMetricStore({ keepSeconds = 3 * 3600 }: MetricStoreOptions = {}): MetricStore {
  const byKey = new Map<string, Series>();
  let first: number | undefined;

  function forget(series: Series, second: number): void {
    // Seconds come in order but for a few, so the oldest stand first.
    for (const known of series.seconds.keys()) {
      if (known >= second - keepSeconds) break;
      series.seconds.delete(known);
    }
  }

  return {
    put(id, value, at) {
      if (!Number.isFinite(value)) throw new Error(`${id.namespace} ${id.metric}: ${value} is no figure`);
      const key = keyOf(id);
      let series = byKey.get(key);
      if (series === undefined) {
        series = { id, seconds: new Map() };
        byKey.set(key, series);
      }
      const second = Math.floor(at / 1000);
      let values = series.seconds.get(second);
      if (values === undefined) {
        forget(series, second);
        values = new Map();
        series.seconds.set(second, values);
      }
      values.set(value, (values.get(value) ?? 0) + 1);
      first = Math.min(first ?? at, at);
    },
    list: () => [...byKey.values()].map(({ id }) => id),
    *seconds(id, { start, end }) {
      for (const [second, values] of byKey.get(keyOf(id))?.seconds ?? []) {
        const at = second * 1000;
        // The second in which the range begins is a part of it.
        if (at > start - 1000 && at < end) yield [at, [...values]];
      }
    },
    firstAt: () => first,
  };
}

function keyOf({ namespace, metric, dimensions }: MetricId): string {
  return JSON.stringify([namespace, metric, Object.entries(dimensions).sort()]);
}
