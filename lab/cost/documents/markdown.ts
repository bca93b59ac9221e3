/** The first column is text, and so are `texts`; the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], ...texts: number[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, column) => (column === 0 || texts.includes(column) ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}

export function bold(text: string): string {
  return `**${text}**`;
}
