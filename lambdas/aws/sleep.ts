import { setTimeout } from 'node:timers/promises';

/** Waits, for backoff between tries. */
export async function sleep(ms: number): Promise<void> {
  await setTimeout(ms);
}
