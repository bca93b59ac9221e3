import { beforeEach, describe, expect, it } from 'vitest';
import { anEnvelope, aRecord } from '../../lab/support/deliveries.ts';
import { aSecret, aSubscriptionItem, aTimeline, day } from '../../lab/support/subscriptions.ts';
import { apiHeaders, apiRoutes } from '../../lambdas/contracts/api-routes.ts';
import { endpointHash } from '../../lambdas/domain/subscriptions/endpoint-hash.ts';
import { parseJson } from '../../lambdas/json/json.ts';
import { type Answer, World } from './manage-world.ts';

const hour = 60 * 60 * 1000;

let world: World;
beforeEach(() => {
  world = new World();
});

describe('creating a subscription', () => {
  it('answers with its id, its path and its secret, shown this once', async () => {
    const { status, body, headers } = await world.ask('POST', '/v1/subscriptions', {
      url: 'https://hooks.example.com/',
      eventTypes: ['new_message'],
      orgIds: [1, '2'],
      filter: { status: ['closed'] },
      headers: { authorization: 'Bearer x' },
      description: 'the CRM',
      maxConcurrency: 5,
      maxBatchingWindowSeconds: 30,
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      subscriptionId: expect.stringMatching(/^sub_[0-9a-z]{26}$/),
      orgIds: [1, 2],
      filter: { status: ['closed'] },
      status: 'active',
      provisioning: 'pending',
      secret: expect.stringMatching(/^whsec_/),
    });
    expect(headers.location).toBe(`/v1/subscriptions/${body.subscriptionId}`);
    const shown = await world.ask('GET', headers.location ?? '');
    expect(shown.text).not.toContain('whsec_');
    expect(shown.headers.etag).toBe(headers.etag);
  });

  it('loses no digit of an organisation or a filter', async () => {
    const text =
      '{"url":"https://hooks.example.com/","eventTypes":["a"],"orgIds":[9007199254740993],"filter":{"id":[9007199254740995],"price":[300.0]}}';
    const created = await world.ask('POST', '/v1/subscriptions', text);
    expect(created.text).toContain('"orgIds":[9007199254740993]');
    expect(created.text).toContain('"filter":{"id":[9007199254740995],"price":[300.0]}');
  });

  it.each([
    ['not JSON', '{"url":', 'the body is not JSON'],
    ['a list', [], 'the body is not a JSON object'],
    ['nothing', undefined, 'the body is missing'],
    ['too deep', '['.repeat(200), 'the body is nested deeper than 100 levels'],
  ])('with a body that is %s is refused', async (_, body, detail) => {
    const answer = await world.ask('POST', '/v1/subscriptions', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body.detail).toContain(detail);
  });

  it('names every field that is wrong', async () => {
    const { status, body } = await world.ask('POST', '/v1/subscriptions', {
      url: 'http://10.0.0.1/',
      eventTypes: ['a'],
      filter: { x: [{ prefix: 5 }] },
      headers: { host: 'x' },
    });
    expect(status).toBe(400);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
      'url',
      expect.stringMatching(/^filter\.x/),
      'headers.host',
    ]);
  });

  it('refuses fields that only the system writes', async () => {
    const { body } = await world.ask('POST', '/v1/subscriptions', {
      url: 'https://hooks.example.com/',
      eventTypes: ['a'],
      subscriptionId: 'mine',
    });
    expect(body.errors).toEqual([{ field: 'subscriptionId', detail: 'is not a known field' }]);
  });

  it('refuses the legacy event once it is closed, and names what to ask for instead', async () => {
    const { status, body } = await world.ask('POST', '/v1/subscriptions', {
      url: 'https://hooks.example.com/',
      eventTypes: ['conversation_status_updated'],
    });
    expect(status).toBe(400);
    expect(body.detail).toContain('conversation_manual_push, conversation_inactive, conversation_push');
  });

  it('refuses a body that is too large', async () => {
    const { status } = await world.ask('POST', '/v1/subscriptions', { description: 'x'.repeat(300_000) });
    expect(status).toBe(413);
  });
});

describe('an Idempotency-Key', () => {
  const fields = { url: 'https://hooks.example.com/', eventTypes: ['new_message'] };
  const post = (body: unknown, key = 'k-1') => world.ask('POST', '/v1/subscriptions', body, { 'Idempotency-Key': key });

  it('gives the first answer again, secret and all, and makes nothing twice', async () => {
    const first = await post(fields);
    const again = await post({ eventTypes: ['new_message'], url: 'https://hooks.example.com/' });
    expect(again).toEqual(first);
    expect(first.status).toBe(201);
    expect(world.subscriptions.configs.size).toBe(1);
    expect((await post(fields, 'k-2')).body.subscriptionId).not.toBe(first.body.subscriptionId);
  });

  it('gives the first answer also once the subscription is gone', async () => {
    const first = await post(fields);
    await world.ask('DELETE', `/v1/subscriptions/${first.body.subscriptionId}`);
    expect(await post(fields)).toEqual(first);
    expect(world.subscriptions.configs.size).toBe(0);
  });

  it('with another body is a conflict', async () => {
    await post(fields);
    const { status, body } = await post({ ...fields, description: 'other' });
    expect(status).toBe(409);
    expect(body.detail).toContain('another body');
  });

  it.each(
    apiRoutes.flatMap(({ method, path, ...route }) => {
      const taken: readonly string[] = 'headers' in route ? route.headers : [];
      return apiHeaders.filter((name) => !taken.includes(name)).map((name) => [method, path, name] as const);
    }),
  )('%s %s refuses %s, which it would pass over', async (method, path, name) => {
    const { status, body } = await world.ask(method, path.replaceAll(/\{\w+\}/g, '1'), undefined, { [name]: 'k-1' });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field: name, detail: 'is not taken by this operation; leave the header out' }]);
  });

  it('is forgotten after 24 hours', async () => {
    const first = await post(fields);
    world.now += day;
    const later = await post({ ...fields, description: 'other' });
    expect(later.status).toBe(201);
    expect(later.body.subscriptionId).not.toBe(first.body.subscriptionId);
  });

  it('of a request that broke off midway makes the same subscription, not a second one', async () => {
    const { requestKeys } = world;
    const release = requestKeys.release.bind(requestKeys);
    requestKeys.release = async () => {
      throw new Error('the function ended here');
    };
    expect((await post(fields)).status).toBe(500);
    const [made] = world.subscriptions.configs.keys();
    requestKeys.release = release;
    // As long as the first may still be at work nothing is begun.
    const early = await post(fields);
    expect([early.status, early.headers['retry-after']]).toEqual([409, '10']);
    world.now += 10_000;
    const { body } = await post(fields);
    expect(body.subscriptionId).toBe(made);
    expect([...world.subscriptions.configs.keys()]).toEqual([made]);
    expect(world.subscriptions.configs.get(made ?? '')?.secrets).toEqual([{ secret: body.secret }]);
  });

  it('of a request that was refused can be used again', async () => {
    expect((await post({ ...fields, url: 'ftp://x' })).status).toBe(400);
    expect((await post(fields)).status).toBe(201);
  });

  it('must be one', async () => {
    for (const key of ['', 'a b', 'x'.repeat(256)]) expect((await post(fields, key)).status).toBe(400);
  });
});

describe('a body', () => {
  const fields = { url: 'https://hooks.example.com/', eventTypes: ['new_message'] };
  const post = (body: string, headers: Record<string, string> = {}) =>
    world.ask('POST', '/v1/subscriptions', body, headers);

  it('may begin with a byte order mark', async () => {
    expect((await post(`\ufeff${JSON.stringify(fields)}`)).status).toBe(201);
  });

  it('that is compressed is refused, and the answer says how to send it', async () => {
    const { status, headers } = await post(JSON.stringify(fields), { 'content-encoding': 'gzip' });
    expect(status).toBe(415);
    expect(headers['accept-encoding']).toBe('identity');
    expect((await post(JSON.stringify(fields), { 'content-encoding': 'identity' })).status).toBe(201);
  });

  it('that is not UTF-8 is refused, not stored with other characters', async () => {
    const latin1 = Buffer.from(JSON.stringify({ ...fields, description: 'caf\u00e9' }), 'latin1');
    const { status, body } = await world.ask('POST', '/v1/subscriptions', latin1);
    expect(status).toBe(400);
    expect(body.detail).toBe('the body is not UTF-8');
  });

  it('may write whole numbers in any way', async () => {
    const { status, body } = await post(
      '{"url":"https://hooks.example.com/","eventTypes":["new_message"],"maxConcurrency":10.0,"maxBatchingWindowSeconds":3e1,"orgIds":[5.0]}',
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({ maxConcurrency: 10, maxBatchingWindowSeconds: 30, orgIds: [5] });
    const { status: ofSettings } = await world.ask('PUT', '/v1/orgs/7/settings', '{"quietPeriodSeconds":600.0}');
    expect(ofSettings).toBe(200);
  });

  it.each([
    ['a field', '"url":"https://hooks.example.com/2"', 'url'],
    ['an escaped name', '"\\u0075rl":"https://hooks.example.com/2"', 'url'],
    ['a member of a filter', '"filter":{"status":["open"],"status":["closed"]}', 'status'],
  ])('with %s that is given twice is refused by that name, not read as the last', async (_, member, field) => {
    const { status, body } = await post(`{"url":"https://hooks.example.com/","eventTypes":["new_message"],${member}}`);
    expect([status, body.errors]).toEqual([400, [{ field, detail: 'is given more than once' }]]);
  });

  it('whose field is wrong in two ways names it once', async () => {
    const { body } = await post('{"url":[],"eventTypes":["new_message"]}');
    expect(body).toMatchObject({ detail: 'url: must be a text', errors: [{ field: 'url' }] });
    const replay = await world.ask('POST', `/v1/subscriptions/${await world.create()}/replay`, '{"webhookId":[]}');
    expect(replay.body).toMatchObject({ detail: 'webhookId: must be a text', errors: [{ field: 'webhookId' }] });
    expect(replay.body.errors).toHaveLength(1);
  });

  it('keeps a member __proto__ of a filter, which would match more without it', async () => {
    const { status, text } = await post(
      '{"url":"https://hooks.example.com/","eventTypes":["new_message"],"filter":{"a":["b"],"__proto__":["z"]}}',
    );
    expect(status).toBe(201);
    expect(text).toContain('"filter":{"a":["b"],"__proto__":["z"]}');
  });

  it.each([
    ['a header', '"headers":{"__proto__":"x"}', 'headers.__proto__'],
    ['a field', '"__proto__":{"x":1}', '__proto__'],
  ])('with %s called __proto__ is refused by that name', async (_, member, field) => {
    const { status, body } = await post(`{"url":"https://hooks.example.com/","eventTypes":["new_message"],${member}}`);
    expect(status).toBe(400);
    expect(body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });
});

describe('headers that look like credentials', () => {
  const headers = { Authorization: 'Bearer hunter2', 'X-Api-Key': 'k', 'X-Tenant': 'acme' };
  const masked = { Authorization: '********', 'X-Api-Key': '********', 'X-Tenant': 'acme' };

  it('are masked wherever they are shown, and stored as they are', async () => {
    const id = await world.create({ headers });
    for (const path of ['/v1/subscriptions', `/v1/subscriptions/${id}`]) {
      const { text } = await world.ask('GET', path);
      expect(text).not.toContain('hunter2');
      expect(text).toContain(JSON.stringify(masked));
    }
    expect(world.subscriptions.configs.get(id)?.headers).toEqual(headers);
  });

  it('are left as they are by who sends back what was shown', async () => {
    const id = await world.create({ headers });
    const { body: shown } = await world.ask('GET', `/v1/subscriptions/${id}`);
    const change = { ...shown.headers, 'X-Tenant': 'other', 'x-api-key': '********' };
    delete change['X-Api-Key'];
    expect((await world.ask('PATCH', `/v1/subscriptions/${id}`, { headers: change })).status).toBe(200);
    expect(world.subscriptions.configs.get(id)?.headers).toEqual({
      Authorization: 'Bearer hunter2',
      'X-Tenant': 'other',
      'x-api-key': 'k',
    });
  });

  it('cannot be set to the mask where there is no value', async () => {
    const id = await world.create({ headers });
    const { status, body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, {
      headers: { cookie: '********' },
    });
    expect(status).toBe(400);
    expect(body.errors[0].field).toBe('headers.cookie');
    const fields = { url: 'https://hooks.example.com/', eventTypes: ['new_message'], headers: masked };
    expect((await world.ask('POST', '/v1/subscriptions', fields)).status).toBe(400);
  });
});

describe('an event type that nobody knows', () => {
  const warnings = [
    { field: 'eventTypes[1]', detail: 'new_mesage is not a known event type; did you mean new_message?' },
  ];

  it('is accepted with a warning that names the nearest one', async () => {
    const eventTypes = ['conversation_push', 'new_mesage'];
    const fields = { url: 'https://hooks.example.com/', eventTypes };
    const { status, body } = await world.ask('POST', '/v1/subscriptions', fields);
    expect(status).toBe(201);
    expect(body.warnings).toEqual(warnings);
    const { body: changed } = await world.ask('PATCH', `/v1/subscriptions/${body.subscriptionId}`, { eventTypes });
    expect(changed.warnings).toEqual(warnings);
  });

  it('that is like none is named without a guess', async () => {
    const fields = { url: 'https://hooks.example.com/', eventTypes: ['brand_new_thing_of_drift'] };
    const { body } = await world.ask('POST', '/v1/subscriptions', fields);
    expect(body.warnings[0].detail).toBe('brand_new_thing_of_drift is not a known event type');
  });

  it('warns of no known type', async () => {
    const eventTypes = ['new_message', 'webhook_delivery_exhausted'];
    const { body } = await world.ask('POST', '/v1/subscriptions', { url: 'https://hooks.example.com/', eventTypes });
    expect(body).not.toHaveProperty('warnings');
  });
});

describe('showing a subscription', () => {
  it.each([
    ['open', 5000, 'open'],
    ['probing', -1, 'probing'],
  ])(
    'whose endpoint is not tried says that its circuit is %s, since when, why, and when it is tried',
    async (_, ahead, state) => {
      const id = await world.create();
      const probeAt = world.now + ahead;
      await world.provision(id, { circuit: { state: 'open', reason: 'failing', since: 0, probeAt, probes: 1 } });
      const { body } = await world.ask('GET', `/v1/subscriptions/${id}`);
      expect(body.circuit).toEqual({
        state,
        since: '1970-01-01T00:00:00.000Z',
        nextProbeAt: new Date(probeAt).toISOString(),
        reason: 'failing',
      });
    },
  );

  it('whose circuit is closed shows none', async () => {
    const id = await world.create();
    await world.provision(id, { circuit: { state: 'ramping', since: world.now, probes: 1 } });
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body).not.toHaveProperty('circuit');
  });

  it('says that what is configured is in force, or not yet', async () => {
    const id = await world.create();
    await world.provision(id);
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({
      provisioning: 'ready',
      delivering: true,
    });
    world.subscriptions.put({ ...world.subscriptions.configs.get(id), subscriptionId: id, status: 'paused' });
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({
      status: 'paused',
      provisioning: 'pending',
    });
  });

  it('says how much waits, and what lies with the dead letters, also while nothing is tried', async () => {
    const id = await world.create();
    await world.provision(id);
    world.queues.depths = { waiting: 850, inFlight: 2, deadLetters: 1 };
    const shown = async () => (await world.ask('GET', `/v1/subscriptions/${id}`)).body;
    expect(await shown()).toMatchObject({ queue: { waiting: 850, inFlight: 2, deadLetters: 1 } });
    world.queues.exist = false;
    expect(await shown()).not.toHaveProperty('queue');
    world.queues.depths = new Error('throttled');
    expect(await shown()).toMatchObject({ provisioning: 'ready' });
  });

  it('says until when its endpoint wants no attempt', async () => {
    const id = await world.create();
    await world.provision(id, { throttledUntil: world.now + 300_000 });
    const shown = async () => (await world.ask('GET', `/v1/subscriptions/${id}`)).body;
    expect(await shown()).toMatchObject({ throttledUntil: new Date(world.now + 300_000).toISOString() });
    await world.provision(id, { throttledUntil: world.now });
    expect(await shown()).not.toHaveProperty('throttledUntil');
  });

  it('is delivering while a change waits that does not touch where its events go', async () => {
    const id = await world.create();
    const config = { ...world.subscriptions.configs.get(id), subscriptionId: id };
    const appliedEndpoint = endpointHash({ url: String(world.subscriptions.configs.get(id)?.url), status: 'active' });
    await world.provision(id, { appliedEndpoint });
    const shown = async () => (await world.ask('GET', `/v1/subscriptions/${id}`)).body;
    world.subscriptions.put({ ...config, eventTypes: ['button_clicked'] });
    expect(await shown()).toMatchObject({ provisioning: 'pending', delivering: true });
    world.subscriptions.put({ ...config, url: 'https://elsewhere.example' });
    expect(await shown()).toMatchObject({ provisioning: 'pending', delivering: false });
  });

  it('says why it is rejected, also before that was written down', async () => {
    world.subscriptions.put(aSubscriptionItem({ url: 'ftp://x', eventTypes: 'new_message', secrets: [aSecret] }));
    const { body, text } = await world.ask('GET', '/v1/subscriptions/sub_1');
    expect(body).toMatchObject({ status: 'rejected', provisioning: 'rejected', url: 'ftp://x' });
    expect(body.reason).toContain('eventTypes: must be a list');
    expect(text).not.toContain('whsec_');
  });

  it('says that it is disabled, and why', async () => {
    const id = await world.create();
    await world.provision(id, { disabled: { at: 0, reason: 'the endpoint answered 410' } });
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({
      status: 'disabled',
      disabled: { at: '1970-01-01T00:00:00.000Z', reason: 'the endpoint answered 410' },
      delivering: false,
    });
  });

  it('answers 404 for one that is not there', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/rotate-secret'],
      ['POST', '/test'],
      ['GET', '/deliveries'],
      ['GET', '/replay'],
    ] as const) {
      const body = method === 'PATCH' ? {} : undefined;
      expect((await world.ask(method, `/v1/subscriptions/sub_nobody${path}`, body)).status).toBe(404);
    }
  });
});

describe('listing subscriptions', () => {
  it('goes through all of them, page by page, each once', async () => {
    const ids = new Set<string>();
    for (let count = 0; count < 5; count++) ids.add(await world.create());
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await world.ask('GET', `/v1/subscriptions?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.subscriptions.map(({ subscriptionId }: { subscriptionId: string }) => subscriptionId));
      cursor = body.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(ids);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=nonsense'])('refuses %s', async (query) => {
    const { status, body } = await world.ask('GET', `/v1/subscriptions?${query}`);
    expect(status).toBe(400);
    expect(body.errors[0].field).toBe(query.split('=')[0]);
  });
});

describe('changing a subscription', () => {
  it('replaces the fields that are given, removes those that are null, and leaves the others', async () => {
    const id = await world.create({ orgIds: [1], description: 'old', filter: { a: [1] } });
    const { status, body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, {
      description: 'new',
      orgIds: null,
      status: 'paused',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ description: 'new', status: 'paused', filter: { a: [1] } });
    expect(body).not.toHaveProperty('orgIds');
  });

  it('keeps the secret', async () => {
    const id = await world.create();
    const before = world.subscriptions.configs.get(id)?.secrets;
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { description: 'new' });
    expect(world.subscriptions.configs.get(id)?.secrets).toEqual(before);
  });

  it('with the etag of an older state is refused, and nothing is changed', async () => {
    const id = await world.create();
    const { headers } = await world.ask('GET', `/v1/subscriptions/${id}`);
    const etag = headers.etag ?? '';
    const change = (description: string) =>
      world.ask('PATCH', `/v1/subscriptions/${id}`, { description }, { 'If-Match': etag });
    expect((await change('first')).status).toBe(200);
    expect((await change('second')).status).toBe(412);
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body.description).toBe('first');
    expect((await world.ask('DELETE', `/v1/subscriptions/${id}`, undefined, { 'if-match': etag })).status).toBe(412);
  });

  it('that meets another change is made on what that left', async () => {
    const id = await world.create();
    let others = 1;
    world.subscriptions.beforeWrite = () => {
      const config = world.subscriptions.configs.get(id);
      if (others-- > 0) world.subscriptions.put({ ...config, subscriptionId: id, maxConcurrency: 7 });
    };
    const { body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { description: 'mine' });
    expect(body).toMatchObject({ description: 'mine', maxConcurrency: 7 });
  });

  it.each([
    ['in the year 9999', '9999-12-31T23:59:59.999Z'],
    ['at no time', 'soon'],
  ])('is made on an item that was changed, by hand, %s', async (_, updatedAt) => {
    const id = await world.create();
    world.subscriptions.put({ ...world.subscriptions.configs.get(id), subscriptionId: id, updatedAt });
    const { status, body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { description: 'mine' });
    expect([status, body.updatedAt]).toEqual([200, new Date(world.now).toISOString()]);
  });

  it.each([[{}], ['as it is'], [{ headers: { 'X-Api-Key': '********' } }]])(
    'that changes nothing (%j) leaves its time, its etag and what is in force',
    async (patch) => {
      const fields = { orgIds: [1], headers: { 'X-Api-Key': 'k' }, filter: { a: [300.5] }, description: 'mine' };
      const id = await world.create(fields);
      await world.provision(id);
      const path = `/v1/subscriptions/${id}`;
      const before = await world.ask('GET', path);
      expect(before.body.provisioning).toBe('ready');
      world.now += 1000;
      const { queue: _, ...shown } = before.body;
      const asItIs = Object.fromEntries(Object.keys(fields).map((name) => [name, shown[name]]));
      const { status, body, headers } = await world.ask('PATCH', path, patch === 'as it is' ? asItIs : patch);
      expect(status).toBe(200);
      expect(body).toEqual(shown);
      expect(headers.etag).toBe(before.headers.etag);
    },
  );

  it('gives up with a conflict when others never stop', async () => {
    const id = await world.create();
    let count = 2;
    world.subscriptions.beforeWrite = () => {
      const config = world.subscriptions.configs.get(id);
      world.subscriptions.put({ ...config, subscriptionId: id, maxConcurrency: count++ });
    };
    expect((await world.ask('PATCH', `/v1/subscriptions/${id}`, { description: 'x' })).status).toBe(409);
  });

  it('to active enables one that the system has disabled, and wakes the reconciler', async () => {
    const id = await world.create();
    await world.provision(id, { disabled: { at: 0, reason: '410' }, failures: 9 });
    const before = world.subscriptions.configs.get(id)?.updatedAt;
    const { body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'active' });
    expect(body.status).toBe('active');
    expect(world.subscriptions.states.get(id)).not.toHaveProperty('failures');
    expect(world.subscriptions.configs.get(id)?.updatedAt).not.toBe(before);
  });

  it('to active leaves one disabled whose change could not be written', async () => {
    const id = await world.create();
    await world.provision(id, { disabled: { at: 0, reason: '410' } });
    let count = 2;
    world.subscriptions.beforeWrite = () => {
      const config = world.subscriptions.configs.get(id);
      world.subscriptions.put({ ...config, subscriptionId: id, maxConcurrency: count++ });
    };
    expect((await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'active' })).status).toBe(409);
    expect(world.subscriptions.states.get(id)?.disabled).toEqual({ at: 0, reason: '410' });
  });

  it('to active says so in the config, also where it was active, so that the reconciler lifts what it finds, however late', async () => {
    const id = await world.create();
    const resumedAt = () => world.subscriptions.configs.get(id)?.resumedAt;
    expect(resumedAt()).toBeUndefined();
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'active' });
    const first = resumedAt();
    expect(first).toEqual(expect.any(String));
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { description: 'x' });
    expect(resumedAt()).toBe(first);
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'active' });
    expect(resumedAt()).not.toBe(first);
  });

  it.each([
    ['an open circuit', { circuit: { state: 'open', reason: 'failing', since: 0, probeAt: 9e15, probes: 9 } }],
    ['a rest that was asked for', { throttledUntil: 9e15 }],
  ] as const)('to active lifts %s', async (_what, state) => {
    const id = await world.create();
    await world.provision(id, state);
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { status: 'active' });
    expect(world.subscriptions.states.get(id)).not.toHaveProperty(Object.keys(state)[0] ?? '');
  });

  it('leaves what is refused as it was', async () => {
    const id = await world.create();
    const { status, body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { url: 'ftp://x', eventTypes: ['a'] });
    expect(status).toBe(400);
    expect(body.errors[0].field).toBe('url');
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body.eventTypes).toEqual(['new_message']);
  });

  it('heals an item that was written wrongly by hand', async () => {
    world.subscriptions.put(aSubscriptionItem({ url: 'ftp://x' }));
    const { status } = await world.ask('PATCH', '/v1/subscriptions/sub_1', { url: 'https://hooks.example.com/' });
    expect(status).toBe(200);
  });

  it('leaves the legacy event to those who have it, and gives it to nobody else', async () => {
    world.timeline = aTimeline(99 * day);
    world.now = 101 * day;
    world.subscriptions.put(aSubscriptionItem({ eventTypes: ['conversation_status_updated'] }));
    await world.subscriptions.changeState('sub_1', { set: { provisioning: 'ready', legacyAcceptedAt: 1 } });
    expect((await world.ask('PATCH', '/v1/subscriptions/sub_1', { description: 'x' })).status).toBe(200);
    const other = await world.create();
    const eventTypes = ['conversation_status_updated'];
    expect((await world.ask('PATCH', `/v1/subscriptions/${other}`, { eventTypes })).status).toBe(400);
  });
});

describe('deleting a subscription', () => {
  it('leaves none, and says so to who deletes it again', async () => {
    const id = await world.create();
    expect((await world.ask('DELETE', `/v1/subscriptions/${id}`)).status).toBe(204);
    expect((await world.ask('DELETE', `/v1/subscriptions/${id}`)).status).toBe(404);
  });
});

describe('rotating a secret', () => {
  it('gives a new one, and lets the old one sign on for a day', async () => {
    const id = await world.create();
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`);
    expect(status).toBe(200);
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.signingKeys).toEqual([
      { scheme: 'v1' },
      { scheme: 'v1', expiresAt: new Date(world.now + day).toISOString() },
    ]);
  });

  it('twice keeps all three in force', async () => {
    const id = await world.create();
    await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`, { overlapSeconds: 3600 });
    world.now += hour / 2;
    const { body } = await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`);
    expect(body.signingKeys).toHaveLength(3);
  });

  it('puts right a subscription whose secrets have all expired', async () => {
    const id = await world.create();
    world.subscriptions.put({
      ...world.subscriptions.configs.get(id),
      subscriptionId: id,
      secrets: [{ secret: aSecret, expiresAt: 1 }],
    });
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({
      status: 'rejected',
      reason: expect.stringContaining('have all expired'),
    });
    expect((await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`)).body).toMatchObject({
      status: 'active',
      signingKeys: [{}],
    });
  });

  it('of one whose secret was generated takes that one along', async () => {
    const { secrets: _, ...item } = aSubscriptionItem();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    await world.subscriptions.keepGeneratedSecret('sub_1', aSecret);
    const { body } = await world.ask('POST', '/v1/subscriptions/sub_1/rotate-secret');
    expect(body.signingKeys).toHaveLength(2);
    expect(world.subscriptions.configs.get('sub_1')?.secrets).toMatchObject([{}, { secret: aSecret }]);
  });

  it('of one whose secret was generated ends that one: the item put again without secrets does not bring it back', async () => {
    const { secrets: _, ...item } = aSubscriptionItem();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    await world.subscriptions.keepGeneratedSecret('sub_1', aSecret);
    await world.ask('POST', '/v1/subscriptions/sub_1/rotate-secret', { overlapSeconds: 0 });
    expect(world.subscriptions.states.get('sub_1')?.generatedSecrets).toBeUndefined();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    expect((await world.ask('GET', '/v1/subscriptions/sub_1')).body.signingKeys).toEqual([]);
  });

  it('to ed25519 gives the public key, and keeps the private one to itself', async () => {
    const id = await world.create();
    const { body } = await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`, { scheme: 'v1a' });
    expect(body.publicKey).toMatch(/^whpk_/);
    expect(body.signingKeys).toMatchObject([{ scheme: 'v1a', publicKey: body.publicKey }, { scheme: 'v1' }]);
    expect(JSON.stringify(body)).not.toContain('whsk_');
    expect(body).not.toHaveProperty('secret');
  });

  it('to ed25519 alone ends the shared secrets with the overlap', async () => {
    const id = await world.create();
    const path = `/v1/subscriptions/${id}/rotate-secret`;
    const rotation = { scheme: 'v1a', endOtherScheme: true, overlapSeconds: 60 };
    const { body } = await world.ask('POST', path, rotation);
    const expiresAt = new Date(world.now + 60_000).toISOString();
    expect(body.signingKeys).toEqual([
      { scheme: 'v1a', publicKey: body.publicKey },
      { scheme: 'v1', expiresAt },
    ]);
    world.now += 61_000;
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body.signingKeys).toHaveLength(1);
  });

  it('refuses an overlap of more than 7 days', async () => {
    const id = await world.create();
    const path = `/v1/subscriptions/${id}/rotate-secret`;
    const { status, body } = await world.ask('POST', path, { overlapSeconds: 604_801 });
    expect(status).toBe(400);
    expect(body.errors[0]).toEqual({ field: 'overlapSeconds', detail: 'must be at most 604800' });
  });
});

describe('testing a subscription', () => {
  it('sends a webhook_test over the bus and says what the subscriber answered', async () => {
    const id = await world.create();
    await world.provision(id);
    let looks = 0;
    world.deliveries.beforeRead = (webhookId) => {
      const record = aRecord({ subscriptionId: id, webhookId, state: 'retrying', lastStatus: 500, responseHead: 'oh' });
      if (++looks === 3) world.deliveries.records.push(record);
    };
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/test`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ outcome: 'retrying', delivery: { lastStatus: 500, responseHead: 'oh' } });
    expect(world.publisher.published).toMatchObject([
      {
        source: 'webhook-fanout',
        detail: { id: body.webhookId, orgId: null, type: 'webhook_test', data: { subscriptionId: id } },
      },
    ]);
  });

  it('sends the example of a type inside of the test, so that no other subscription gets it', async () => {
    const id = await world.create();
    await world.provision(id);
    await world.ask('POST', `/v1/subscriptions/${id}/test`, { eventType: 'conversation_push', waitSeconds: 0 });
    const { eventTypes } = (await world.ask('GET', '/v1/event-types')).body;
    const { example } = eventTypes.find(({ type }: { type: string }) => type === 'conversation_push');
    expect(world.publisher.published).toMatchObject([
      { detail: { type: 'webhook_test', data: { subscriptionId: id, example } } },
    ]);
    const unknown = await world.ask('POST', `/v1/subscriptions/${id}/test`, { eventType: 'conversation_pushed' });
    expect([unknown.status, unknown.body.errors[0].field]).toEqual([400, 'eventType']);
  });

  it('says that it waits when there is no answer in time', async () => {
    const id = await world.create();
    await world.provision(id);
    const { status, body } = await world.ask('POST', `/v1/subscriptions/${id}/test`, { waitSeconds: 2 });
    expect(status).toBe(202);
    expect(body.outcome).toBe('waiting');
  });

  it.each([
    ['paused', { status: 'paused' }, {}, 'its status is paused'],
    ['disabled', {}, { disabled: { at: 0, reason: '410' } }, 'its status is disabled'],
    ['not provisioned yet', {}, { provisioning: 'pending', reason: 'a quota' }, 'pending (a quota)'],
    [
      'not tried',
      {},
      { circuit: { state: 'open', reason: 'failing', since: 0, probeAt: 0, probes: 0 } },
      'its circuit is open: the endpoint has failed',
    ],
    [
      'throttled',
      {},
      { circuit: { state: 'open', reason: 'throttled', since: 0, probeAt: 0, probes: 0 } },
      'its circuit is open: the endpoint asked for a pause',
    ],
  ])('is refused when it is %s: nothing would arrive', async (_, fields, state, detail) => {
    const id = await world.create(fields);
    await world.provision(id, state);
    const answer = await world.ask('POST', `/v1/subscriptions/${id}/test`);
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toContain(detail);
    expect(world.publisher.published).toEqual([]);
  });

  it('says that the bus is out of order when it is', async () => {
    const id = await world.create();
    await world.provision(id);
    world.publisher.nextOutcomes.push({ kind: 'failed', reason: 'InternalFailure' });
    expect((await world.ask('POST', `/v1/subscriptions/${id}/test`)).status).toBe(503);
  });
});

describe('deliveries of a deployment that keeps no history', () => {
  let id: string;
  beforeEach(async () => {
    world.events = undefined;
    id = await world.create();
    for (const state of ['delivered', 'retrying', 'exhausted', 'discarded'] as const) {
      for (let index = 0; index < 3; index++) {
        world.deliveries.records.push(aRecord({ subscriptionId: id, webhookId: `msg_${state}_${index}`, state }));
      }
    }
  });
  const idsOf = (answer: Answer): string[] => answer.body.deliveries.map((one: { webhookId: string }) => one.webhookId);

  it('can be asked for by what became of them: what was never delivered is one query', async () => {
    const path = `/v1/subscriptions/${id}/deliveries`;
    expect(idsOf(await world.ask('GET', path))).toHaveLength(12);
    expect(idsOf(await world.ask('GET', `${path}?state=undelivered`))).toHaveLength(9);
    expect(idsOf(await world.ask('GET', `${path}?state=exhausted`))).toEqual([
      'msg_exhausted_0',
      'msg_exhausted_1',
      'msg_exhausted_2',
    ]);
  });

  it('come page by page, and a cursor serves its own list only', async () => {
    const path = `/v1/subscriptions/${id}/deliveries`;
    const { body } = await world.ask('GET', `${path}?state=undelivered&limit=5`);
    const rest = await world.ask('GET', `${path}?state=undelivered&limit=5&cursor=${body.nextCursor}`);
    expect(idsOf(rest)).toHaveLength(4);
    expect((await world.ask('GET', `${path}?state=delivered&cursor=${body.nextCursor}`)).status).toBe(400);
  });

  const forged = (list: string, place: unknown) => Buffer.from(JSON.stringify([list, place])).toString('base64url');

  it.each([
    ['no place', { x: 1 }],
    ["another subscription's key", { subscriptionId: 'other', webhookId: 'msg_1' }],
    ['an empty id', { webhookId: '' }],
    ['an id that no key can be', { webhookId: 'x'.repeat(3000) }],
    ['a time that is none', { webhookId: 'msg_1', undeliveredAt: 'x' }],
    ['nothing', null],
  ])('refuses a forged cursor that holds %s', async (_, place) => {
    for (const [path, list] of [
      [`/v1/subscriptions/${id}/deliveries?`, `deliveries ${id}      `],
      [`/v1/subscriptions/${id}/deliveries?state=undelivered&`, `deliveries ${id} undelivered     `],
      ['/v1/subscriptions?', 'subscriptions'],
    ]) {
      const { status, body } = await world.ask('GET', `${path}cursor=${forged(list ?? '', place)}`);
      expect(status).toBe(400);
      expect(body.detail).toBe('cursor: is not a cursor of this list');
    }
  });

  it('refuses an empty cursor', async () => {
    expect((await world.ask('GET', `/v1/subscriptions/${id}/deliveries?cursor=`)).status).toBe(400);
  });

  it('refuses a state that it does not know', async () => {
    const { body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries?state=lost`);
    expect(body.errors[0].detail).toBe(
      'must be one of delivered, retrying, exhausted, discarded, undelivered, waiting, held',
    );
  });
});

describe('a replay', () => {
  let id: string;
  let path: string;
  beforeEach(async () => {
    id = await world.create({ eventTypes: ['conversation_push'] });
    path = `/v1/subscriptions/${id}/replay`;
    await world.provision(id);
  });
  const since = (ms: number) => new Date(world.now - ms).toISOString();

  it('of one event puts it in the queue, as it was, marked as a replay', async () => {
    const event = anEnvelope({ id: 'msg_1', data: '{"conversationId":9007199254740993}' });
    world.deliveries.records.push(aRecord({ subscriptionId: id, webhookId: 'msg_1', state: 'exhausted', event }));
    const { status, body } = await world.ask('POST', path, { webhookId: 'msg_1' });
    expect(status).toBe(202);
    expect(body).toEqual({ replayName: expect.stringContaining(id), queued: 1 });
    const [envelope = ''] = world.queues.envelopes;
    expect(envelope).toContain('"conversationId":9007199254740993');
    expect(parseJson(envelope)).toMatchObject({ 'replay-name': body.replayName });
  });

  it.each([
    ['unknown', undefined, 404],
    ['tried already', { state: 'retrying' }, 409],
    ['delivered, so that its data is not kept', { state: 'delivered', event: undefined }, 409],
  ] as const)('of an event that is %s is refused', async (_, record, status) => {
    if (record !== undefined) {
      const { event: __, ...rest } = aRecord({ subscriptionId: id, webhookId: 'msg_1' });
      world.deliveries.records.push({ ...rest, ...record } as never);
    }
    expect((await world.ask('POST', path, { webhookId: 'msg_1' })).status).toBe(status);
  });

  it('of what failed takes what was given up in that time, in as many answers as it needs', async () => {
    for (let index = 0; index < 700; index++) {
      const webhookId = `msg_${index}`;
      const state = index % 7 === 0 ? 'retrying' : 'exhausted';
      const undeliveredAt = world.now - hour;
      world.deliveries.records.push(
        aRecord({ subscriptionId: id, webhookId, state, undeliveredAt, event: anEnvelope({ id: webhookId }) }),
      );
    }
    world.deliveries.records.push(
      aRecord({ subscriptionId: id, webhookId: 'old', undeliveredAt: 1, event: anEnvelope() }),
    );
    const failed = { from: since(2 * hour) };
    const names = new Set<string>();
    let cursor: string | undefined;
    do {
      const { status, body } = await world.ask('POST', path, { failed, ...(cursor && { cursor }) });
      expect(status).toBe(202);
      names.add(body.replayName);
      cursor = body.nextCursor;
    } while (cursor !== undefined);
    expect(world.queues.envelopes).toHaveLength(600);
    expect(new Set(world.queues.envelopes).size).toBe(600);
    expect(names.size).toBe(1);
  });

  it('of what failed answers in time where thousands of retrying ones lie before it, and goes on from there', async () => {
    const aFailure = (webhookId: string, state: 'retrying' | 'exhausted', undeliveredAt: number) =>
      aRecord({ subscriptionId: id, webhookId, state, undeliveredAt, event: anEnvelope({ id: webhookId }) });
    for (let index = 0; index < 3_000; index++) {
      world.deliveries.records.push(aFailure(`msg_${index}`, 'retrying', world.now - hour));
    }
    world.deliveries.records.push(aFailure('msg_given_up', 'exhausted', world.now - 1.5 * hour));
    world.deliveries.beforeList = () => {
      world.now += 1_000;
    };
    const failed = { from: since(2 * hour) };
    const began = world.now;
    let answer = await world.ask('POST', path, { failed });
    expect(answer).toMatchObject({ status: 202, body: { queued: 0, nextCursor: expect.any(String) } });
    // An HTTP API gives 30 s.
    expect(world.now - began).toBeLessThan(20_000);
    while (answer.body.nextCursor !== undefined) {
      answer = await world.ask('POST', path, { failed, cursor: answer.body.nextCursor });
    }
    expect(answer.body.queued).toBe(1);
  });

  it('asks what the subscription wants now: nothing of other organisations, or what its filter does not match', async () => {
    const ofOrg = (orgId: number, webhookId: string) =>
      anEnvelope({ id: webhookId }).replace(/"orgId":\s*\d+/, `"orgId":${orgId}`);
    for (const orgId of [1, 2]) {
      const webhookId = `msg_${orgId}`;
      const undeliveredAt = world.now - hour;
      const record = { subscriptionId: id, webhookId, state: 'exhausted', undeliveredAt } as const;
      world.deliveries.records.push(aRecord({ ...record, event: ofOrg(orgId, webhookId) }));
    }
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { orgIds: [2] });
    const { body } = await world.ask('POST', path, { failed: { from: since(2 * hour) } });
    expect(body).toMatchObject({ queued: 1, notWanted: 1 });
    expect((await world.ask('POST', path, { webhookId: 'msg_1' })).status).toBe(409);
    expect((await world.ask('POST', path, { webhookId: 'msg_2' })).status).toBe(202);
    expect(world.queues.envelopes.filter((envelope) => envelope.includes('"orgId":1'))).toEqual([]);
  });

  it('neither shows nor sends what a subscription that was deleted got under the same id', async () => {
    const old = world.now - hour;
    const record = { subscriptionId: id, webhookId: 'msg_1', state: 'exhausted' } as const;
    world.deliveries.records.push(
      aRecord({ ...record, firstAttemptAt: old, undeliveredAt: old, event: anEnvelope({ id: 'msg_1' }) }),
    );
    const deliveries = `/v1/subscriptions/${id}/deliveries?state=undelivered`;
    expect((await world.ask('GET', deliveries)).body.deliveries).toHaveLength(1);
    await world.provision(id, { acceptedAt: world.now - hour / 2 });
    expect((await world.ask('GET', deliveries)).body.deliveries).toEqual([]);
    expect((await world.ask('POST', path, { failed: { from: since(2 * hour) } })).body.queued).toBe(0);
    expect((await world.ask('POST', path, { webhookId: 'msg_1' })).status).toBe(404);
  });

  it('of what was missed is asked of the archive, for this subscriber alone, and shows how far it is', async () => {
    const { status, body } = await world.ask('POST', path, { missed: { from: since(hour), to: since(0) } });
    expect(status).toBe(202);
    expect([...world.replays.known.values()]).toMatchObject([
      { ruleName: `fanout-test-${id}`, from: world.now - hour, to: world.now },
    ]);
    const { body: list } = await world.ask('GET', path);
    expect(list.replays).toMatchObject([{ name: body.replayName, state: 'running' }]);
  });

  it('of what was missed is refused until the rule, by which the archive goes, is as configured', async () => {
    const missed = { from: since(hour) };
    await world.ask('PATCH', `/v1/subscriptions/${id}`, { eventTypes: ['new_message', 'new_conversation'] });
    for (const refused of [id, await world.create()]) {
      const { status, body } = await world.ask('POST', `/v1/subscriptions/${refused}/replay`, { missed });
      expect([status, body.detail]).toEqual([409, expect.stringContaining('wait until its provisioning is ready')]);
    }
    expect(world.replays.known.size).toBe(0);
    await world.provision(id);
    expect((await world.ask('POST', path, { missed })).status).toBe(202);
  });

  it('that was refused for its time leaves its Idempotency-Key free, and is taken once the time has come', async () => {
    const to = new Date(world.now + 60_000).toISOString();
    const ask = (missed: object) => world.ask('POST', path, { missed }, { 'Idempotency-Key': 'k-1' });
    expect((await ask({ from: since(hour), to })).status).toBe(400);
    world.now += 120_000;
    expect((await ask({ from: since(hour), to })).status).toBe(202);
    const other = (missed: object) => world.ask('POST', path, { missed }, { 'Idempotency-Key': 'k-2' });
    expect((await other({ from: since(0), to: since(hour) })).status).toBe(400);
    expect((await other({ from: since(hour), to: since(0) })).status).toBe(202);
  });

  it('says from when on the archive may not have the events yet', async () => {
    const lag = 10 * 60_000;
    const { body } = await world.ask('POST', path, { missed: { from: since(hour) } });
    expect(body.mayMissFrom).toBe(new Date(world.now - lag).toISOString());
    const { body: older } = await world.ask('POST', path, { missed: { from: since(hour), to: since(lag) } });
    expect(older).not.toHaveProperty('mayMissFrom');
  });

  it('is refused while as many are under way as the bus allows', async () => {
    world.replays.isFull = true;
    expect((await world.ask('POST', path, { missed: { from: since(hour) } })).status).toBe(429);
  });

  it('can be called off: the archive stops, and what is queued is dropped', async () => {
    const { body } = await world.ask('POST', path, { missed: { from: since(hour) } });
    world.queues.depths = { waiting: 28, inFlight: 1, deadLetters: 0 };
    const cancelled = await world.ask('POST', path, { cancel: body.replayName });
    expect(cancelled.body).toMatchObject({ waiting: 29, replay: { state: 'cancelled' } });
    await world.ask('POST', path, { cancel: body.replayName });
    expect(world.subscriptions.states.get(id)?.cancelledReplays).toEqual([body.replayName]);
  });

  it('is queued when the bus has completed it, completed when the queue is empty, and cancelled for good', async () => {
    const { body } = await world.ask('POST', path, { missed: { from: since(hour) } });
    world.replays.complete(body.replayName);
    const stateOf = async () => (await world.ask('GET', path)).body.replays[0].state;
    world.queues.depths = { waiting: 0, inFlight: 2, deadLetters: 0 };
    expect(await stateOf()).toBe('queued');
    world.queues.depths = { waiting: 0, inFlight: 0, deadLetters: 0 };
    expect(await stateOf()).toBe('completed');
    world.queues.depths = new Error('SQS is down');
    expect(await stateOf()).toBe('queued');
    const cancelled = await world.ask('POST', path, { cancel: body.replayName });
    expect(cancelled.body).toMatchObject({ replay: { state: 'cancelled' } });
    expect(cancelled.body).not.toHaveProperty('waiting');
    expect(await stateOf()).toBe('cancelled');
  });

  it('of the ledger or the history that is called off shows as cancelled from then on', async () => {
    world.deliveries.records.push(
      aRecord({ subscriptionId: id, webhookId: 'msg_1', state: 'exhausted', event: anEnvelope({ id: 'msg_1' }) }),
    );
    const { body } = await world.ask('POST', path, { webhookId: 'msg_1' });
    world.queues.depths = { waiting: 21, inFlight: 0, deadLetters: 0 };
    const cancelled = { name: body.replayName, state: 'cancelled', startedAt: new Date(world.now).toISOString() };
    const first = await world.ask('POST', path, { cancel: body.replayName });
    expect(first).toMatchObject({ status: 202, body: { waiting: 21, replay: cancelled } });
    const second = await world.ask('POST', path, { cancel: body.replayName });
    expect(second).toMatchObject({ status: 202, body: { replay: cancelled } });
    expect(second.body).not.toHaveProperty('waiting');
    expect((await world.ask('GET', path)).body.replays).toEqual([cancelled]);
  });

  it('that has ended is not rewritten by a cancel, while one whose events wait for a retry can be called off', async () => {
    const { body } = await world.ask('POST', path, { missed: { from: since(hour) } });
    world.replays.complete(body.replayName);
    world.now += hour;
    const retried = aRecord({
      subscriptionId: id,
      webhookId: 'msg_1',
      state: 'delivered',
      replayName: body.replayName,
    });
    world.deliveries.records.push(retried);
    const refused = await world.ask('POST', path, { cancel: body.replayName });
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      expect.stringContaining('is completed, so there is nothing'),
    ]);
    expect((await world.ask('GET', path)).body.replays).toMatchObject([{ state: 'completed' }]);
    world.deliveries.records[world.deliveries.records.indexOf(retried)] = { ...retried, state: 'retrying' };
    expect((await world.ask('POST', path, { cancel: body.replayName })).status).toBe(202);
  });

  it('that nobody knows is a 404 with its name, also where the name could be one', async () => {
    const never = `fanout-test-${id}-${(world.now - hour).toString(36)}`;
    for (const cancel of ['nope', 'somebody-elses', never]) {
      const { status, body } = await world.ask('POST', path, { cancel });
      expect([status, body.detail]).toEqual([404, `there is no replay ${cancel} of ${id}`]);
    }
    expect(world.subscriptions.states.get(id)?.cancelledReplays).toBeUndefined();
  });

  it.each([
    ['something waits for the subscription', () => (world.queues.depths = { waiting: 1, inFlight: 0, deadLetters: 0 })],
    ['its queue is gone', () => (world.queues.exist = false)],
  ])('that never was is a 404 also while %s, whatever its name says', async (_, arrange) => {
    arrange();
    const before = `fanout-test-${id}-`;
    for (const time of [
      'zzz',
      '1',
      'zzzzzzzzzzzz',
      ...[-hour, -1, 0, hour].map((ago) => (world.now + ago).toString(36)),
    ]) {
      const { status } = await world.ask('POST', path, { cancel: `${before}${time}` });
      expect([time, status]).toEqual([time, 404]);
    }
    expect(world.subscriptions.states.get(id)?.cancelledReplays).toBeUndefined();
    expect((await world.ask('GET', path)).body.replays).toEqual([]);
  });

  it('of a subscription that was deleted is none of the next one under its id', async () => {
    const undeliveredAt = world.now;
    world.deliveries.records.push(
      aRecord({
        subscriptionId: id,
        webhookId: 'msg_1',
        state: 'exhausted',
        undeliveredAt,
        event: anEnvelope({ id: 'msg_1' }),
      }),
    );
    const { body } = await world.ask('POST', path, { webhookId: 'msg_1' });
    await world.provision(id, { acceptedAt: world.now + 1 });
    world.queues.depths = { waiting: 1, inFlight: 0, deadLetters: 0 };
    expect((await world.ask('POST', path, { cancel: body.replayName })).status).toBe(404);
  });

  it('by the ledger or the history whose events all had their end, or that had none, has nothing to cancel, whatever else waits', async () => {
    const records = [1, 2].map((one) =>
      aRecord({
        subscriptionId: id,
        webhookId: `msg_${one}`,
        state: 'exhausted',
        undeliveredAt: world.now - hour,
        event: anEnvelope({ id: `msg_${one}` }),
      }),
    );
    const from = since(2 * hour);
    const empty = [
      await world.ask('POST', path, { failed: { from } }),
      await world.ask('POST', path, { missed: { from, includeDelivered: true } }),
    ];
    world.deliveries.records.push(...records);
    world.now += 1;
    const one = await world.ask('POST', path, { webhookId: 'msg_1' });
    world.now += 1;
    const failed = await world.ask('POST', path, { failed: { from } });
    world.queues.depths = { waiting: 7, inFlight: 0, deadLetters: 0 };
    const ended = (replayName: string, ...which: number[]) => {
      for (const index of which) {
        const record = world.deliveries.records[index];
        if (record !== undefined) world.deliveries.records[index] = { ...record, state: 'delivered', replayName };
      }
    };
    const cancel = (replayName: string) => world.ask('POST', path, { cancel: replayName });
    ended(one.body.replayName, 0);
    for (const { body } of [...empty, one]) {
      const { status, body: problem } = await cancel(body.replayName);
      expect([status, problem.detail]).toEqual([409, `${body.replayName} is completed, so there is nothing to cancel`]);
    }
    expect((await world.ask('GET', path)).body.replays).toEqual([]);
    // One of its two events may still be among those that wait.
    ended(failed.body.replayName, 0);
    expect((await cancel(failed.body.replayName)).status).toBe(202);
  });

  it('that was called off stays so, however many others are: where no more can be remembered, a cancel is refused', async () => {
    world.queues.depths = { waiting: 1, inFlight: 0, deadLetters: 0 };
    const cancelled: string[] = [];
    const cancelAnother = async () => {
      world.now += 1;
      const { replayName } = (await world.ask('POST', path, { missed: { from: since(hour) } })).body;
      const answer = await world.ask('POST', path, { cancel: replayName });
      if (answer.status === 202) cancelled.push(replayName);
      return answer;
    };
    const first = world.now + 1;
    for (let index = 0; index < 500; index++) expect((await cancelAnother()).status).toBe(202);
    const refused = await cancelAnother();
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain(`the oldest is forgotten at ${new Date(first + 90 * day).toISOString()}`);
    expect(world.subscriptions.states.get(id)?.cancelledReplays).toEqual(cancelled);
    // By then nothing of the first can be in the queue.
    world.now = first + 90 * day - 1;
    expect((await cancelAnother()).status).toBe(202);
    expect(world.subscriptions.states.get(id)?.cancelledReplays).toEqual(cancelled.slice(1));
  });

  it('is called off beside another one in the same moment: both are', async () => {
    const started = [];
    for (const later of [1, 2]) {
      world.now += later;
      started.push((await world.ask('POST', path, { missed: { from: since(hour) } })).body.replayName);
    }
    const answers = await Promise.all(started.map((cancel) => world.ask('POST', path, { cancel })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(world.subscriptions.states.get(id)?.cancelledReplays?.toSorted()).toEqual(started.toSorted());
  });

  it.each([
    [{}, 'give exactly one'],
    [{ webhookId: 'a', cancel: 'b' }, 'give exactly one'],
    [{ missed: { from: '2999-01-01T00:00:00Z' } }, 'missed.to: must be later than from'],
    [{ failed: { from: '2026-02-31T00:00Z' } }, 'failed.from: must be an instant in ISO 8601, UTC'],
    [{ failed: { from: '0000-00-00T00:00Z' } }, 'failed.from: must be an instant in ISO 8601, UTC'],
    [{ failed: { from: 'yesterday' } }, 'failed.from: must be an instant in ISO 8601, UTC'],
    [{ missed: { from: '1970-01-01T00:00:00Z', to: '2999-01-01T00:00:00Z' } }, 'missed.to: lies in the future'],
    [{ webhookId: 'a', cursor: 'x' }, 'cursor: is taken with failed, and with missed.includeDelivered, only'],
    [{ missed: { from: '1970-01-01T00:00:00Z' }, cursor: 'x' }, 'cursor: is taken with failed'],
    [{ missed: { from: '1970-01-01T00:00:00Z', includeDelivered: true }, cursor: 'x' }, 'cursor: is not a cursor'],
  ])('of %j is refused', async (body, detail) => {
    const answer = await world.ask('POST', path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain(detail);
  });
});

describe("a replay's cursor", () => {
  it.each([
    ['a name that is not of a replay', { name: 'x\u001b[31m' }],
    ['a start outside of the time', { after: { webhookId: 'msg_1', undeliveredAt: 5 } }],
    ['a start that is none', { after: { a: { b: 1 } } }],
    ['a time to come', { to: 10_000 * day }],
  ])('that is forged with %s is refused', async (_, forged) => {
    const id = await world.create({ eventTypes: ['conversation_push'] });
    const from = new Date(world.now - hour).toISOString();
    for (let index = 0; index < 600; index++) {
      const webhookId = `msg_${index}`;
      const event = anEnvelope({ id: webhookId });
      const undeliveredAt = world.now - hour / 2;
      world.deliveries.records.push(
        aRecord({ subscriptionId: id, webhookId, state: 'exhausted', undeliveredAt, event }),
      );
    }
    const path = `/v1/subscriptions/${id}/replay`;
    const { body: first } = await world.ask('POST', path, { failed: { from } });
    const [list, place] = JSON.parse(Buffer.from(first.nextCursor, 'base64url').toString());
    const cursor = Buffer.from(JSON.stringify([list, { ...place, ...forged }])).toString('base64url');
    const { status, body } = await world.ask('POST', path, { failed: { from }, cursor });
    expect(status).toBe(400);
    expect(body.detail).toBe('cursor: is not a cursor of this replay');
  });
});

describe("an organisation's settings", () => {
  it('are the defaults until it sets its own, and again when it takes them back', async () => {
    expect((await world.ask('GET', '/v1/orgs/7/settings')).body).toEqual({
      orgId: 7,
      quietPeriodSeconds: 600,
      isDefault: true,
    });
    await world.ask('PUT', '/v1/orgs/7/settings', { quietPeriodSeconds: 60 });
    expect((await world.ask('GET', '/v1/orgs/7/settings')).body).toMatchObject({
      quietPeriodSeconds: 60,
      isDefault: false,
    });
    const { body } = await world.ask('PUT', '/v1/orgs/7/settings', { quietPeriodSeconds: null });
    expect(body.isDefault).toBe(true);
  });

  it.each([59, 86_401, 60.5, '60', undefined])('refuse a quiet period of %j', async (quietPeriodSeconds) => {
    const { status, body } = await world.ask('PUT', '/v1/orgs/7/settings', { quietPeriodSeconds });
    expect(status).toBe(400);
    expect(body.errors[0].field).toBe('quietPeriodSeconds');
  });

  it('are of an organisation that can be', async () => {
    const { text } = await world.ask('GET', '/v1/orgs/9007199254740993/settings');
    expect(text).toContain('"orgId":9007199254740993');
    expect((await world.ask('GET', '/v1/orgs/-01/settings')).body.orgId).toBe(-1);
    for (const orgId of ['x', '9223372036854775808', '-', '--1', '1.0']) {
      expect((await world.ask('GET', `/v1/orgs/${orgId}/settings`)).status).toBe(400);
    }
  });
});

describe('what can be subscribed to', () => {
  it('is listed, and how far the end of the legacy event has come', async () => {
    world.timeline = aTimeline(100 * day);
    world.now = 102 * day;
    const { body } = await world.ask('GET', '/v1/event-types');
    const legacy = body.eventTypes.find(({ type }: { type: string }) => type === 'conversation_status_updated');
    expect(legacy.legacy).toMatchObject({ phase: 'mirroring', openToNewSubscribers: false });
    expect(body.eventTypes.every(({ description }: { description: string }) => description !== '')).toBe(true);
  });
});

describe('a filter', () => {
  const test = (filter: unknown, data: unknown) => world.ask('POST', '/v1/filters/test', { filter, event: { data } });

  it('is said to match, or why it does not', async () => {
    expect((await test({ status: ['closed'] }, { status: 'closed' })).body).toEqual({ matches: true, mismatches: [] });
    const { body } = await test({ status: ['closed'], id: [1] }, { status: 'open', id: 1 });
    expect(body.matches).toBe(false);
    expect(body.mismatches).toMatchObject([{ field: 'data.status' }]);
  });

  it('of hundreds of combinations is not tried on an event of 256 KB: seconds of a processor', async () => {
    const eight = (field: string) => ({ $or: Array.from({ length: 8 }, (_, n) => ({ [field]: [n] })) });
    // The rule has two alternatives of its own: of all a thousand are the most.
    const filter = { a: eight('x'), b: eight('y'), c: { $or: eight('z').$or.slice(1) } };
    const startedAt = performance.now();
    const { status, body } = await test(filter, { list: Array.from({ length: 25_000 }, () => ({ i: 1 })) });
    expect([status, body.errors[0].field]).toEqual([400, 'event.data']);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect((await test(filter, { list: [1, 2, 3] })).status).toBe(200);
  });

  it('that is wrong is refused with the place of the fault', async () => {
    const { status, body } = await test({ a: { b: [{ numeric: ['>'] }] } }, {});
    expect(status).toBe(400);
    expect(body.errors[0].field).toMatch(/^filter\.a\.b/);
  });

  it('with a character that is on the bus in another spelling is refused: its rule would do something else', async () => {
    const { status, body } = await test({ a: [{ 'anything-but': ['\uffff'] }] }, { a: '\uffff' });
    expect([status, body.errors[0].field]).toEqual([400, 'filter.a[0].anything-but[0]']);
  });
});

describe('the API', () => {
  it.each(apiRoutes)('serves $method $path', async ({ operation, method, path }) => {
    const id = await world.create();
    const { status, body } = await world.ask(method, path.replace('{id}', id).replace('{orgId}', '1'));
    // Without a body some refuse it; where no handler stands the answer is of the router.
    expect(body?.detail ?? '', operation).not.toContain('no such path');
    expect(status).not.toBe(500);
  });

  it.each([
    [
      '?stat=undelivered',
      'stat',
      'is not a query parameter here; known ones are state, eventType, status, from, to, replayName, limit, cursor',
    ],
    ['?state=delivered&state=delivered', 'state', 'is given more than once'],
    ['?limit=1&limit=2', 'limit', 'is given more than once'],
  ])('refuses the query %s and names the parameter', async (query, field, detail) => {
    const id = await world.create();
    const { status, body } = await world.ask('GET', `/v1/subscriptions/${id}/deliveries${query}`);
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field, detail }]);
  });

  it.each([['x'.repeat(3000)], ['a%20b'], ['%23deployment'], ['a%2Fb']])(
    'knows that no subscription has the id %s, and looks for none',
    async (id) => {
      world.subscriptions.read = async () => {
        throw new Error('looked');
      };
      for (const [method, path] of [
        ['GET', ''],
        ['PATCH', ''],
        ['DELETE', ''],
        ['POST', '/rotate-secret'],
        ['POST', '/test'],
        ['GET', '/deliveries'],
        ['POST', '/replay'],
        ['GET', '/replay'],
      ] as const) {
        const { status, body } = await world.ask(method, `/v1/subscriptions/${id}${path}`);
        expect(status).toBe(404);
        expect(body.detail).toBe('there is no subscription of this id');
      }
    },
  );

  it('says what is served where', async () => {
    expect((await world.ask('GET', '/v1/openapi.json')).body.openapi).toBe('3.1.0');
    expect((await world.ask('GET', '/v1/nothing')).status).toBe(404);
    const { status, headers } = await world.ask('DELETE', '/v1/subscriptions');
    expect(status).toBe(405);
    expect(headers.allow).toBe('POST, GET');
  });

  it('logs no secret', async () => {
    const id = await world.create();
    await world.ask('POST', `/v1/subscriptions/${id}/rotate-secret`);
    expect(JSON.stringify(world.log.lines)).not.toContain('whsec_');
  });

  it('tells nobody what it broke on', async () => {
    world.subscriptions.read = async () => {
      throw new Error('arn:aws:dynamodb:table/secret');
    };
    const { status, text } = await world.ask('GET', '/v1/subscriptions/sub_1');
    expect(status).toBe(500);
    expect(text).not.toContain('arn:aws');
  });
});
