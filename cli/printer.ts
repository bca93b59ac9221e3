import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { JsonValue } from '../lambdas/json/json.ts';
import type { Surroundings } from './surroundings.ts';
import { visibleJson, visibleText } from './visible-text.ts';

type Style = Parameters<typeof styleText>[0];

/** What people see. `undefined` cells are empty. */
export type Cell = string | number | undefined;

export interface Printer {
  /** The one JSON document with `--json`, or else the text for people, on standard output. */
  result(document: JsonValue, text: () => string): void;
  /** What happens meanwhile, on standard error, so that it never mixes with the result. */
  notice(line: string, style?: Style): void;
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): string;
  /** One line per field; fields without a value are left out. */
  details(fields: readonly (readonly [label: string, value: Cell])[]): string;
  paint(style: Style, text: string): string;
}

const noBorders = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((name) => [name, '']),
);
const columnGap = '   ';

export function createPrinter({ stdout, stderr }: Surroundings, options: { readonly json: boolean }): Printer {
  const isColoured = stdout.isTTY === true && (stdout.hasColors?.() ?? false);
  const paint = (style: Style, text: string): string =>
    isColoured && text !== '' ? styleText(style, text, { validateStream: false }) : text;

  function render(rows: readonly (readonly string[])[]): string {
    const table = new Table({
      chars: { ...noBorders, middle: columnGap },
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    });
    table.push(...rows.map((row) => [...row]));
    return table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n');
  }

  /** On a terminal the last column gives way, so that each row stays a line; what is piped is never cut. */
  function cutLastColumn(rows: readonly (readonly string[])[]): string[][] {
    const columns = stdout.isTTY === true ? stdout.columns : undefined;
    if (columns === undefined) return rows.map((row) => [...row]);
    const widths = rows.map((row) => row.slice(0, -1).map((text) => text.length));
    const used = (widths[0] ?? []).reduce(
      (sum, _, column) => sum + columnGap.length + Math.max(...widths.map((row) => row[column] ?? 0)),
      0,
    );
    const room = Math.max(columns - used, 12);
    return rows.map((row) =>
      row.map((text, column) =>
        column === row.length - 1 && text.length > room ? `${text.slice(0, room - 1)}…` : text,
      ),
    );
  }

  return {
    paint,
    result(document, text) {
      const output = options.json ? visibleJson(JSON.stringify(document, undefined, 2)) : text();
      if (output !== '') stdout.write(`${output}\n`);
    },
    notice(line, style) {
      const text = visibleText(line);
      stderr.write(`${style === undefined ? text : paint(style, text)}\n`);
    },
    table(head, rows) {
      const [first = [], ...others] = cutLastColumn([head, ...rows.map((row) => row.map(cellText))]);
      return render([first.map((title) => paint('bold', title)), ...others.map((row) => row.map(colourWord))]);
    },
    details(fields) {
      return render(
        fields.flatMap(([label, value]) =>
          value === undefined || value === '' ? [] : [[paint('bold', label), colourWord(cellText(value))]],
        ),
      );
    },
  };

  function colourWord(text: string): string {
    const style = wordStyles.get(text);
    return style === undefined ? text : paint(style, text);
  }
}

const wordStyles: ReadonlyMap<string, Style> = new Map(
  Object.entries<Style>({
    active: 'green',
    ready: 'green',
    delivered: 'green',
    accepted: 'green',
    paused: 'yellow',
    pending: 'yellow',
    retrying: 'yellow',
    waiting: 'yellow',
    completed: 'green',
    queued: 'yellow',
    cancelled: 'yellow',
    failed: 'red',
    disabled: 'red',
    rejected: 'red',
    exhausted: 'red',
    discarded: 'red',
  }),
);

function cellText(cell: Cell): string {
  return visibleText(String(cell ?? ''));
}

/** `2026-11-22 03:08:17`, of an instant in ISO 8601. */
export function shortTime(value: unknown): string | undefined {
  return typeof value === 'string' ? value.replace('T', ' ').replace(/(\.\d+)?Z$/, '') : undefined;
}
