import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The commit that is deployed, `-dirty` where files differ from it. Undefined outside of a Git checkout. */
export function sourceVersion(): string | undefined {
  try {
    const text = execFileSync('git', ['describe', '--always', '--tags', '--dirty'], {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim();
  } catch {
    return undefined;
  }
}
