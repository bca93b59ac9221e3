/** A stream to write to; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
}

/** All that the command line touches outside of itself and the API. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** Runs before the process ends on SIGINT or SIGTERM; what is given back takes that away again. */
  readonly beforeInterruption: (run: () => void) => () => void;
  /** One line from the person at the terminal. */
  readonly ask: (question: string) => Promise<string>;
}
