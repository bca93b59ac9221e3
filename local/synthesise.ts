import { Worker } from 'node:worker_threads';
import type { LegacyTimeline } from '../lambdas/domain/events/legacy-timeline.ts';

export interface SynthesisInput {
  /** The bundles and the cloud assembly are written in here. */
  readonly workDirectory: string;
  readonly quietPeriodSeconds?: number;
  readonly legacyTimeline?: LegacyTimeline;
  readonly quietDriftHours?: number;
  readonly traces?: 'on';
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Bundles the functions and synthesises the CDK app; resolves to the folder of the cloud assembly. In a thread of its
 * own, because the CDK is 200 MB that nobody needs afterwards, and two seconds in which nothing else would run.
 * Rejects with what the bundler or the CDK throws.
 */
export function synthesise(input: SynthesisInput): Promise<string> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./synthesise-thread.ts', import.meta.url), {
      workerData: input,
      execArgv: [],
      // The CDK's own check of the template takes two of three seconds. `cdk synth` and the tests of the stack make it.
      env: { ...process.env, CDK_VALIDATION: 'false' },
    });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the synthesis ended with code ${code} and no cloud assembly`)));
  });
}
