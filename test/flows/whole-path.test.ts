import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Delivery, Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

const push = ['new_message', 'conversation_manual_push', 'conversation_inactive', 'conversation_push'];

function verify({ body, headers }: Delivery, secret: string): void {
  const signed = headers as Record<string, string>;
  new StandardWebhook(secret).verify(body, signed);
  new SvixWebhook(secret).verify(body, signed);
}

const countOf = (type: string) => (deliveries: readonly Delivery[]) =>
  deliveries.filter(({ body }) => (JSON.parse(body) as { type: string }).type === type).length;

describe('the whole path, from Drift to subscribers', () => {
  let fanout: FanoutProcess;
  let one: Subscriber;
  let other: Subscriber;

  beforeAll(async () => {
    fanout = await FanoutProcess.start('--quiet-period', '2s', '--legacy', 'mirroring');
  });
  afterAll(async () => {
    await fanout?.stop();
  });
  beforeEach(async () => {
    [one, other] = await Promise.all([Subscriber.start(), Subscriber.start()]);
  });
  afterEach(async () => {
    await Promise.all([one.stop(), other.stop()]);
  });

  it("brings Drift's own examples, byte for byte, to those who asked for them, signed so that others' libraries agree", async () => {
    const first = await fanout.subscribe({ url: one.url, eventTypes: ['conversation_inactive'], orgIds: [4001] });
    const second = await fanout.subscribe({
      url: other.url,
      eventTypes: ['new_message', 'conversation_push'],
      orgIds: [4001],
    });

    const inactive =
      '{"orgId":4001,"type":"conversation_inactive","data":{"lastUpdated":1591813767000,"conversationId":123456789}}';
    const message =
      '{"orgId":4001,"type":"new_message","data":{"id":635760549,"orgId":4001,"conversationId":9007199254740993,"body":"<p>Hi, do you ship to Norway?</p>","author":{"type":"contact","id":903182234,"bot":false},"type":"note","createdAt":"x"}}';
    for (const text of [inactive, message]) {
      expect((await fanout.post(text, { 'x-verification-token': driftToken })).status).toBe(202);
    }

    await one.until(() => one.deliveries.length >= 1, 'the inactivity');
    await other.until(() => other.deliveries.length >= 2, 'the message and the push');
    expect(one.bodies()).toEqual([inactive]);
    expect(other.bodies().sort()).toEqual(
      [
        message,
        '{"orgId":4001,"type":"conversation_push","data":{"conversationId":123456789,"lastUpdated":1591813767000,"type":"conversation_inactive","data":{"lastUpdated":1591813767000,"conversationId":123456789}}}',
      ].sort(),
    );
    for (const delivery of one.deliveries) verify(delivery, first.secret);
    for (const delivery of other.deliveries) verify(delivery, second.secret);
  });

  it('brings what SQS takes in no message: what is answered 202 arrives', async () => {
    const { subscriptionId } = await fanout.subscribe({ url: one.url, eventTypes: ['new_message'], orgIds: [4012] });
    const bodies = ['\uffff', '\ufffe', '\ud83d', '\ude00 \u0000 \u001b', '\u241b', '\\uffff'];
    for (const [id, body] of bodies.entries()) {
      const data = { id, conversationId: 79, [`key ${body}`]: id, body, createdAt: Date.now() };
      const answer = await fanout.post({ orgId: 4012, type: 'new_message', token: driftToken, data });
      expect(answer.status).toBe(202);
    }
    await one.until(() => one.deliveries.length >= bodies.length, `all messages of ${subscriptionId}`);
    const received = one.bodies().map((text) => (JSON.parse(text) as { data: { id: number; body: string } }).data);
    expect(received.sort((a, b) => a.id - b.id).map(({ body }) => body)).toEqual(bodies);
  });

  it('never passes the token on', async () => {
    await fanout.subscribe({ url: one.url, eventTypes: ['new_meeting'], orgIds: [4002] });
    await fanout.post({ orgId: 4002, type: 'new_meeting', token: driftToken, data: { agentId: 1 } });
    await one.until(() => one.deliveries.length >= 1, 'the meeting');
    expect(one.bodies()).toEqual(['{"orgId":4002,"type":"new_meeting","data":{"agentId":1}}']);
    expect(JSON.stringify(one.deliveries)).not.toContain(driftToken);
  });

  it('a conversation that goes quiet is told once, as inactive and as a push', async () => {
    await fanout.subscribe({ url: one.url, eventTypes: push, orgIds: [4003] });
    const createdAt = Date.now();
    for (const id of [1, 2, 3]) {
      await fanout.post({
        orgId: 4003,
        type: 'new_message',
        token: driftToken,
        data: { id, conversationId: 77, createdAt: createdAt + id },
      });
    }
    await one.until((deliveries) => countOf('conversation_push')(deliveries) >= 1, 'the push');
    // Long enough for a second quiet period to have passed, and with it anything that came twice.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(one.typesReceived().sort()).toEqual([
      'conversation_inactive',
      'conversation_push',
      'new_message',
      'new_message',
      'new_message',
    ]);
    const inactive = one.deliveries.find(({ body }) =>
      body.includes('"conversation_inactive","data":{"conversationId":77'),
    );
    expect(inactive?.body).toBe(
      `{"orgId":4003,"type":"conversation_inactive","data":{"conversationId":77,"lastUpdated":${createdAt + 3}}}`,
    );
  });

  it('a message that is accepted in the last moments of a quiet period counts', async () => {
    await fanout.subscribe({ url: one.url, eventTypes: ['conversation_inactive'], orgIds: [4013] });
    const message = async (conversationId: number, id: number) => {
      const createdAt = Date.now();
      const data = { id, conversationId, createdAt };
      await fanout.post({ orgId: 4013, type: 'new_message', token: driftToken, data });
      return { createdAt, acceptedAt: Date.now() };
    };
    const conversations = Array.from({ length: 24 }, (_, index) => 100 + index);
    const played = await Promise.all(
      conversations.map(async (conversationId, index) => {
        const first = await message(conversationId, 1);
        await new Promise((resolve) => setTimeout(resolve, first.createdAt + 1_300 + index * 20 - Date.now()));
        const second = await message(conversationId, 2);
        return { conversationId, first, second, isInTime: second.acceptedAt < first.createdAt + 2_000 };
      }),
    );
    const inTime = played.filter(({ isInTime }) => isInTime);
    const isTold = ({ conversationId, second }: (typeof played)[number]) =>
      one
        .bodies()
        .some((body) => body.includes(`{"conversationId":${conversationId},"lastUpdated":${second.createdAt}}`));
    await one.until(() => played.every(isTold), 'the inactivity of each conversation');
    const falseOnes = inTime.filter(({ conversationId, first }) =>
      one
        .bodies()
        .some((body) => body.includes(`{"conversationId":${conversationId},"lastUpdated":${first.createdAt}}`)),
    );
    expect(falseOnes).toEqual([]);
    expect(inTime.length).toBeGreaterThan(0);
  });

  it('a conversation that is closed gets its manual push, and no inactivity', async () => {
    await fanout.subscribe({ url: one.url, eventTypes: [...push], orgIds: [4004] });
    const now = Date.now();
    await fanout.post({
      orgId: 4004,
      type: 'new_message',
      token: driftToken,
      data: { id: 1, conversationId: 78, createdAt: now },
    });
    await fanout.post({
      orgId: 4004,
      type: 'conversation_status_updated',
      token: driftToken,
      data: { conversationId: 78, status: 'closed', changedAt: now + 1 },
    });
    await one.until((deliveries) => countOf('conversation_push')(deliveries) >= 1, 'the push');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(one.typesReceived().sort()).toEqual(['conversation_manual_push', 'conversation_push', 'new_message']);
  });

  it('the same post twice is delivered once', async () => {
    await fanout.subscribe({ url: one.url, eventTypes: ['new_message'], orgIds: [4005] });
    const message = {
      orgId: 4005,
      type: 'new_message',
      token: driftToken,
      data: { conversationId: 1, id: 1, createdAt: 1591813167000 },
    };
    await fanout.post(message);
    await one.until(() => one.deliveries.length >= 1, 'the message');
    await fanout.post(message);
    await fanout.post({ ...message, data: { conversationId: 2, id: 2 } });
    await one.until(
      (deliveries) => deliveries.some(({ body }) => body.includes('"conversationId":2')),
      'the other message',
    );
    expect(one.deliveries).toHaveLength(2);
  });

  it('a subscriber that fails gets the event again, under the same id', { timeout: 60_000 }, async () => {
    await fanout.subscribe({ url: one.url, eventTypes: ['new_meeting'], orgIds: [4006] });
    one.answer = (_delivery, response) => response.writeHead(one.deliveries.length === 1 ? 500 : 204).end();
    await fanout.post({ orgId: 4006, type: 'new_meeting', token: driftToken, data: { agentId: 2 } });
    await one.until((deliveries) => deliveries.length >= 2, 'the second attempt');
    const [first, second] = one.deliveries;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect((second?.receivedAt ?? 0) - (first?.receivedAt ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  it.each([
    ['no token', { orgId: 1, type: 'x', data: {} }, 401],
    ['a wrong token', { orgId: 1, type: 'x', data: {}, token: 'guess' }, 401],
    ['half a JSON', '{"orgId":1,"type":"new_mess', 400],
    ['no type', { orgId: 1, data: {}, token: driftToken }, 400],
    ['too many bytes', { orgId: 1, type: 'x', data: { text: 'x'.repeat(262_144) }, token: driftToken }, 413],
  ])('%s is refused with a problem document', async (_, body, status) => {
    const response = await fanout.post(body);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status });
  });
});
