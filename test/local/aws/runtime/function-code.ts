import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** A folder with the bundle of a function: `index.mjs` with this text. */
export function functionCode(source: string, fileName = 'index.mjs'): string {
  const directory = mkdtempSync(join(tmpdir(), 'fanout-test-code-'));
  made.push(directory);
  writeFileSync(join(directory, fileName), source);
  return directory;
}

export function removeFunctionCode(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}
