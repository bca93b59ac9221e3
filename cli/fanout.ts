#!/usr/bin/env node
import { constants } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFanout } from './run-fanout.ts';

// Whoever reads only the first lines (`| head`) closes the pipe; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// Not process.exit: what is still on its way into a pipe would be cut off.
process.exitCode = await runFanout(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  sleep: (milliseconds) => sleep(milliseconds),
  clock: Date.now,
  beforeInterruption: (run) => {
    const end = (signal: NodeJS.Signals) => {
      run();
      process.exit(128 + constants.signals[signal]);
    };
    process.on('SIGINT', end).on('SIGTERM', end);
    return () => void process.off('SIGINT', end).off('SIGTERM', end);
  },
  ask: async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(question), closed]);
    lines.close();
    return answer;
  },
});
