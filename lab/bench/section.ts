/** What one part of the measurements found, as data: `report.ts` writes it, for the terminal and for RESULTS.md. */
export interface SectionReport {
  readonly title: string;
  /** What was measured and how, in Markdown. */
  readonly method: string;
  readonly tables: readonly ReportTable[];
  readonly targets: readonly Target[];
}

export interface ReportTable {
  readonly caption?: string;
  readonly head: readonly string[];
  /** Columns from the second on are figures, unless listed here. */
  readonly textColumns?: readonly number[];
  readonly rows: readonly (readonly string[])[];
}

export interface Target {
  readonly what: string;
  /** As text: `at most 1.30`. */
  readonly limit: string;
  readonly found: string;
  readonly isMet: boolean;
}

export interface SectionOptions {
  /** Fewer rounds: for a first look, in under a minute for all sections together. */
  readonly quick: boolean;
}

export type Section = (options: SectionOptions) => Promise<SectionReport>;

/** `at most` targets of figures. */
export function atMost(what: string, limit: number, found: number, format: (value: number) => string): Target {
  return { what, limit: `at most ${format(limit)}`, found: format(found), isMet: found <= limit };
}
