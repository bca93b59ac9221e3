/**
 * What a worker writes during an invocation, in memory that it shares with the main thread. A message for each line would
 * wake that thread each time, which costs more than the line; and what is here is not lost when the worker is killed.
 *
 * Layout: four bytes with the number of bytes that follow and are written (Int32, atomic); then, one behind the other, a
 * byte for the stream (0 stdout, 1 stderr), four bytes for a length (little endian), and as many bytes of UTF-8. Only the
 * worker appends (function-worker.mjs), during an invocation; only the main thread empties it, between two.
 */
export interface OutputMemory {
  readonly buffer: SharedArrayBuffer;
  /** Hands over what came since it was last asked. */
  drain(onText: (stream: 'stdout' | 'stderr', text: string) => void): void;
  empty(): void;
}

const bytesInAll = 64 * 1024;
const headBytes = 4;
const recordHeadBytes = 5;

export function createOutputMemory(): OutputMemory {
  const buffer = new SharedArrayBuffer(bytesInAll);
  const written = new Int32Array(buffer, 0, 1);
  const records = Buffer.from(buffer, headBytes);
  let read = 0;
  return {
    buffer,
    drain(onText) {
      const end = Atomics.load(written, 0);
      while (read < end) {
        const stream = records[read] === 0 ? 'stdout' : 'stderr';
        const start = read + recordHeadBytes;
        read = start + records.readInt32LE(read + 1);
        onText(stream, records.toString('utf8', start, read));
      }
    },
    empty() {
      read = 0;
      Atomics.store(written, 0, 0);
    },
  };
}
