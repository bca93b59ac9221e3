let pending = '';
let isWatchingExit = false;

/**
 * Writes a line to standard output, together with the others of the same turn of the event loop: one write instead of
 * ten where ten answers came at once, and a write takes longer than making the line. They are on their way before
 * anything that takes time begins, and a process that ends, by an error too, writes them first.
 */
export function writeLine(line: string): void {
  if (pending === '') setImmediate(flushLines);
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.once('exit', flushLines);
  }
  pending += `${line}\n`;
}

/** For the end of an invocation: whoever runs the function may halt it then. */
export function flushLines(): void {
  if (pending === '') return;
  const text = pending;
  pending = '';
  process.stdout.write(text);
}
