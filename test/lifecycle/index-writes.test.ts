import { describe, expect, it } from 'vitest';
import { timerShards } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import { LifecycleRun, type Step } from './lifecycle-run.ts';

const messages = (count: number, secondsApart: number): Step[] =>
  Array.from({ length: count }, (): Step[] => [
    { kind: 'activity', conversation: 1, agoSeconds: 0, closes: false },
    { kind: 'wait', seconds: secondsApart },
  ]).flat();

/** Index writes until the conversation has been quiet, for so many messages within the same twenty minutes. */
async function indexWritesFor(count: number): Promise<number> {
  const run = new LifecycleRun(1, 600);
  const { broadcasts } = await run.play(messages(count, 1200 / count));
  expect(broadcasts).toHaveLength(1);
  return run.conversations.indexWrites;
}

describe('what timers cost', () => {
  it('10,000 messages of a conversation write the index no more often than 100 in the same time', async () => {
    expect(await indexWritesFor(10_000)).toBeLessThanOrEqual(await indexWritesFor(100));
  });

  it('a conversation of one message writes the index three times: armed, taken, fired', async () => {
    expect(await indexWritesFor(1)).toBe(3);
  });

  it('a sweep reads what is due, not what is armed', async () => {
    const run = new LifecycleRun(1, 86_400);
    await run.play([{ kind: 'activity', conversation: 1, agoSeconds: 86_300, closes: false }]);
    const readForOne = run.conversations.timersRead;
    const crowded = new LifecycleRun(1, 86_400);
    for (let conversation = 0; conversation < 1_000; conversation++) {
      crowded.conversations.items.set(`2#${conversation}`, { lastActivityAt: 0, dueAt: Number.MAX_SAFE_INTEGER });
    }
    await crowded.play([{ kind: 'activity', conversation: 1, agoSeconds: 86_300, closes: false }]);
    expect(crowded.conversations.timersRead).toBe(readForOne);
    expect(timerShards).toBeGreaterThan(1);
  });
});
