import type { RunReport } from './simulation.ts';

/** What went wrong with a seed, what led to it, and how to see it again. */
export function formatFailure({ seed, violations, history }: RunReport, days: number): string {
  return [
    `seed ${seed}: ${violations.length === 1 ? 'an invariant does' : `${violations.length} invariants do`} not hold`,
    ...violations.slice(0, 5).map(({ invariant, text }) => `  ${invariant}: ${text}`),
    '  the last steps that concern the first:',
    ...history.map((line) => `    ${line}`),
    `  again: npm run simulate -- --seed ${seed} --days ${days}`,
    '',
  ].join('\n');
}

export function formatSummary(reports: readonly RunReport[], days: number, tookMs: number): string {
  const failed = reports.filter(({ violations }) => violations.length > 0);
  const sum = (of: (report: RunReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const lines: readonly (readonly [string, string])[] = [
    ['seeds', `${reports.length}, of ${days} ${days === 1 ? 'day' : 'days'} each; ${failed.length} failed`],
    [
      'simulated',
      `${Math.round(sum(({ counts }) => counts.simulatedMs) / 3_600_000).toLocaleString('en')} hours, rest included`,
    ],
    ['took', `${(tookMs / 1000).toFixed(1)} s, ${Math.round(tookMs / reports.length / days)} ms a day`],
    ['steps', sum(({ counts }) => counts.steps).toLocaleString('en')],
    ['events accepted', sum(({ counts }) => counts.eventsAccepted).toLocaleString('en')],
    ['entries on the bus', sum(({ counts }) => counts.entriesPublished).toLocaleString('en')],
    ['attempts', sum(({ counts }) => counts.attempts).toLocaleString('en')],
    ['answered 2xx', sum(({ counts }) => counts.answered2xx).toLocaleString('en')],
    ['the ledger says', inWords(total(reports, ({ counts }) => counts.ledger))],
    ['twice, excused', inWords(total(reports, ({ counts }) => counts.doubles))],
    ['faults', inWords(total(reports, ({ counts }) => Object.fromEntries(counts.faults)))],
  ];
  return lines.map(([name, value]) => `${name.padEnd(20)}${value}`).join('\n');
}

function total(
  reports: readonly RunReport[],
  countsOf: (report: RunReport) => Readonly<Record<string, number>>,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const report of reports) {
    for (const [name, count] of Object.entries(countsOf(report))) sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return sums;
}

/** The most frequent first. */
function inWords(counts: ReadonlyMap<string, number>): string {
  const ordered = [...counts].sort(([, one], [, other]) => other - one);
  return ordered.map(([name, count]) => `${count.toLocaleString('en')} ${name}`).join(', ');
}
