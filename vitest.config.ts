import { defineConfig } from 'vitest/config';

/** Needs a process, the synthesised stack or a day of the simulator; everything else is `unit` or `aws`. */
const system = [
  'test/flows/**/*.test.ts',
  'test/infra/**/*.test.ts',
  'test/lab/**/*.test.ts',
  'test/local/*.test.ts',
  'test/local/dashboard/*.test.ts',
  'test/cli/{process,local-run,health}.test.ts',
];
/** The AWS engine, what speaks to AWS, against it, and what stands in for that elsewhere. */
const aws = [
  'test/aws/**/*.test.ts',
  'test/ports/**/*.test.ts',
  'test/local/aws/**/*.test.ts',
  'test/cli/on-call/**/*.test.ts',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...system, ...aws],
          // A machine that has other work is slow, not wrong.
          testTimeout: 30_000,
        },
      },
      { extends: true, test: { name: 'aws', include: aws, testTimeout: 60_000, hookTimeout: 60_000 } },
      { extends: true, test: { name: 'system', include: system, testTimeout: 180_000, hookTimeout: 180_000 } },
    ],
  },
});
