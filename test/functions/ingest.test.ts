import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { instantIn } from '../../lab/support/drift-events.ts';
import { RecordedPublisher } from '../../lab/support/in-memory/publisher.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aLambdaContext } from '../../lab/support/sqs-events.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import type { Activity } from '../../lambdas/domain/inactivity/activity.ts';
import { createIngestHandler } from '../../lambdas/ingest/handler.ts';

const token = 'the-right-token';
let publisher: RecordedPublisher;
let metrics: RecordedMetrics;
let log: RecordedLog;
let accepted: { known: string[]; afresh: string[] };
let now: number;
let noted: (Activity & { key: string })[];
let failNote: boolean;

beforeEach(() => {
  publisher = new RecordedPublisher();
  metrics = new RecordedMetrics();
  log = new RecordedLog();
  accepted = { known: [token], afresh: [token] };
  now = instantIn.removed;
  noted = [];
  failNote = false;
});

async function post(
  body: unknown,
  { headers = {}, base64 = false }: { headers?: Record<string, string>; base64?: boolean } = {},
): Promise<APIGatewayProxyStructuredResultV2 & { json: Record<string, unknown> }> {
  const handler = createIngestHandler({
    tokens: { accepted: async ({ afresh = false } = {}) => (afresh ? accepted.afresh : accepted.known) },
    publisher,
    activities: {
      note: async (key, activity) => {
        if (failNote) throw new Error('slow down');
        noted.push({ key, ...activity });
      },
    },
    timeline: publishedLegacyTimeline,
    clock: () => now,
    metrics,
    log,
  });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const request = {
    headers,
    body: base64 ? Buffer.from(text).toString('base64') : text,
    isBase64Encoded: base64,
  } as unknown as APIGatewayProxyEventV2;
  const result = await handler(request, aLambdaContext());
  return { ...result, json: JSON.parse(result.body ?? '{}') };
}

const aPost = (changes: Record<string, unknown> = {}) => ({
  orgId: 1,
  type: 'new_message',
  token,
  data: { id: 1, conversationId: 2 },
  ...changes,
});

describe('the token', () => {
  it('in the body lets a post in', async () => {
    expect((await post(aPost())).statusCode).toBe(202);
    expect(publisher.typesPublished()).toEqual(['new_message']);
  });

  it('in the header lets a post in', async () => {
    expect((await post(aPost({ token: undefined }), { headers: { 'x-verification-token': token } })).statusCode).toBe(
      202,
    );
  });

  it.each([
    ['missing', aPost({ token: undefined }), {}],
    ['wrong in the body', aPost({ token: 'guess' }), {}],
    ['empty', aPost({ token: '' }), {}],
    ['no string', aPost({ token: [token] }), {}],
    ['wrong in the header', aPost({ token: undefined }), { 'x-verification-token': 'guess' }],
    ['right in the header and wrong in the body', aPost({ token: 'guess' }), { 'x-verification-token': token }],
    ['right in the body and wrong in the header', aPost(), { 'x-verification-token': 'guess' }],
  ])('%s is refused', async (_, body, headers) => {
    const { statusCode, headers: answered } = await post(body, { headers: headers as Record<string, string> });
    expect(statusCode).toBe(401);
    expect(answered?.['content-type']).toBe('application/problem+json');
    expect(publisher.published).toEqual([]);
    expect(metrics.added).toContainEqual({ name: 'EventsRefused', value: 1, dimensions: { reason: 'bad-token' } });
  });

  it('is never passed on and never logged', async () => {
    await post(aPost());
    await post(aPost({ token: 'a-wrong-token' }));
    expect(JSON.stringify(publisher.published)).not.toContain('token');
    expect(JSON.stringify(log.lines)).not.toMatch(/the-right-token|a-wrong-token/);
  });

  it('is asked for before anything is made of the post: numbers that are dear to keep are not kept for strangers', async () => {
    const rawNumbers = vi.spyOn(JSON, 'rawJSON');
    const dear = (theToken: string) =>
      JSON.stringify(aPost({ token: theToken })).replace('"id":1', `"id":1,"a":[${'-0,'.repeat(80_000)}-0]`);
    expect((await post(dear('guess'))).statusCode).toBe(401);
    expect(rawNumbers).not.toHaveBeenCalled();
    expect((await post(dear(token))).statusCode).toBe(202);
    expect(rawNumbers).toHaveBeenCalled();
    rawNumbers.mockRestore();
  });

  it.each([
    ['the last of two counts, as in the body that is read', `{"token":"guess","token":"${token}"}`, 400],
    ['the last of two counts, also where it is wrong', `{"token":"${token}","token":"guess"}`, 401],
    ['an escaped name is a name', `{"\\u0074oken":"${token}"}`, 400],
    ['below another name it is none', `{"__proto__":{"token":"${token}"},"data":{"token":"${token}"}}`, 401],
  ])('%s', async (_, text, status) => {
    expect((await post(text)).statusCode).toBe(status);
  });

  it('that was rotated a moment ago is looked up afresh', async () => {
    accepted.afresh = ['the-new-token', token];
    expect((await post(aPost({ token: 'the-new-token' }))).statusCode).toBe(202);
  });

  it('cannot be empty, whatever the secret holds', async () => {
    accepted = { known: [''], afresh: [''] };
    expect((await post(aPost({ token: '' }))).statusCode).toBe(401);
  });
});

describe('a post that makes no sense', () => {
  it.each([
    ['no JSON', 'not json', 'body'],
    ['half a JSON', '{"orgId":1,"type":"new_message","tok', 'body'],
    ['an array', '[]', 'body'],
    ['no orgId', JSON.stringify(aPost({ orgId: undefined })), 'orgId'],
    ['orgId as text', JSON.stringify(aPost({ orgId: '1' })), 'orgId'],
    ['orgId over 64 bits', JSON.stringify(aPost()).replace('"orgId":1', '"orgId":9223372036854775808'), 'orgId'],
    ['no type', JSON.stringify(aPost({ type: undefined })), 'type'],
    ['an empty type', JSON.stringify(aPost({ type: '' })), 'type'],
    ['a type with what SQS refuses', JSON.stringify(aPost({ type: 'new_\uffff' })), 'type'],
    ['a type with half a surrogate pair', JSON.stringify(aPost({ type: 'new_\ud83d' })), 'type'],
    ['a type with a control character', JSON.stringify(aPost({ type: 'new\u0000' })), 'type'],
    ['a type too long for the bus', JSON.stringify(aPost({ type: 'x'.repeat(129) })), 'type'],
    ['a type of our own', JSON.stringify(aPost({ type: 'webhook_subscription_disabled' })), 'type'],
    ['the type of our tests', JSON.stringify(aPost({ type: 'webhook_test' })), 'type'],
    ['no data', JSON.stringify(aPost({ data: undefined })), 'data'],
    ['data as an array', JSON.stringify(aPost({ data: [] })), 'data'],
    ['data null', JSON.stringify(aPost({ data: null })), 'data'],
    ['an id over 64 bits', JSON.stringify(aPost()).replace('"id":1', '"id":92233720368547758070'), 'data.id'],
    ['1,001 levels', JSON.stringify(aPost()).replace('"id":1', `"id":${'['.repeat(999)}${']'.repeat(999)}`), 'data'],
    ['a hundred thousand brackets', '['.repeat(100_000), 'data'],
  ])('(%s) is answered 400 with the field', async (_, body, field) => {
    const { statusCode, json } = await post(body);
    expect(statusCode).toBe(400);
    expect(json).toMatchObject({ title: 'Bad Request', status: 400, errors: [{ field }] });
    expect(publisher.published).toEqual([]);
  });

  it('over 256 KB is answered 413, before it is looked at', async () => {
    expect((await post(aPost({ data: { body: 'x'.repeat(256 * 1024) } }))).statusCode).toBe(413);
    expect((await post('x'.repeat(256 * 1024 + 1), { base64: true })).statusCode).toBe(413);
  });

  it('that is not UTF-8 is answered 400', async () => {
    const handlerInput = Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1');
    expect((await post(handlerInput)).statusCode).toBe(400);
  });

  it('that is compressed is answered 415, since its bytes are not looked at', async () => {
    const { statusCode, headers } = await post('\u001f\u008b', {
      base64: true,
      headers: { 'content-encoding': 'gzip' },
    });
    expect(statusCode).toBe(415);
    expect(headers?.['accept-encoding']).toBe('identity');
    expect((await post(aPost(), { headers: { 'content-encoding': 'identity' } })).statusCode).toBe(202);
  });
});

describe('what a post becomes', () => {
  it.each([true, false])('a byte order mark before it is skipped (base64: %s)', async (base64) => {
    expect((await post(`\ufeff${JSON.stringify(aPost())}`, { base64 })).statusCode).toBe(202);
  });

  it('1,000 levels still pass', async () => {
    const body = JSON.stringify(aPost()).replace('"id":1', `"id":${'['.repeat(998)}${']'.repeat(998)}`);
    expect((await post(body)).statusCode).toBe(202);
  });

  it('names each event that was broadcast, with its id', async () => {
    const { json } = await post(aPost({ type: 'conversation_inactive', data: { conversationId: 2, lastUpdated: 3 } }));
    expect(json).toMatchObject({
      status: 'accepted',
      events: [{ type: 'conversation_inactive' }, { type: 'conversation_push' }],
    });
  });

  it('has the same bytes as Drift sent them, also from a body in base64', async () => {
    const text =
      '{"orgId":1,"type":"new_message","token":"the-right-token","data":{"id":9007199254740993,"body":"<p>Grüße 👋</p>","x":1.0}}';
    expect((await post(text, { base64: true })).statusCode).toBe(202);
    expect(JSON.stringify(publisher.published[0]?.detail.data)).toBe(
      '{"id":9007199254740993,"body":"<p>Grüße 👋</p>","x":1.0}',
    );
  });

  it('follows the legacy timeline while it runs: a boundary needs no deploy', async () => {
    const close = aPost({
      type: 'conversation_status_updated',
      data: { conversationId: 2, status: 'closed', changedAt: 3 },
    });
    now = publishedLegacyTimeline.removedAt - 1;
    expect(JSON.stringify((await post(close)).json)).toContain('conversation_status_updated');
    now = publishedLegacyTimeline.removedAt;
    expect(JSON.stringify((await post(close)).json)).not.toContain('conversation_status_updated');
  });

  it.each([undefined, null, 'none', 5.5])(
    'a close of conversation %j is accepted, and pushes nothing',
    async (conversationId) => {
      const close = { conversationId, status: 'closed', changedAt: 3 };
      const { statusCode, json } = await post(aPost({ type: 'conversation_status_updated', data: close }));
      expect(statusCode).toBe(202);
      expect(json).toMatchObject({
        status: 'accepted',
        detail: expect.stringContaining('data.conversationId'),
        events: [],
      });
    },
  );

  it.each([
    ['new_message', 'conversationId'],
    ['new_command_message', 'conversationId'],
    ['button_clicked', 'conversationId'],
    ['conversation_status_updated', 'conversationId'],
    ['conversation_inactive', 'conversationId'],
    ['conversation_manual_push', 'conversationId'],
    ['new_conversation', 'id'],
  ])('a %s without a usable data.%s is accepted, and said to bring no quiet period', async (type, field) => {
    for (const id of ['abc', { a: 1 }, 1.5, '77 ', undefined]) {
      const { statusCode, json } = await post(aPost({ type, data: { [field]: id } }));
      expect(statusCode).toBe(202);
      expect(json.detail).toBe(
        `data.${field} is not an id, so neither a push nor a quiet period follows from this event`,
      );
    }
    expect((await post(aPost({ type, data: { [field]: '77' } }))).json).not.toHaveProperty('detail');
    expect(noted.every(({ key }) => key === '1#77')).toBe(true);
  });

  it('a type that belongs to no conversation needs no id', async () => {
    expect((await post(aPost({ type: 'contact_identified', data: { id: 'abc' } }))).json).not.toHaveProperty('detail');
  });

  it('an unknown type passes', async () => {
    expect((await post(aPost({ type: 'invented_tomorrow' }))).statusCode).toBe(202);
    expect(publisher.typesPublished()).toEqual(['invented_tomorrow']);
  });

  it('notes for the timers, before it answers, an activity and Drift’s own inactivity, and nothing else', async () => {
    await post(aPost({ data: { id: 1, conversationId: 2, createdAt: now - 5 } }));
    await post(aPost({ type: 'new_conversation', data: { id: 3, createdAt: now - 4 } }));
    const closed = { conversationId: 4, status: 'closed', changedAt: now - 3 };
    await post(aPost({ type: 'conversation_status_updated', data: closed }));
    await post(aPost({ type: 'conversation_inactive', data: { conversationId: 5, lastUpdated: now - 2 } }));
    await post(aPost({ type: 'phone_captured', data: { conversationId: 6 } }));
    expect(noted).toEqual([
      { key: '1#2', at: now - 5 },
      { key: '1#3', at: now - 4, openedAt: now - 4 },
      { key: '1#4', at: now - 3, closedAt: now - 3 },
      { key: '1#5', settledAt: now - 2 },
    ]);
  });

  it('does not note what the bus did not take', async () => {
    publisher.nextOutcomes.push({ kind: 'failed', reason: 'InternalFailure' });
    await post(aPost());
    expect(noted).toEqual([]);
  });

  it('is accepted all the same where it cannot be noted, which is counted', async () => {
    failNote = true;
    expect((await post(aPost())).statusCode).toBe(202);
    expect(metrics.valuesOf('ActivityNotNoted')).toEqual([1]);
  });

  it("Drift's own conversation_push is accepted and superseded", async () => {
    const { statusCode, json } = await post(aPost({ type: 'conversation_push' }));
    expect(statusCode).toBe(202);
    expect(json).toMatchObject({ status: 'accepted', superseded: true, events: [] });
    expect(publisher.published).toEqual([]);
  });

  it('a bus that does not take it is answered 503, and the same post completes it under the same ids', async () => {
    publisher.nextOutcomes.push({ kind: 'failed', reason: 'InternalFailure' });
    const first = await post(aPost());
    expect(first.statusCode).toBe(503);
    expect(first.headers?.['retry-after']).toBe('5');
    const second = await post(aPost());
    const third = await post(aPost());
    expect(second.json.events).toEqual(third.json.events);
  });

  it('an event that grows too large for the bus by its envelope is answered 413', async () => {
    publisher.nextOutcomes.push({ kind: 'too-large', type: 'conversation_push', bytes: 300_000 });
    expect((await post(aPost())).statusCode).toBe(413);
  });
});
