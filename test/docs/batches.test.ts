import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createQueues } from '../../local/aws/engine/queues.ts';
import { createSqsMapping } from '../../local/aws/engine/sqs-mapping.ts';
import { createVirtualClock } from '../../local/aws/engine/virtual-clock.ts';

/*
 * How full batches get, and how long events wait for them, by the local run's mapping in virtual time. An invocation of `deliver`
 * at 256 MB takes the answer, 41 ms, and 5.6 ms for each message: 35 ms of processor time alone and 85 ms for ten, two calls of AWS.
 */

const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'subscriptions.md'), 'utf8');

interface Load {
  readonly answerMs: number;
  readonly maximumConcurrency: number;
}

function aMapping({ answerMs, maximumConcurrency }: Load) {
  const clock = createVirtualClock();
  let ids = 0;
  const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000', newId: () => `${ids++}` });
  const queue = queues.create('subscriber', { VisibilityTimeout: '540' });
  const startedAt = clock.now();
  const waits: number[] = [];
  const seen = { waits, batches: 0, lastMs: 0 };
  createSqsMapping({
    clock,
    region: 'us-east-1',
    queue,
    settings: { functionName: 'deliver', batchSize: 10, maximumConcurrency },
    async invoke(_, payload) {
      const { Records } = JSON.parse(payload) as { Records: { attributes: { SentTimestamp: string } }[] };
      seen.batches++;
      for (const { attributes } of Records) waits.push(clock.now() - Number(attributes.SentTimestamp));
      await new Promise<void>((done) => {
        clock.setTimer(clock.now() + Math.round(answerMs + 41 + 5.6 * Records.length), done);
      });
      seen.lastMs = clock.now() - startedAt;
      return {};
    },
  });
  return { clock, queue, seen };
}

/** Events at random for a minute: messages to a batch, and for how long 95 of 100 wait at most. */
async function steady(perSecond: number, load: Load): Promise<string> {
  const { clock, queue, seen } = aMapping(load);
  let seed = 7;
  for (let at = 0; at < 60_000; ) {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    const gap = (-Math.log(1 - seed / 2 ** 32) / perSecond) * 1000;
    at += gap;
    await clock.advance(gap);
    queue.send({ body: '{}' });
  }
  const waiting = queue.counts().visible;
  await clock.advance(60_000);
  if (waiting > perSecond) return 'too slow';
  const p95 = seen.waits.toSorted((one, other) => one - other)[Math.floor(seen.waits.length * 0.95)] ?? 0;
  return `${(seen.waits.length / seen.batches).toFixed(1)}, ${Math.round(p95 / 10) * 10} ms`;
}

async function burst(count: number, load: Load): Promise<string> {
  const { clock, queue, seen } = aMapping(load);
  for (let sent = 0; sent < count; sent++) queue.send({ body: '{}' });
  await clock.advance(120_000);
  return `${(seen.lastMs / 1000).toFixed(1)} s`;
}

const row = /^\| (?:(\d+) a second|1,000 at once), (\d+) ms \|(.*)\|$/gm;

test.each([...guide.matchAll(row)].map(([line, ...cells]) => [line, ...cells] as const))(
  'the guide says how full batches get, and what that costs in time: %s',
  async (line, perSecond, answerMs, figures = '') => {
    const found = [];
    for (const maximumConcurrency of [10, 5, 3, 2]) {
      const load = { answerMs: Number(answerMs), maximumConcurrency };
      found.push(perSecond === undefined ? await burst(1000, load) : await steady(Number(perSecond), load));
    }
    expect(
      figures.split('|').map((cell) => cell.trim()),
      line,
    ).toEqual(found);
  },
  60_000,
);

test('the guide has such figures', () => {
  expect([...guide.matchAll(row)]).toHaveLength(7);
});
