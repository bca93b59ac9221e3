import { MetricError } from './metric-error.ts';
import type { MetricId, MetricStore, Sample, TimeRange } from './metric-store.ts';
import { statisticNamed } from './statistic.ts';

/** One line of a graph. */
export interface TimeSeries {
  /** The metric that it is of; undefined: it was computed. */
  readonly id?: MetricId;
  /** Width of a step. */
  readonly periodMs: number;
  /** By the beginning of the step, epoch ms, in order. A step without a figure is left out. */
  readonly points: ReadonlyMap<number, number>;
}

/** The beginnings of the steps that cover a range. A range shorter than the period is one step, from its own beginning. */
export function stepsOf({ start, end }: TimeRange, periodMs: number): number[] {
  if (end - start <= periodMs) return [start];
  const steps: number[] = [];
  for (let step = Math.floor(start / periodMs) * periodMs; step < end; step += periodMs) steps.push(step);
  return steps;
}

/** All samples of some metrics, by the step that they fall into. */
export function samplesByStep(
  store: MetricStore,
  ids: readonly MetricId[],
  periodMs: number,
  range: TimeRange,
): Map<number, Sample[]> {
  const byStep = new Map(stepsOf(range, periodMs).map((step): [number, Sample[]] => [step, []]));
  const isOneStep = byStep.size === 1;
  for (const id of ids) {
    for (const [at, samples] of store.seconds(id, range)) {
      const step = isOneStep ? range.start : Math.floor(at / periodMs) * periodMs;
      byStep.get(step)?.push(...samples);
    }
  }
  return byStep;
}

/** Throws `MetricError` for a statistic that the local run does not know. */
export function readSeries(
  store: MetricStore,
  id: MetricId,
  statisticName: string,
  periodMs: number,
  range: TimeRange,
): TimeSeries {
  const statistic = statisticNamed(statisticName);
  if (statistic === undefined) throw new MetricError(`the local run does not know the statistic ${statisticName}`);
  const points = new Map<number, number>();
  for (const [step, samples] of samplesByStep(store, [id], periodMs, range)) {
    const value = statistic(samples);
    if (value !== undefined) points.set(step, value);
  }
  return { id, periodMs, points };
}
