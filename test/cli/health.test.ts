import type { ServerResponse } from 'node:http';
import { DisableRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  GetFunctionConfigurationCommand,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { createMetricStore } from '../../local/aws/metrics/metric-store.ts';
import { type LocalStack, startLocalStack } from '../../local/local-stack.ts';
import { runCommand } from './command-run.ts';

let stack: LocalStack;
let aws: ReturnType<typeof localAwsClients>;
let subscriber: Subscriber;
let id: string;

beforeAll(async () => {
  stack = await startLocalStack({ metrics: createMetricStore(), servesDashboard: false, onNotice: () => {} });
  aws = localAwsClients(stack.aws);
  subscriber = await Subscriber.start();
  const made = await fanout('subscriptions', 'create', subscriber.url, '--events', 'new_meeting', '--wait');
  id = made.json.subscriptionId;
});
afterAll(async () => {
  await subscriber?.stop();
  await stack?.stop();
});

async function fanout(...args: string[]) {
  const run = await runCommand([...args, '--json'], {
    env: { FANOUT_API: stack.api, AWS_ENDPOINT_URL: stack.aws },
    onSleep: () => new Promise((resolve) => setTimeout(resolve, 50)),
  });
  return { ...run, json: run.out === '' ? undefined : JSON.parse(run.out) };
}

async function switchOffMapping(functionName: RegExp): Promise<void> {
  const { EventSourceMappings = [] } = await aws.lambda.send(new ListEventSourceMappingsCommand({}));
  for (const { UUID, FunctionArn = '' } of EventSourceMappings) {
    if (functionName.test(FunctionArn))
      await aws.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
  }
}

const illParts = async () => (await fanout('health')).json.parts.filter(({ well }: { well: boolean }) => !well);
const functionNamed = (part: string) => stack.functions.list().find(({ name }) => name.includes(part))?.name ?? '';
const stop = async (FunctionName = '') =>
  aws.lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));

it('the stack is well, until somebody switches a part off, and again when it was repaired', async () => {
  expect(await fanout('health')).toMatchObject({ exitCode: 0 });
  const sweep = stack.buses.listRules().find(({ name }) => name.includes('InactivityEveryMinute'));
  await aws.eventBridge.send(new DisableRuleCommand({ Name: sweep?.name }));
  await switchOffMapping(/TrackActivity/);
  await stop(stack.functions.list().find(({ name }) => name.includes('IngestFunction'))?.name);
  const ill = [
    { part: 'InactivityEveryMinute', state: 'disabled by hand', well: false },
    { part: 'ingest', state: 'concurrency 0: nothing runs, and no line is logged', well: false },
    { part: 'track-activity reads its queue', state: 'Disabled', well: false },
  ];
  expect(await illParts()).toMatchObject(ill);
  const mended = await fanout('health', '--repair');
  expect(mended).toMatchObject({ exitCode: 0, json: { repaired: ill } });
  expect(mended.json.parts.filter(({ well }: { well: boolean }) => !well)).toEqual([]);
});

it('a part whose function failed is well again once it is repaired, though Lambda remembers its last call', async () => {
  const FunctionName = functionNamed('TrackActivity');
  const { Environment } = await aws.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const set = async (Variables: Record<string, string>) => {
    await aws.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  };
  await set({});
  const body = JSON.stringify({
    orgId: 1,
    type: 'new_message',
    token: stack.driftToken,
    data: { id: 1, conversationId: 2, createdAt: Date.now() },
  });
  const stateOf = async () =>
    (await fanout('health')).json.parts.find(({ part }: { part: string }) => part === 'track-activity reads its queue');
  await expect
    .poll(
      async () => {
        await fetch(`${stack.api}/drift/events`, { method: 'POST', body });
        return (await stateOf()).state;
      },
      { timeout: 20_000 },
    )
    .toBe('Enabled; the last call of the function failed');
  await set(Environment?.Variables ?? {});
  expect(await stateOf()).toMatchObject({ well: true });
  const { json } = await fanout('logs', 'track-activity', '--errors', '--since', '1970-01-01');
  expect(json.lines[0].text).toContain('CONVERSATIONS_TABLE');
});

it('a subscription is not well while nothing reads its queue, and reconcile makes it well', async () => {
  expect((await fanout('subscriptions', 'health')).json.subscriptions).toMatchObject([
    { subscriptionId: id, healthy: true, route: { mapping: 'Enabled' } },
  ]);
  await switchOffMapping(new RegExp(`fanout-local-${id}$`));
  const ill = await runCommand(['subscriptions', 'health'], {
    env: { FANOUT_API: stack.api, AWS_ENDPOINT_URL: stack.aws },
  });
  expect(ill.exitCode).toBe(7);
  expect(ill.out).toContain('its mapping was switched off by hand; fanout reconcile switches it on');
  expect(await fanout('reconcile', '--wait')).toMatchObject({ exitCode: 0, json: { notInForce: [] } });
  expect(await fanout('subscriptions', 'health')).toMatchObject({ exitCode: 0 });
});

it('says what waits, since when, and that its function may not run', async () => {
  await stop(`fanout-local-${id}`);
  const body = JSON.stringify({ orgId: 1, type: 'new_meeting', token: stack.driftToken, data: { agentId: 1 } });
  await fetch(`${stack.api}/drift/events`, { method: 'POST', body });
  const healthOf = async () => (await fanout('subscriptions', 'health')).json.subscriptions[0];
  await expect
    .poll(healthOf, { timeout: 20_000 })
    .toMatchObject({ healthy: false, route: { reservedConcurrency: 0, oldestSeconds: expect.any(Number) } });
  const run = await fanout('reconcile', '--wait');
  expect(run.err).toContain(`set by hand, and is lifted: fanout-local-${id}`);
  await subscriber.until((deliveries) => deliveries.length === 1, 'what waited');
});

it('a replay that was cancelled says how many events it sent and how many it dropped', async () => {
  const events = 60;
  for (let fact = 0; fact < events; fact++) {
    const body = JSON.stringify({ orgId: 1, type: 'contact_identified', token: stack.driftToken, data: { id: fact } });
    await fetch(`${stack.api}/drift/events`, { method: 'POST', body });
  }
  const receiver = await Subscriber.start();
  try {
    const held: ServerResponse[] = [];
    receiver.answer = (_delivery, response) => void held.push(response);
    const asked = ['--events', 'contact_identified', '--max-concurrency', '2', '--wait'];
    const late = (await fanout('subscriptions', 'create', receiver.url, ...asked)).json.subscriptionId;
    const from = new Date(Date.now() - 600_000).toISOString();
    const to = new Date(Date.now() - 1).toISOString();
    const { replayName } = (await fanout('replays', 'start', late, '--missed', '--from', from, '--to', to)).json;
    await expect.poll(() => held.length, { timeout: 20_000 }).toBeGreaterThan(0);
    expect((await fanout('replays', 'list', late)).json.replays).toMatchObject([{ name: replayName, state: 'queued' }]);
    const cancelled = await fanout('replays', 'cancel', late, replayName);
    expect(cancelled.json).toMatchObject({ waiting: events, replay: { state: 'cancelled' } });
    receiver.answer = (_delivery, response) => void response.writeHead(200).end();
    for (const response of held) response.writeHead(200).end();
    const shown = async () => (await fanout('replays', 'show', late, replayName)).json;
    await expect
      .poll(async () => (({ delivered, dropped }) => delivered + dropped)(await shown()), { timeout: 20_000 })
      .toBe(events);
    const { state, delivered, dropped } = await shown();
    expect({ state, areBoth: delivered > 0 && dropped > 0 }).toEqual({ state: 'cancelled', areBoth: true });
  } finally {
    await receiver.stop();
  }
});

it('a token of Drift counts once it is set, and the one before it still does', async () => {
  const post = (token: string) =>
    fetch(`${stack.api}/drift/events`, {
      method: 'POST',
      body: JSON.stringify({ orgId: 1, type: 'new_meeting', token, data: { agentId: 2 } }),
    });
  const setToken = (DRIFT_TOKEN: string) =>
    runCommand(['drift-token', 'set'], { env: { AWS_ENDPOINT_URL: stack.aws, DRIFT_TOKEN } });
  expect(await setToken('')).toMatchObject({ exitCode: 2 });
  expect(await setToken('the new token')).toMatchObject({ exitCode: 0 });
  await expect.poll(async () => (await post('the new token')).status, { timeout: 30_000 }).toBe(202);
  expect((await post(stack.driftToken)).status).toBe(202);
});

it('the alarms are those of the stack, and say which rings, and since when', async () => {
  const quiet = await fanout('alarms');
  expect(quiet.json.alarms.length).toBe(stack.monitoring.alarms.length);
  const post = { method: 'POST', body: JSON.stringify({ orgId: 1, type: 'new_meeting', token: 'wrong', data: {} }) };
  for (let posted = 0; posted < 3; posted++) await fetch(`${stack.api}/drift/events`, post);
  const ringing = async (): Promise<{ article: string; state: string; since: string }[]> =>
    (await fanout('alarms')).json.alarms.filter(({ state }: { state: string }) => state === 'ALARM');
  await expect.poll(async () => (await ringing()).map(({ article }) => article)).toContain('bad-token');
  expect(await fanout('alarms')).toMatchObject({ exitCode: 7 });
  const { since = '' } = (await ringing()).find(({ article }) => article === 'bad-token') ?? {};
  expect(Math.abs(Date.parse(since) - Date.now())).toBeLessThan(5 * 60_000);
});

it('knows nothing of the routes where only the address of an API is known', async () => {
  const run = await runCommand(['subscriptions', 'health', '--json'], { env: { FANOUT_API: stack.api } });
  expect(JSON.parse(run.out).subscriptions[0]).not.toHaveProperty('route');
});

it('what was asked of the API, and what was answered, is in its log', async () => {
  const post = { method: 'POST', body: JSON.stringify({ orgId: 1, type: 'new_meeting', token: 'wrong', data: {} }) };
  expect((await fetch(`${stack.api}/drift/events?again="yes"`, post)).status).toBe(401);
  const { json } = await fanout('logs', 'access', '--match', '"status":"401"', '--since', '1970-01-01');
  expect(JSON.parse(json.lines[0].text)).toMatchObject({
    routeKey: 'POST /drift/events',
    path: '/drift/events',
    status: '401',
    sourceIp: '127.0.0.1',
    integrationError: '-',
  });
});
