import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aRecord } from '../../lab/support/deliveries.ts';
import { aMessage, broadcastsOf } from '../../lab/support/drift-events.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
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

const askForMessages = () => fanout('subscriptions', 'update', subscriptionId, '--events', 'new_message');

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

  it('sends no event to a subscription that does not ask for it, and says why', async () => {
    const before = api.queued.length;
    const reason = `${subscriptionId} is not to have it: the subscription does not ask for new_message`;
    const several = await fanout('events', 'resend', webhookId, '--to', subscriptionId);
    expect(several).toMatchObject({ exitCode: 7, out: expect.stringContaining(`refused: ${reason}`) });
    const single = await fanout('deliveries', 'resend', subscriptionId, webhookId);
    expect(single).toMatchObject({ exitCode: 1, err: expect.stringContaining(reason) });
    expect(api.queued).toHaveLength(before);
  });

  it('sends an event again to one subscription, and says that it is queued', async () => {
    await askForMessages();
    const { out } = await fanout('events', 'resend', webhookId, '--to', subscriptionId);
    expect(out).toMatch(new RegExp(`${subscriptionId} +queued`));
    expect(JSON.parse(api.queued.at(-1) ?? '{}')).toMatchObject({
      resend: true,
      detail: { id: webhookId },
    });
  });

  it('says with 7 for whom it was refused, or that it is for nobody', async () => {
    await askForMessages();
    await fanout('subscriptions', 'pause', subscriptionId);
    const refused = await fanout('events', 'resend', webhookId, '--to', subscriptionId);
    const advice = `is paused; resume it first: fanout subscriptions resume ${subscriptionId}`;
    expect(refused).toMatchObject({ exitCode: 7, out: expect.stringContaining(advice), err: '' });
    const single = await fanout('deliveries', 'resend', subscriptionId, webhookId);
    expect(single).toMatchObject({ exitCode: 1, err: expect.stringContaining(advice) });
    api.subscriptions.configs.clear();
    const none = await fanout('events', 'resend', webhookId);
    expect(none).toMatchObject({ exitCode: 7, out: expect.stringContaining('nothing was sent') });
  });

  describe('a resend that is waited for', () => {
    const tried = (fields: Partial<DeliveryRecord>) =>
      api.deliveries.push(aRecord({ subscriptionId, webhookId, lastAttemptAt: api.now, durationMs: 7, ...fields }));
    const commands = () => [
      ['events', 'resend', webhookId, '--to', subscriptionId],
      ['deliveries', 'resend', subscriptionId, webhookId],
    ];
    const waitFor = (args: readonly string[], onSleep: () => void) =>
      runCommand([...args, '--wait'], { env: { FANOUT_API: api.url }, onSleep });
    beforeEach(async () => {
      await askForMessages();
      api.deliveries.length = 0;
    });

    it('that was delivered says so with 0, and does not take what was delivered before for it', async () => {
      for (const command of commands()) {
        api.deliveries.length = 0;
        tried({ state: 'delivered', lastStatus: 200, lastAttemptAt: api.now - 1 });
        const run = await waitFor(command, () => {
          api.deliveries.length = 0;
          tried({ state: 'delivered', lastStatus: 204 });
        });
        expect(run).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('delivered: 204 in 7 ms') });
      }
    });

    it('that failed says why, and when it is tried again, with 7', async () => {
      for (const command of commands()) {
        api.deliveries.length = 0;
        const run = await waitFor(command, () => {
          tried({ state: 'retrying', lastStatus: 503, nextAttemptAt: api.now + 5000 });
        });
        const text = 'failed: 503 in 7 ms; tried again at 2026-11-22 12:00:05 UTC';
        expect(run).toMatchObject({ exitCode: 7, err: '', out: expect.stringContaining(text) });
      }
    });

    it('that was not tried in time says so with 8, and where to look later', async () => {
      for (const command of commands()) {
        const run = await waitFor([...command, '--timeout', '3s', '--json'], () => {});
        const later = `Not tried within 3 s; see later: fanout deliveries show ${subscriptionId} ${webhookId}\n`;
        expect(run).toMatchObject({ exitCode: 8, err: later, out: expect.stringContaining('"outcome": "waiting"') });
      }
    });
  });

  describe('a command whose answer is lost', () => {
    const resend = (...args: string[]) => fanout('events', 'resend', webhookId, '--to', subscriptionId, ...args);
    beforeEach(async () => askForMessages());

    it('asks once more under the same key, so that nothing is done twice', async () => {
      const before = api.queued.length;
      api.lostAnswers = 1;
      expect(await resend()).toMatchObject({ exitCode: 0, err: expect.stringMatching(/^See what became of it/) });
      expect(api.queued).toHaveLength(before + 1);
      await resend();
      expect(api.queued).toHaveLength(before + 2);
    });

    it('says after that how to make sure', async () => {
      const before = api.queued.length;
      api.lostAnswers = 2;
      const { exitCode, err } = await resend();
      expect(exitCode).toBe(3);
      const [, key = ''] = /run the same command with --idempotency-key (\S+)\n/.exec(err) ?? [];
      expect(await resend('--idempotency-key', key)).toMatchObject({ exitCode: 0 });
      expect(api.queued).toHaveLength(before + 1);
    });

    it('says which times make it the same request', async () => {
      await api.provision(subscriptionId);
      api.lostAnswers = 2;
      const replay = ['replays', 'start', subscriptionId, '--missed', '--from'];
      const { err } = await fanout(...replay, '1h');
      const [, key = '', from = ''] = /--idempotency-key (\S+) --from (\S+)\n/.exec(err) ?? [];
      const { out } = await fanout(...replay, from, '--idempotency-key', key, '--json');
      expect(api.replays.map(({ name }) => name)).toEqual([JSON.parse(out).replayName]);
    });

    it('is not repeated where nobody has read it', async () => {
      const stopped = await ApiOnLoopback.start();
      const { url } = stopped;
      await stopped.stop();
      const { err } = await runCommand(['events', 'resend', 'msg_1', '--api', url]);
      expect(err).toContain('connection refused');
      expect(err).not.toContain('idempotency-key');
    });
  });

  it('shows of an attempt that it went out twice, on a dead connection first, or that a person asked for it', async () => {
    const attempt = { at: api.now, durationMs: 7, status: 200 };
    const history = [attempt, { ...attempt, resent: true as const }, { ...attempt, byHand: true as const }];
    api.deliveries.push(aRecord({ subscriptionId, webhookId, state: 'delivered', history }));
    const { out } = await fanout('deliveries', 'show', subscriptionId, webhookId);
    expect(out).toMatch(/ 200 +7\n.* 200, sent twice: the first connection was dead +7\n.* 200, a resend +7\n/);
  });

  it('shows the figures of a subscription period by period', async () => {
    api.metricPeriods.push(
      { at: api.now - 120_000, delivered: 40, failed: 2, p50Ms: 31, p95Ms: 220, waiting: 5 },
      { at: api.now - 60_000, delivered: 0, failed: 0 },
    );
    const run = await fanout('subscriptions', 'metrics', subscriptionId, '--from', '2026-11-22', '--period', '1m');
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(run.out).toMatch(/^FROM \(UTC\) +DELIVERED +FAILED +P50 MS +P95 MS +WAITING\n/);
    expect(run.out).toMatch(/11:58:00 +40 +2 +31 +220 +5\n2026-11-22 11:59:00 +0 +0\n/);
    expect(api.lastRequest.target).toMatch(/metrics\?from=.*&periodSeconds=60$/);
    api.metricPeriods.length = 0;
    const none = await fanout('subscriptions', 'metrics', subscriptionId);
    expect(none.err).toContain('Nothing was attempted in this time');
    const json = await fanout('subscriptions', 'metrics', subscriptionId, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ periodSeconds: 300, periods: [] });
    expect(await fanout('subscriptions', 'metrics', subscriptionId, '--period', 'soon')).toMatchObject({ exitCode: 2 });
  });

  it('shows a conversation with its timer, and its events with the outcomes counted', async () => {
    api.conversations.set('9007199254740993#123456789', { lastActivityAt: api.now, dueAt: api.now + 600_000 });
    const { out } = await fanout('conversations', 'show', '9007199254740993', '123456789');
    expect(out).toMatch(/Timer +armed/);
    expect(out).toMatch(/Becomes inactive \(UTC\) +2026-11-22 12:10:00, if nothing happens until then/);
    expect(out).toMatch(/new_message +msg_\S+ +.*not-matched \d/);
  });

  it('says of an event that nobody knows that the history has none', async () => {
    const { err, exitCode } = await fanout('events', 'show', 'msg_unknown');
    expect(err).toContain('the history has no event msg_unknown');
    expect(exitCode).not.toBe(0);
  });
});
