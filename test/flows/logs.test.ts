import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Subscriber } from '../../lab/support/subscriber.ts';
import type { LogLine } from '../../local/aws/runtime/log-buffer.ts';
import { type LocalStack, startLocalStack } from '../../local/local-stack.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Every secret, token and text that goes in begins like this, so that one search finds what came out. In lower case, as
 * hosts become, and too long to turn up in a random id.
 */
const mark = 'marked-zq7';
const driftToken = `${mark}-drift-token`;

describe('the logs of the whole path', () => {
  const lines: LogLine[] = [];
  const notices: string[] = [];
  const waiting = new Set<() => void>();
  let stack: LocalStack;

  beforeAll(async () => {
    stack = await startLocalStack({
      driftToken,
      quietPeriodSeconds: 1,
      traces: 'on',
      onNotice: (text) => notices.push(text),
      onLog(line) {
        lines.push(line);
        for (const look of waiting) look();
      },
    });
  });
  afterAll(() => stack?.stop());
  beforeEach(() => {
    lines.length = 0;
    notices.length = 0;
  });

  function structured(): Fields[] {
    return lines.flatMap(({ text }) => (text.startsWith('{') ? [JSON.parse(text) as Fields] : []));
  }

  /** Resolves as soon as so many lines are there that `isWanted`. */
  async function untilLogged(isWanted: (line: Fields) => boolean, count: number, what: string): Promise<Fields[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`waited for ${what}; logged: ${lines.map(({ text }) => text).join('\n')}`));
      }, 30_000);
      const look = (): void => {
        const found = structured().filter(isWanted);
        if (found.length < count) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  }
  const attempts = (line: Fields): boolean => line.message === 'attempt';

  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${stack.api}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const post = (event: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Response> =>
    call('POST', '/drift/events', { token: driftToken, ...event }, headers);

  async function subscribe(
    subscription: Record<string, unknown>,
  ): Promise<{ readonly subscriptionId: string; readonly secret: string }> {
    const response = await call('POST', '/v1/subscriptions', subscription);
    const created = (await response.json()) as { subscriptionId: string; secret: string };
    expect(response.status, JSON.stringify(created)).toBe(201);
    for (;;) {
      const seen = (await (await call('GET', `/v1/subscriptions/${created.subscriptionId}`)).json()) as Fields;
      if (seen.provisioning === 'ready') return created;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  describe('name one trace', () => {
    const aTraceId = (): string => `1-67e5e000-${randomBytes(12).toString('hex')}`;

    it("from Drift's post to every answer of every subscriber, a batch's other traces kept apart", async () => {
      const [one, other] = await Promise.all([Subscriber.start(), Subscriber.start()]);
      try {
        let refusals = 1;
        other.answer = (_, response) => response.writeHead(refusals-- > 0 ? 503 : 204).end();
        await subscribe({ url: one.url, eventTypes: ['phone_captured'], orgIds: [51] });
        await subscribe({ url: other.url, eventTypes: ['phone_captured'], orgIds: [51] });
        const traces = new Map<string, string>();
        await Promise.all(
          Array.from({ length: 12 }, async (_, conversationId) => {
            const traceId = aTraceId();
            const response = await post(
              { orgId: 51, type: 'phone_captured', data: { conversationId } },
              { 'x-amzn-trace-id': `Root=${traceId};Sampled=1` },
            );
            const { events } = (await response.json()) as { events: { id: string }[] };
            for (const { id } of events) traces.set(id, traceId);
          }),
        );
        const delivered = (line: Fields): boolean => attempts(line) && line.state === 'delivered';
        await untilLogged(delivered, 24, 'every delivery');

        const made = structured().filter(attempts);
        expect(made.length).toBe(25);
        for (const line of made) expect(line.xray_trace_id).toBe(traces.get(String(line.webhookId)));
        // In X-Ray too: each attempt is a part of the trace of its post, and of no other.
        const posted = new Set(traces.values());
        const told = made.map((line) => `${line.xray_trace_id} ${line.webhookId}`).sort();
        await vi.waitFor(() => {
          const segments = stack.traces.list().filter(({ trace_id }) => posted.has(trace_id));
          const joined = segments.map(
            ({ trace_id, annotations }) => `${trace_id} ${(annotations as Fields).webhookId}`,
          );
          expect(joined.sort()).toEqual(told);
          expect(segments.filter(({ fault }) => fault === true)).toHaveLength(1);
        });
        for (const line of structured().filter(({ message }) => message === 'accepted')) {
          const [event] = line.events as { id: string }[];
          expect(line.xray_trace_id).toBe(traces.get(event?.id ?? ''));
        }
      } finally {
        await Promise.all([one.stop(), other.stop()]);
      }
    });

    it('of its own to each post that brings none', async () => {
      await post({ orgId: 52, type: 'x', data: { n: 1 } });
      await post({ orgId: 52, type: 'x', data: { n: 2 } }, { 'x-amzn-trace-id': 'Root=nonsense' });
      const accepted = await untilLogged(({ message }) => message === 'accepted', 2, 'two posts');
      const ids = accepted.map((line) => String(line.xray_trace_id));
      expect(new Set(ids).size).toBe(2);
      for (const id of ids) expect(id).toMatch(/^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    });
  });

  it('hold no secret, no token, no header, no path, no query and no body, whatever goes right or wrong', async () => {
    const secrets: string[] = [];
    const answers: { status: number; headers?: Record<string, string> }[] = [
      { status: 500, headers: { 'x-why': `${mark}-answer-header` } },
      { status: 302, headers: { location: `http://127.0.0.1/${mark}-location?q=${mark}` } },
      { status: 429, headers: { 'retry-after': `${mark}-retry-after` } },
      { status: 200 },
    ];
    const server = createServer((request, response) => {
      request.resume();
      const { status, headers } = answers.shift() ?? { status: 200 };
      response.writeHead(status, headers).end(`${mark}-answer-body`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/${mark}-path?key=${mark}-query`;
    const headers = { authorization: `Bearer ${mark}-header`, 'x-api-key': `${mark}-api-key` };
    const data = {
      conversationId: 5,
      body: `<p>${mark}-body</p>`,
      email: `${mark}@example.com`,
      createdAt: Date.now(),
    };

    try {
      // Managing: what is taken, what is refused, what nobody expected.
      const create = (extra: Record<string, unknown>): Record<string, unknown> => ({
        url,
        eventTypes: ['new_message', 'conversation_inactive', 'phone_captured'],
        orgIds: [61],
        headers,
        description: `${mark}-description`,
        filter: { email: [{ exists: true }, `${mark}@example.com`] },
        ...extra,
      });
      const good = await subscribe(create({ eventTypes: ['new_message', 'phone_captured'] }));
      const refused = await subscribe({
        url: `http://127.0.0.1:1/${mark}-closed?${mark}`,
        eventTypes: ['phone_captured'],
        orgIds: [61],
        headers,
      });
      const noTls = await subscribe({
        url: `https://127.0.0.1:${port}/${mark}-tls?${mark}`,
        eventTypes: ['phone_captured'],
        orgIds: [61],
      });
      secrets.push(good.secret, refused.secret, noTls.secret);
      const rotated = (await (
        await call('POST', `/v1/subscriptions/${good.subscriptionId}/rotate-secret`, {})
      ).json()) as { secret: string };
      await call('POST', `/v1/subscriptions/${good.subscriptionId}/rotate-secret`, { scheme: 'v1a' });
      const dynamo = new DynamoDBClient({
        endpoint: stack.aws,
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
      });
      const { Item } = await dynamo.send(
        new GetItemCommand({
          TableName: stack.tables.subscriptions,
          Key: { subscriptionId: { S: good.subscriptionId }, record: { S: 'config' } },
        }),
      );
      const privateKey = Item?.secrets?.L?.[0]?.M?.secret?.S ?? '';
      expect(privateKey).toMatch(/^whsk_/);
      secrets.push(rotated.secret, privateKey);
      await Promise.all(
        [
          create({ url: `ftp://${mark}-host/${mark}` }),
          create({ url: `http://${mark}-user:${mark}-password@127.0.0.1/` }),
          create({ url: 5 }),
          create({ headers: { [`bad ${mark}`]: mark, authorization: `a\r\n${mark}` } }),
          create({ headers: `${mark}-headers` }),
          create({ filter: { [`${mark}-field`]: [{ wildcard: `*${mark}` }] } }),
          create({ filter: `${mark}-filter` }),
          create({ [`${mark}-unknown`]: mark }),
          `{"url":"${mark}`,
          `"${mark}"`,
        ].map(async (body) => expect((await call('POST', '/v1/subscriptions', body)).status).toBe(400)),
      );
      await call('PATCH', `/v1/subscriptions/${good.subscriptionId}`, {
        headers: { ...headers, 'x-more': `${mark}-more` },
      });
      await call('POST', '/v1/filters/test', { filter: { email: [mark] }, event: { data } });
      await call('GET', `/v1/subscriptions?cursor=${mark}`, undefined, headers);
      await call('PUT', '/v1/orgs/61/settings', { quietPeriodSeconds: mark });

      // Provisioning: items that people write straight into the table.
      const own = `whsec_${Buffer.from(`${mark}-own-secret-of-24-bytes`).toString('base64')}`;
      secrets.push(own);
      const putItem = (subscriptionId: string, rest: Record<string, unknown>): Promise<unknown> =>
        dynamo.send(
          new PutItemCommand({
            TableName: stack.tables.subscriptions,
            Item: {
              subscriptionId: { S: subscriptionId },
              record: { S: 'config' },
              url: { S: url },
              eventTypes: { L: [{ S: 'phone_captured' }] },
              orgIds: { L: [{ N: '61' }] },
              ...(rest as Record<string, never>),
            },
          }),
        );
      await putItem('by-hand', { secrets: { L: [{ M: { secret: { S: own } } }] } });
      await putItem('by-hand-wrong', {
        url: { S: `ftp://${mark}` },
        headers: { M: { 'x y': { S: mark } } },
        secrets: { L: [{ M: { secret: { S: `${mark}-no-secret` } } }] },
      });
      await untilLogged(
        ({ subscriptionId, message }) => subscriptionId === 'by-hand' && message === 'reconciled',
        1,
        'the route of by-hand',
      );

      // Ingest: accepted, superseded, refused.
      const event = { orgId: 61, type: 'phone_captured', data };
      expect((await post(event)).status).toBe(202);
      expect((await post({ ...event, type: 'new_message', data: { ...data, id: 1 } })).status).toBe(202);
      expect((await post({ ...event, type: 'conversation_push' })).status).toBe(202);
      const statuses = await Promise.all(
        [
          post({ ...event, token: `${mark}-wrong-token` }),
          post({ ...event, token: undefined }, { 'x-verification-token': `${mark}-wrong-header` }),
          call('POST', `/drift/events?token=${driftToken}`, { ...event, token: undefined }, headers),
          call('POST', '/drift/events', `{"orgId":61,"token":"${driftToken}","type":"${mark}`),
          post({ ...event, orgId: `${mark}-org` }),
          post({ ...event, type: 7 }),
          post({ ...event, data: `${mark}-data` }),
          post({ ...event, data: { text: `${mark}${'x'.repeat(262_144)}` } }),
          call('POST', '/drift/events', Buffer.from(`\xff${mark}`, 'latin1').toString('latin1'), {
            'content-type': 'application/octet-stream',
          }),
        ].map(async (answer) => (await answer).status),
      );
      expect(statuses.filter((status) => status < 400)).toEqual([]);

      // Delivering: a refused connection, a wrong protocol, an answer of each kind, and what is no event at all.
      const queueOf = (name: string): string =>
        stack.queues.list().find((queue) => queue.name.endsWith(name))?.name ?? `no queue ${name}`;
      const prefix = queueOf(good.subscriptionId).replace(good.subscriptionId, '');
      const garbage = [`${mark}-garbage`, `{"detail":{"id":"${mark}`, `{"detail":{"data":{"text":"${mark}"}}}`];
      for (const queue of stack.queues.list()) {
        if (queue.name.endsWith('-dlq') || /deadletters|lostchanges/i.test(queue.name)) continue;
        for (const body of garbage) queue.send({ body });
      }
      expect(prefix).not.toContain('no queue');
      await untilLogged((line) => attempts(line) && line.subscriptionId === refused.subscriptionId, 1, 'a refusal');
      await untilLogged((line) => attempts(line) && line.subscriptionId === noTls.subscriptionId, 1, 'a TLS error');
      await untilLogged((line) => attempts(line) && line.state === 'delivered', 1, 'a delivery');
      await untilLogged((line) => attempts(line) && line.status === 500, 1, 'a failure');
      await untilLogged(({ message }) => message === 'malformed message', 12, 'what is no event');
      await untilLogged(({ message }) => message === 'control message failed', 1, 'what is no control message');
      await untilLogged(({ message }) => message === 'conversation inactive', 1, 'the inactivity');
      for (const path of ['deliveries', '']) {
        await call('GET', `/v1/subscriptions/${good.subscriptionId}/${path}`.replace(/\/$/, ''));
      }
      await call('DELETE', `/v1/subscriptions/${refused.subscriptionId}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }

    const output = [...lines.map(({ functionName, text }) => `${functionName}: ${text}`), ...notices];
    expect(output.length).toBeGreaterThan(40);
    const forbidden = [mark, ...secrets, ...secrets.map((secret) => secret.replace(/^wh\w+_/, ''))];
    const leaks = output.filter((text) => forbidden.some((word) => word !== '' && text.includes(word)));
    expect(leaks).toEqual([]);
  });
});
