import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aRecord } from '../../lab/support/deliveries.ts';
import { ApiOnLoopback } from '../cli/api-on-loopback.ts';
import { runCommand } from '../cli/command-run.ts';

const text = readFileSync(new URL('../../docs/finding.md', import.meta.url), 'utf8');
const minute = 60_000;

let api: ApiOnLoopback;
beforeAll(async () => {
  api = await ApiOnLoopback.start();
});
afterAll(() => api.stop());

it('the recipe for "am I complete?" finds what was delivered, what is on its way and what waits, each with what the recipe reads of it', async () => {
  const section = text.split(/^## /m).find((each) => each.startsWith('"Am I complete')) ?? '';
  const command = /npx --no -- fanout (deliveries list .*) > sent\.json/.exec(section)?.[1] ?? '';
  const run = (args: string) => runCommand(args.split(' '), { env: { FANOUT_API: api.url } });

  const made = await run('subscriptions create http://127.0.0.1:1/ --events new_message --json');
  const { subscriptionId } = JSON.parse(made.out);
  await api.provision(subscriptionId);
  const noon = Date.parse('2026-11-22T12:00:00Z');
  const sent = ['delivered', 'retrying', 'exhausted', 'discarded', 'waiting'] as const;
  for (const [index, state] of (['before', ...sent] as const).entries()) {
    const webhookId = `msg_${state}`;
    const recordedAt = noon + (index - 1) * minute;
    const detail = { id: webhookId, orgId: 1, type: 'new_message', data: {}, occurredAt: recordedAt };
    const event = JSON.stringify({ source: 'drift', 'detail-type': 'new_message', detail });
    const about = { webhookId, source: 'drift', type: 'new_message', occurredAt: recordedAt, recordedAt };
    await api.events.record({ ...about, event });
    if (state === 'before' || state === 'waiting') continue;
    const why = state === 'retrying' ? { nextAttemptAt: noon + 60 * minute } : { reason: `it is ${state}` };
    api.deliveries.push(aRecord({ subscriptionId, webhookId, state, ...(state === 'delivered' ? {} : why) }));
  }
  api.now = noon + 60 * minute;

  const { out, exitCode } = await run(
    command.replace('sub_…', subscriptionId).replace('--to 1m', '--to 2026-11-22T13:00:00Z'),
  );
  expect(exitCode).toBe(0);
  const { deliveries } = JSON.parse(out);
  const of = new Map(deliveries.map((delivery: { webhookId: string }) => [delivery.webhookId, delivery]));
  expect([...of.keys()].sort()).toEqual(sent.map((state) => `msg_${state}`).sort());
  for (const state of sent) expect(of.get(`msg_${state}`)).toMatchObject({ state });
  // The fields that the jq expressions of the recipe read.
  const read = [...section.matchAll(/[[(,| ']\.([a-zA-Z]+)/g)].map(([, name]) => name);
  expect(new Set(read)).toEqual(new Set(['deliveries', 'state', 'webhookId', 'nextAttemptAt', 'reason']));
  expect(of.get('msg_retrying')).toHaveProperty('nextAttemptAt');
  for (const state of ['exhausted', 'discarded', 'waiting']) expect(of.get(`msg_${state}`)).toHaveProperty('reason');
});
