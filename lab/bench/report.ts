import Table from 'cli-table3';
import type { ReportTable, SectionReport, Target } from './section.ts';

export interface FinishedSection {
  readonly name: string;
  readonly report: SectionReport | { readonly failed: string };
  readonly seconds: number;
}

export interface Run {
  readonly startedAt: Date;
  readonly machine: Readonly<Record<string, string>>;
  readonly isBusy: boolean;
  readonly command: string;
  readonly sections: readonly FinishedSection[];
  /** Written by hand: what was found, what was gained. */
  readonly findings: string;
}

/** For the terminal. */
export function printSection({ name, report, seconds }: FinishedSection): string {
  if ('failed' in report) return `${name}: FAILED after ${seconds.toFixed(0)} s\n${report.failed}\n`;
  const lines = [`${report.title} (${seconds.toFixed(0)} s)`, ''];
  for (const table of report.tables) {
    if (table.caption !== undefined) lines.push(table.caption);
    lines.push(terminalTable(table), '');
  }
  for (const target of report.targets) lines.push(targetLine(target));
  return `${lines.join('\n')}\n`;
}

export function targetLine({ what, limit, found, isMet }: Target): string {
  return `${isMet ? 'met    ' : 'NOT MET'}  ${what}: ${found} (${limit})`;
}

function terminalTable({ head, rows, textColumns = [] }: ReportTable): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index === 0 || textColumns.includes(index) ? 'left' : 'right')),
    style: { head: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** RESULTS.md. */
export function resultsMarkdown({ startedAt, machine, isBusy, command, sections, findings }: Run): string {
  const targets = sections.flatMap(({ report }) => ('failed' in report ? [] : report.targets));
  return [
    '# Measurements',
    '',
    `Written by \`${command}\` on ${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC; only "What was found" is written by hand (in \`lab/bench/findings.md\`).`,
    '',
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    '',
    ...(isBusy
      ? [
          '**The machine was doing other work**: ratios of pairs taken in turn hold, elapsed times and rates do not.',
          '',
        ]
      : []),
    'Figures are medians; in brackets the middle half of the values. A ratio is taken pair by pair, within one process, the two sides in turn.',
    '',
    '## Targets',
    '',
    markdownTable({
      head: ['target', 'limit', 'found', ''],
      textColumns: [1, 3],
      rows: targets.map(({ what, limit, found, isMet }) => [what, limit, found, isMet ? 'met' : '**not met**']),
    }),
    '',
    ...sections.flatMap(sectionMarkdown),
    findings.trimEnd(),
    '',
  ].join('\n');
}

function sectionMarkdown({ name, report }: FinishedSection): string[] {
  if ('failed' in report) return [`## ${name}`, '', `This section failed: ${report.failed.split('\n')[0]}`, ''];
  return [
    `## ${report.title}`,
    '',
    report.method,
    '',
    ...report.tables.flatMap((table) => [
      ...(table.caption === undefined ? [] : [`${table.caption}:`, '']),
      markdownTable(table),
      '',
    ]),
  ];
}

function markdownTable({ head, rows, textColumns = [] }: ReportTable): string {
  const rule = head.map((_, index) => (index === 0 || textColumns.includes(index) ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
