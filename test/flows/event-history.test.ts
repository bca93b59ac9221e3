import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

interface Outcome {
  readonly subscriptionId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly clause?: Record<string, string>;
  readonly attempts?: number;
  readonly until?: string;
}

describe('one event, and all who might have got it', () => {
  let fanout: FanoutProcess;
  const endpoints: Subscriber[] = [];

  beforeAll(async () => {
    fanout = await FanoutProcess.start();
  });
  afterAll(async () => {
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
    await fanout?.stop();
  });

  async function subscribe(fields: Record<string, unknown>): Promise<{ id: string; endpoint: Subscriber }> {
    const endpoint = await Subscriber.start();
    endpoints.push(endpoint);
    const { subscriptionId: id } = await fanout.subscribe({ url: endpoint.url, ...fields });
    return { id, endpoint };
  }

  /** The one event of a conversation, once the history has it. */
  async function eventOf(orgId: number, conversationId: number): Promise<string> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const { json } = await fanout.api('GET', `/v1/events?orgId=${orgId}&conversationId=${conversationId}`);
      const [event] = (json as { events: { webhookId: string }[] }).events;
      if (event !== undefined) return event.webhookId;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the history does not have the event');
  }

  /** What became of it at each subscription, once it looks so. */
  async function outcomes(webhookId: string, wanted: (of: ReadonlyMap<string, Outcome>) => boolean) {
    for (const deadline = Date.now() + 60_000; ; ) {
      const { json } = await fanout.api('GET', `/v1/events/${webhookId}`);
      const { subscribers, body } = json as { subscribers: Outcome[]; body: string };
      const of = new Map(subscribers.map((each) => [each.subscriptionId, each]));
      if (wanted(of)) return { of, body };
      if (Date.now() > deadline) throw new Error(`it does not look as wanted: ${JSON.stringify(subscribers)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('says of each subscriber what became of the event and why, and sends it again to whoever may have it', {
    timeout: 180_000,
  }, async () => {
    const eventTypes = ['button_clicked'];
    const [delivered, failing, otherType, otherOrganisation, filtered, paused] = await Promise.all([
      subscribe({ eventTypes }),
      subscribe({ eventTypes }),
      subscribe({ eventTypes: ['new_meeting'] }),
      subscribe({ eventTypes, orgIds: [5002] }),
      subscribe({ eventTypes, filter: { button: { label: ['Buy'] } } }),
      subscribe({ eventTypes }),
    ]);
    await fanout.api('PATCH', `/v1/subscriptions/${paused.id}`, { status: 'paused' });
    await fanout.until(paused.id, ({ provisioning, status }) => provisioning === 'ready' && status === 'paused');
    // The next retry is in an hour, so that only the resend can come before.
    failing.endpoint.answer = (_delivery, response) => response.writeHead(500, { 'retry-after': '3600' }).end();

    const data = { conversationId: 7, button: { label: 'Help' }, createdAt: 1591813767000 };
    await fanout.post({ orgId: 5001, type: 'button_clicked', data }, { 'x-verification-token': driftToken });
    const webhookId = await eventOf(5001, 7);
    const { of, body } = await outcomes(
      webhookId,
      (known) => known.get(delivered.id)?.outcome === 'delivered' && known.get(failing.id)?.outcome === 'retrying',
    );
    expect(delivered.endpoint.bodies()).toEqual([body]);
    expect(of.get(delivered.id)).toMatchObject({ attempts: 1, reason: expect.stringContaining('status 200') });
    expect(of.get(failing.id)).toMatchObject({ reason: expect.stringContaining('status 500') });
    expect(Date.parse(of.get(failing.id)?.until ?? '')).toBeGreaterThan(Date.now() + 3_000_000);
    expect(of.get(otherType.id)).toMatchObject({
      outcome: 'not-matched',
      reason: 'the subscription does not ask for button_clicked',
      clause: { kind: 'type', expected: '["new_meeting"]', found: '"button_clicked"' },
    });
    expect(of.get(otherOrganisation.id)).toMatchObject({
      outcome: 'not-matched',
      reason: expect.stringContaining('5001'),
      clause: { kind: 'organisation', expected: '[5002]', found: '5001' },
    });
    expect(of.get(filtered.id)).toMatchObject({
      outcome: 'not-matched',
      reason: expect.stringContaining('button.label'),
      clause: { kind: 'filter', path: 'button.label', found: '"Help"' },
    });
    expect(of.get(paused.id)).toMatchObject({ outcome: 'held', reason: 'the subscription is paused' });

    failing.endpoint.answer = (_delivery, response) => response.writeHead(200).end();
    const subscriptionIds = [delivered.id, failing.id, paused.id];
    const answer = await fanout.api('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds });
    expect(answer).toMatchObject({
      status: 202,
      json: {
        resends: [
          { subscriptionId: delivered.id, replayName: expect.any(String) },
          { subscriptionId: failing.id, replayName: expect.any(String) },
          { subscriptionId: paused.id, refused: expect.stringContaining('is paused; resume it first') },
        ],
      },
    });
    const resend = `/v1/subscriptions/${paused.id}/deliveries/${webhookId}/resend`;
    expect(await fanout.api('POST', resend)).toMatchObject({ status: 409, text: expect.stringContaining('paused') });

    await delivered.endpoint.until(({ length }) => length === 2, 'the resend of what was delivered');
    await outcomes(webhookId, (known) => known.get(failing.id)?.outcome === 'delivered');
    for (const { endpoint } of [delivered, failing]) {
      expect(new Set(endpoint.deliveries.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([webhookId]));
      expect(new Set(endpoint.bodies())).toEqual(new Set([body]));
    }
    for (const { endpoint } of [otherType, otherOrganisation, filtered, paused]) expect(endpoint.bodies()).toEqual([]);
  });

  it('reaches an endpoint that asked for an hour of rest, though its queue is not read', async () => {
    const { id, endpoint } = await subscribe({ eventTypes: ['app_disconnected'] });
    endpoint.answer = (_delivery, response) => response.writeHead(503, { 'retry-after': '3600' }).end();
    await fanout.post({ orgId: 5003, type: 'app_disconnected', token: driftToken, data: { conversationId: 8 } });
    await fanout.until(id, ({ circuit }) => (circuit as { state?: string } | undefined)?.state === 'open');
    endpoint.answer = (_delivery, response) => response.writeHead(204).end();
    const webhookId = await eventOf(5003, 8);
    const { status } = await fanout.api('POST', `/v1/subscriptions/${id}/deliveries/${webhookId}/resend`);
    expect(status).toBe(202);
    const { of } = await outcomes(webhookId, (known) => known.get(id)?.outcome === 'delivered');
    expect(of.get(id)?.attempts).toBe(2);
    // The rest was asked for all else: it goes on.
    await fanout.until(id, ({ circuit }) => (circuit as { state?: string } | undefined)?.state === 'open');
  });
});
