import type { ExitCode } from './exit-codes.ts';

/** Ends a command. The lines are all that the user sees, on standard error. */
export class CommandFailed extends Error {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];

  constructor(exitCode: ExitCode, ...lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailed';
    this.exitCode = exitCode;
    this.lines = lines;
  }
}
