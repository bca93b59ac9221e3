import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

let fanout: FanoutProcess;
let aws: ReturnType<typeof localAwsClients>;
let subscriber: Subscriber;
/** Each test has an organisation of its own, so that nobody hears another's events. */
let orgId = 5000;

beforeAll(async () => {
  fanout = await FanoutProcess.start();
  aws = localAwsClients(fanout.ready.aws);
});
afterAll(async () => {
  await fanout?.stop();
});
beforeEach(async () => {
  orgId++;
  subscriber = await Subscriber.start();
});
afterEach(async () => {
  await subscriber.stop();
});

const meeting = (agentId: number) => fanout.post({ orgId, type: 'new_meeting', token: driftToken, data: { agentId } });
const subscription = (changes: Record<string, unknown> = {}) => ({
  url: subscriber.url,
  eventTypes: ['new_meeting'],
  orgIds: [orgId],
  ...changes,
});

/** Everything at run time whose name holds the subscription's id. */
async function madeFor(subscriptionId: string): Promise<string[]> {
  const [rules, queues, functions, mappings] = await Promise.all([
    aws.eventBridge.send(new ListRulesCommand({ EventBusName: fanout.ready.bus })),
    aws.sqs.send(new ListQueuesCommand({})),
    aws.lambda.send(new ListFunctionsCommand({})),
    aws.lambda.send(new ListEventSourceMappingsCommand({})),
  ]);
  const names = [
    ...(rules.Rules ?? []).map(({ Name }) => `rule ${Name}`),
    ...(queues.QueueUrls ?? []).map((url) => `queue ${url.split('/').at(-1)}`),
    ...(functions.Functions ?? []).map(({ FunctionName }) => `function ${FunctionName}`),
    ...(mappings.EventSourceMappings ?? []).map(({ FunctionArn }) => `mapping of ${FunctionArn}`),
  ];
  return names.filter((name) => name.includes(subscriptionId));
}

async function untilNothingIsMadeFor(subscriptionId: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const left = await madeFor(subscriptionId);
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`still there: ${left.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('an item put straight into the table', () => {
  const key = (subscriptionId: string, record: string) => ({
    subscriptionId: { S: subscriptionId },
    record: { S: record },
  });
  const put = (subscriptionId: string, url: string) =>
    aws.dynamo.send(
      new PutItemCommand({
        TableName: fanout.ready.tables.subscriptions,
        Item: {
          ...key(subscriptionId, 'config'),
          status: { S: 'active' },
          url: { S: url },
          eventTypes: { L: [{ S: 'new_meeting' }] },
          orgIds: { L: [{ N: String(orgId) }] },
        },
      }),
    );
  const state = async (subscriptionId: string) =>
    (
      await aws.dynamo.send(
        new GetItemCommand({ TableName: fanout.ready.tables.subscriptions, Key: key(subscriptionId, 'state') }),
      )
    ).Item;

  it('works exactly like one made by the API, with a secret that was generated', async () => {
    await put('crm', subscriber.url);
    await fanout.untilProvisioned('crm');
    await meeting(1);
    await subscriber.until((deliveries) => deliveries.length === 1, 'the meeting');
    const generated = (await state('crm'))?.generatedSecrets?.L?.[0]?.M?.secret?.S ?? '';
    const [delivery] = subscriber.deliveries;
    new Webhook(generated).verify(delivery?.body ?? '', delivery?.headers as Record<string, string>);
  });

  it('that makes no sense says which field is wrong and makes nothing; fixed, it works; deleted, nothing is left', async () => {
    await put('typo', 'not a url');
    const rejected = await fanout.untilProvisioned('typo', 'rejected');
    expect(String(rejected.reason)).toContain('url');
    expect(await madeFor('typo')).toEqual([]);

    await put('typo', subscriber.url);
    await fanout.untilProvisioned('typo');
    await meeting(2);
    await subscriber.until((deliveries) => deliveries.length === 1, 'the meeting');

    await aws.dynamo.send(
      new DeleteItemCommand({ TableName: fanout.ready.tables.subscriptions, Key: key('typo', 'config') }),
    );
    await untilNothingIsMadeFor('typo');
  });

  it('that is changed there is changed everywhere: a new url holds for the next event', async () => {
    await put('moving', 'http://127.0.0.1:9/nobody');
    await fanout.untilProvisioned('moving');
    await aws.dynamo.send(
      new UpdateItemCommand({
        TableName: fanout.ready.tables.subscriptions,
        Key: key('moving', 'config'),
        UpdateExpression: 'SET #url = :url',
        ExpressionAttributeNames: { '#url': 'url' },
        ExpressionAttributeValues: { ':url': { S: subscriber.url } },
      }),
    );
    await meeting(3);
    await subscriber.until((deliveries) => deliveries.length === 1, 'the meeting');
  });
});

describe('pausing', () => {
  it('lets events wait, and resuming lets them flow in, none lost', async () => {
    const { subscriptionId } = await fanout.subscribe(subscription());
    await fanout.api('PATCH', `/v1/subscriptions/${subscriptionId}`, { status: 'paused' });
    await fanout.until(
      subscriptionId,
      ({ status, provisioning, delivering }) => status === 'paused' && provisioning === 'ready' && delivering === false,
    );
    for (let agentId = 1; agentId <= 25; agentId++) await meeting(agentId);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(subscriber.deliveries).toEqual([]);
    await fanout.api('PATCH', `/v1/subscriptions/${subscriptionId}`, { status: 'active' });
    await subscriber.until((deliveries) => deliveries.length === 25, 'all 25 meetings');
    expect(new Set(subscriber.bodies()).size).toBe(25);
  });
});

describe('filters', () => {
  it('let through what they match and hold back what they do not', async () => {
    await fanout.subscribe(
      subscription({ filter: { agentId: [{ numeric: ['>=', 10] }], slug: [{ 'anything-but': 'test' }] } }),
    );
    for (const data of [
      { agentId: 9, slug: 'demo' },
      { agentId: 10, slug: 'test' },
      { agentId: 10, slug: 'demo' },
    ]) {
      await fanout.post({ orgId, type: 'new_meeting', token: driftToken, data });
    }
    await subscriber.until((deliveries) => deliveries.length === 1, 'the meeting that matches');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(subscriber.bodies()).toEqual([
      `{"orgId":${orgId},"type":"new_meeting","data":{"agentId":10,"slug":"demo"}}`,
    ]);
  });

  it('can be tried: whether an event matches, and why not', async () => {
    const filter = { status: ['closed'] };
    const matching = await fanout.api('POST', '/v1/filters/test', {
      filter,
      event: { orgId: 1, type: 'x', data: { status: 'closed' } },
    });
    expect(matching.json).toMatchObject({ matches: true });
    const other = await fanout.api('POST', '/v1/filters/test', {
      filter,
      event: { orgId: 1, type: 'x', data: { status: 'open' } },
    });
    expect(other.json).toMatchObject({ matches: false });
    expect(other.text).toContain('status');
  });

  it.each([
    ['an operator that does not exist', { status: [{ begins: 'x' }] }, 'status'],
    ['a value that is no list', { status: 'closed' }, 'status'],
    ['a wildcard', { status: [{ wildcard: 'c*' }] }, 'wildcard'],
  ])('with %s are refused, with the place of the fault', async (_, filter, named) => {
    const { status, text } = await fanout.api('POST', '/v1/subscriptions', subscription({ filter }));
    expect(status).toBe(400);
    expect(text).toContain('filter');
    expect(text).toContain(named);
  });
});

describe('rotating a secret', () => {
  it('leaves no gap for who verifies with the old or the new one, also when rotated twice', async () => {
    const { subscriptionId, secret } = await fanout.subscribe(subscription());
    const rotate = async () =>
      ((await fanout.api('POST', `/v1/subscriptions/${subscriptionId}/rotate-secret`, {})).json as { secret: string })
        .secret;
    const second = await rotate();
    const third = await rotate();
    await meeting(1);
    await subscriber.until((deliveries) => deliveries.length === 1, 'the meeting');
    const [delivery] = subscriber.deliveries;
    for (const one of [secret, second, third])
      new Webhook(one).verify(delivery?.body ?? '', delivery?.headers as Record<string, string>);
    expect(String(delivery?.headers['webhook-signature']).split(' ')).toHaveLength(3);
  });
});

describe('testing a subscription', () => {
  it('sends a test event over the real path and says what the subscriber answered', async () => {
    const { subscriptionId } = await fanout.subscribe(subscription());
    subscriber.answer = (_delivery, response) => response.writeHead(418).end('short and stout');
    const { status, text } = await fanout.api('POST', `/v1/subscriptions/${subscriptionId}/test`, {});
    expect(status).toBe(200);
    expect(text).toContain('418');
    expect(subscriber.typesReceived()).toEqual(['webhook_test']);
  });

  it('sends the example of an event type to this subscription alone, marked as a test', async () => {
    const other = await Subscriber.start();
    try {
      await fanout.subscribe({ ...subscription(), url: other.url, eventTypes: ['new_meeting'] });
      const { subscriptionId, secret } = await fanout.subscribe(subscription());
      const { json } = await fanout.api('GET', '/v1/event-types');
      const { eventTypes } = json as { eventTypes: { type: string; example: unknown }[] };
      const { example } = eventTypes.find(({ type }) => type === 'new_meeting') ?? {};
      const path = `/v1/subscriptions/${subscriptionId}/test`;
      const tested = await fanout.api('POST', path, { eventType: 'new_meeting' });
      expect(tested.json).toMatchObject({ outcome: 'delivered', delivery: { eventType: 'webhook_test' } });
      const [delivery] = subscriber.deliveries;
      expect(JSON.parse(delivery?.body ?? '')).toEqual(example);
      expect(delivery?.headers['webhook-test']).toBe('true');
      new Webhook(secret).verify(delivery?.body ?? '', (delivery?.headers ?? {}) as Record<string, string>);
      expect(other.bodies()).toEqual([]);
    } finally {
      await other.stop();
    }
  });
});

describe('the API', () => {
  it('shows the secret once', async () => {
    const { subscriptionId, secret } = await fanout.subscribe(subscription());
    const { text } = await fanout.api('GET', `/v1/subscriptions/${subscriptionId}`);
    expect(text).not.toContain(secret);
    expect((await fanout.api('GET', '/v1/subscriptions')).text).not.toContain(secret);
  });

  it('refuses a change that is based on something out of date', async () => {
    const { subscriptionId } = await fanout.subscribe(subscription());
    const path = `/v1/subscriptions/${subscriptionId}`;
    const etag = (await fanout.api('GET', path)).headers.get('etag') ?? '';
    expect((await fanout.api('PATCH', path, { description: 'one' }, { 'if-match': etag })).status).toBe(200);
    expect((await fanout.api('PATCH', path, { description: 'other' }, { 'if-match': etag })).status).toBe(412);
  });

  it('lists page by page, each once', async () => {
    for (let index = 0; index < 5; index++) await fanout.api('POST', '/v1/subscriptions', subscription());
    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await fanout.api(
        'GET',
        `/v1/subscriptions?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      const page = json as { subscriptions: { subscriptionId: string }[]; nextCursor?: string };
      seen.push(...page.subscriptions.map(({ subscriptionId }) => subscriptionId));
      cursor = page.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen.length).toBeGreaterThanOrEqual(5);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each([
    ['no url', { url: undefined }, 'url'],
    ['credentials in the url', { url: 'http://user:pass@127.0.0.1/' }, 'url'],
    ['a fragment in the url', { url: 'http://127.0.0.1/#top' }, 'url'],
    ['no event types', { eventTypes: [] }, 'eventTypes'],
    ['51 event types', { eventTypes: Array.from({ length: 51 }, (_, index) => `type_${index}`) }, 'eventTypes'],
    ['51 organisations', { orgIds: Array.from({ length: 51 }, (_, index) => index) }, 'orgIds'],
    [
      '21 headers',
      { headers: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`x-${index}`, 'v'])) },
      'headers',
    ],
    ['a retired event', { eventTypes: ['conversation_status_updated'] }, 'eventTypes'],
    ['a field that it does not know', { colour: 'blue' }, 'colour'],
  ])('refuses %s and names the field', async (_, changes, field) => {
    const { status, json } = await fanout.api('POST', '/v1/subscriptions', subscription(changes));
    expect(status).toBe(400);
    expect(JSON.stringify((json as { errors: unknown }).errors)).toContain(field);
  });

  it.each([59, 86_401, 60.5, '600', true])('refuses a quiet period of %j', async (quietPeriodSeconds) => {
    const { status, text } = await fanout.api('PUT', `/v1/orgs/${orgId}/settings`, { quietPeriodSeconds });
    expect(status).toBe(400);
    expect(text).toContain('quietPeriodSeconds');
  });

  it("keeps an organisation's quiet period, until it is given back for the default", async () => {
    expect((await fanout.api('GET', `/v1/orgs/${orgId}/settings`)).json).toMatchObject({ quietPeriodSeconds: 600 });
    expect((await fanout.api('PUT', `/v1/orgs/${orgId}/settings`, { quietPeriodSeconds: 60 })).status).toBe(200);
    expect((await fanout.api('GET', `/v1/orgs/${orgId}/settings`)).json).toMatchObject({ quietPeriodSeconds: 60 });
    expect((await fanout.api('PUT', `/v1/orgs/${orgId}/settings`, { quietPeriodSeconds: null })).status).toBe(200);
    expect((await fanout.api('GET', `/v1/orgs/${orgId}/settings`)).json).toMatchObject({ quietPeriodSeconds: 600 });
  });

  it('deleting a subscription removes everything that was made for it', async () => {
    const { subscriptionId } = await fanout.subscribe(subscription());
    expect((await madeFor(subscriptionId)).length).toBeGreaterThanOrEqual(5);
    expect((await fanout.api('DELETE', `/v1/subscriptions/${subscriptionId}`)).status).toBe(204);
    await untilNothingIsMadeFor(subscriptionId);
  });
});
