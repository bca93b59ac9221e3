import { expect } from 'vitest';
import { formatFailure } from '../../../lab/simulator/report.ts';
import { type RunReport, simulate } from '../../../lab/simulator/simulation.ts';

/** Simulates a day for each seed; a seed that fails is shown with the steps that led there. */
export async function simulateDays(firstSeed: number, count: number): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const report = await simulate({ seed, days: 1 });
    reports.push(report);
    expect(report.violations.length === 0 ? '' : formatFailure(report, 1)).toBe('');
  }
  return reports;
}
