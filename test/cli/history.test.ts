import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aMessage, broadcastsOf } from '../../lab/support/drift-events.ts';
import { readEnvelope } from '../../lambdas/domain/history/recorded-event.ts';
import { ApiOnLoopback } from './api-on-loopback.ts';
import { runCommand } from './command-run.ts';

let api: ApiOnLoopback;
beforeAll(async () => {
  api = await ApiOnLoopback.start();
});
afterAll(() => api.stop());

let subscriptionId: string;
let webhookId: string;
beforeEach(async () => {
  api.events.events.clear();
  for (const { source, detail } of broadcastsOf(aMessage({}, '9007199254740993'))) {
    const envelope = JSON.stringify({ source, 'detail-type': detail.type, detail });
    const read = readEnvelope(envelope, api.now);
    if (read.kind === 'event') await api.events.record(read.event);
    webhookId = detail.id;
  }
  const created = await fanout(
    'subscriptions',
    'create',
    'http://127.0.0.1:1/hook',
    '--events',
    'conversation_push',
    '--json',
  );
  subscriptionId = JSON.parse(created.out).subscriptionId;
  await api.provision(subscriptionId);
});

const fanout = (...args: string[]) => runCommand(args, { env: { FANOUT_API: api.url } });

describe('the history on the command line', () => {
  it('lists events newest first, with ids as they were written', async () => {
    const { out, exitCode } = await fanout('events', 'list', '--type', 'new_message');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/new_message +9007199254740993 +123456789 +msg_/);
    expect((await fanout('events', 'list', '--type', 'conversation_push')).err).toContain('No events.');
  });

  it('shows an event with the outcome and the reason for every subscription', async () => {
    const { out } = await fanout('events', 'show', webhookId);
    expect(out).toContain('"body":"<p>Hi, do you ship to Norway?</p>"');
    expect(out).toMatch(
      new RegExp(
        `${subscriptionId} +http://127.0.0.1:1/hook +not-matched +the subscription does not ask for new_message`,
      ),
    );
  });

  it('lists the deliveries of a subscription with what waits for a first attempt', async () => {
    const { out: created } = await fanout(
      'subscriptions',
      'create',
      'http://127.0.0.1:1/',
      '--events',
      'new_message',
      '--json',
    );
    const { subscriptionId: id } = JSON.parse(created);
    await api.provision(id);
    const { out } = await fanout('deliveries', 'list', id, '--since', '2h');
    expect(out).toMatch(new RegExp(`${webhookId} +new_message +waiting +0`));
    expect((await fanout('deliveries', 'list', id, '--status', '5xx')).err).toContain('No deliveries.');
  });

  it('sends an event again to one subscription, and says that it is queued', async () => {
    const { out } = await fanout('events', 'resend', webhookId, '--to', subscriptionId);
    expect(out).toMatch(new RegExp(`${subscriptionId} +queued`));
    expect(JSON.parse(api.queued.at(-1) ?? '{}')).toMatchObject({
      resend: true,
      detail: { id: webhookId },
    });
  });

  it('shows a conversation with its timer, and its events with the outcomes counted', async () => {
    api.conversations.set('9007199254740993#123456789', { lastActivityAt: api.now, dueAt: api.now + 600_000 });
    const { out } = await fanout('conversations', 'show', '9007199254740993', '123456789');
    expect(out).toMatch(/Timer +armed/);
    expect(out).toMatch(/new_message +msg_\S+ +.*not-matched \d/);
  });

  it('says of an event that nobody knows that the history has none', async () => {
    const { err, exitCode } = await fanout('events', 'show', 'msg_unknown');
    expect(err).toContain('the history has no event msg_unknown');
    expect(exitCode).not.toBe(0);
  });
});
