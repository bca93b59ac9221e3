import { expect } from 'vitest';
import { formatFailure } from '../../../lab/simulator/report.ts';
import { type RunReport, simulate } from '../../../lab/simulator/simulation.ts';

interface Runs {
  readonly firstSeed: number;
  /** At most so many. */
  readonly count: number;
  readonly days?: number;
  /** None is begun later than this. */
  readonly forMs?: number;
}

/** One run for each seed; one that fails is shown with the steps that led there, and with the command that repeats it. */
export async function simulateSeeds({
  firstSeed,
  count,
  days = 1,
  forMs = Number.POSITIVE_INFINITY,
}: Runs): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  const endsAt = performance.now() + forMs;
  for (let seed = firstSeed; seed < firstSeed + count && performance.now() < endsAt; seed++) {
    const report = await simulate({ seed, days });
    reports.push(report);
    expect(report.violations.length === 0 ? '' : formatFailure(report, days)).toBe('');
  }
  return reports;
}
