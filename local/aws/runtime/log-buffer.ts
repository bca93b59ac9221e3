import type { OutputLine } from './function-sandbox.ts';

/** What functions wrote, the newest lines of it, with a bound on memory. */
export interface LogBuffer {
  add(line: LogLine): void;
  /** Oldest first. */
  lines(functionName?: string): LogLine[];
  /** What it answers ends the subscription. */
  onLine(listener: (line: LogLine) => void): () => void;
}

export interface LogLine extends OutputLine {
  /** Epoch milliseconds. */
  readonly writtenAt: number;
}

export interface LogBufferOptions {
  readonly maxCharacters?: number;
}

export function createLogBuffer({ maxCharacters = 8 * 1024 * 1024 }: LogBufferOptions = {}): LogBuffer {
  let kept: LogLine[] = [];
  let first = 0;
  let characters = 0;
  const listeners = new Set<(line: LogLine) => void>();

  return {
    add(line) {
      kept.push(line);
      characters += line.text.length;
      while (characters > maxCharacters && first < kept.length - 1) {
        characters -= kept[first]?.text.length ?? 0;
        first++;
      }
      // Cut in large pieces: shifting an array one by one would cost more than the lines themselves.
      if (first > 1000 && first > kept.length / 2) {
        kept = kept.slice(first);
        first = 0;
      }
      for (const listener of listeners) listener(line);
    },
    lines: (functionName) =>
      kept.slice(first).filter((line) => functionName === undefined || line.functionName === functionName),
    onLine(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What a person should hear of a line: the message where it is a structured line of level ERROR, or where it is none. */
export function errorTextOf(line: LogLine): string | undefined {
  if (!line.text.startsWith('{')) return line.stream === 'stderr' && line.text !== '' ? line.text : undefined;
  // Most lines tell of no error, and reading them all would be most of the work of a log.
  if (!line.text.includes('"ERROR"') && !line.text.includes('"CRITICAL"')) return undefined;
  try {
    const { level, message, error } = JSON.parse(line.text) as Record<string, unknown>;
    if (level !== 'ERROR' && level !== 'CRITICAL') return undefined;
    const cause = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error;
    return cause === undefined ? String(message) : `${String(message)}: ${String(cause)}`;
  } catch {
    return undefined;
  }
}
