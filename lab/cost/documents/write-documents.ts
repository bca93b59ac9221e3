import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Units } from '../units.ts';
import { blocks } from './blocks.ts';
import { costPage } from './cost-page.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Documents with marked texts. docs/cost.md is the calculator's from its first line to its last. */
const marked = [
  'README.md',
  'docs/deploying.md',
  'docs/subscriptions.md',
  'lab/bench/findings.md',
  'lab/bench/RESULTS.md',
];

/** What each document is with today's figures, by its path. */
export function documents(units: Units): ReadonlyMap<string, string> {
  const texts = blocks(units);
  return new Map([
    ['docs/cost.md', costPage(units)],
    ...marked.map((path) => [path, withBlocks(readDocument(path), texts)] as const),
  ]);
}

/** Writes those that have changed; answers with their paths. */
export function writeDocuments(units: Units): string[] {
  const changed = [...documents(units)].filter(([path, text]) => text !== readDocument(path));
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
  return changed.map(([path]) => path);
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function withBlocks(text: string, texts: Readonly<Record<string, string>>): string {
  return text.replace(/(<!-- cost: (\w+) -->)[\s\S]*?(<!-- \/cost -->)/g, (_, begin, name: string, end) => {
    const block = texts[name];
    if (block === undefined) throw new Error(`there is no text ${name}: there are ${Object.keys(texts).join(', ')}`);
    return `${begin}${block}${end}`;
  });
}
