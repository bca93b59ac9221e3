import { readFileSync } from 'node:fs';
import { DescribeRuleCommand, DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { alarmState } from '../../local/aws/metrics/alarm-state.ts';
import { createMetricStore } from '../../local/aws/metrics/metric-store.ts';
import { type LocalStack, startLocalStack } from '../../local/local-stack.ts';

// Each fault is made on the local run; the alarm of the template must ring, and end after the runbook's cure. The alarms'
// periods are shortened, and the looks that come every five minutes are set off as fast.

const driftToken = 'drill-token';
const periodSeconds = 2;
const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const metrics = createMetricStore();
let stack: LocalStack;
let aws: ReturnType<typeof localAwsClients>;
let subscriber: Subscriber;
let id: string;
let facts = 0;

beforeAll(async () => {
  stack = await startLocalStack({ driftToken, metrics, onNotice: () => {} });
  aws = localAwsClients(stack.aws);
  subscriber = await Subscriber.start();
  const made = await fetch(`${stack.api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: subscriber.url, eventTypes: ['new_meeting'] }),
  });
  id = ((await made.json()) as { subscriptionId: string }).subscriptionId;
  await until('the subscriber to be ready', async () => (await shown()).provisioning === 'ready');
}, 60_000);
afterAll(async () => {
  await subscriber?.stop();
  await stack?.stop();
});

async function until(what: string, found: () => unknown, timeoutMs = 25_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await found())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function shown() {
  const response = await fetch(`${stack.api}/v1/subscriptions/${id}`);
  return (await response.json()) as { provisioning: string; queue?: { waiting: number; deadLetters: number } };
}

async function post(token = driftToken): Promise<number> {
  const body = JSON.stringify({ orgId: 1, type: 'new_meeting', token, data: { agentId: ++facts } });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${stack.api}/drift/events`, { method: 'POST', headers, body })).status;
}

function isRinging(article: string): boolean {
  const alarm = stack.monitoring.alarms.find(({ definition }) => definition.AlarmName.endsWith(`-${article}`));
  if (alarm === undefined) throw new Error(`there is no alarm ${article}`);
  const range = { start: Date.now() - 60_000, end: Date.now() };
  return alarmState({ ...alarm.definition, Period: periodSeconds }, metrics, range).state === 'alarm';
}

function look(): void {
  const rules = stack.buses.listRules().filter(({ scheduleExpression }) => scheduleExpression === 'rate(5 minutes)');
  expect(rules).toHaveLength(1);
  for (const { name } of rules) stack.buses.fireSchedule(name);
}

/** As many looks as it takes, one in each of the alarm's periods at the least. */
async function untilAlarm(article: string, isExpected: boolean): Promise<void> {
  await until(`${article} to ${isExpected ? 'ring' : 'end'}`, async () => {
    look();
    await new Promise((resolve) => setTimeout(resolve, 700));
    return isRinging(article) === isExpected;
  });
}

/** What `fanout reconcile` does. */
async function reconcile(): Promise<void> {
  const payload = '{"action":"reconcile-all"}';
  const provision = stack.functions.list().find(({ name }) => name.includes('RoutesProvisionFunction'));
  await aws.lambda.send(
    new InvokeCommand({ FunctionName: provision?.name, InvocationType: 'Event', Payload: Buffer.from(payload) }),
  );
}

function queueUrl(suffix = ''): string {
  return `${stack.aws}/000000000000/fanout-local-${id}${suffix}`;
}

async function disableMapping(): Promise<void> {
  const { EventSourceMappings = [] } = await aws.lambda.send(new ListEventSourceMappingsCommand({}));
  const own = EventSourceMappings.find(({ FunctionArn }) => FunctionArn?.endsWith(`fanout-local-${id}`));
  await aws.lambda.send(new UpdateEventSourceMappingCommand({ UUID: own?.UUID, Enabled: false }));
}

test('bad-token: three posts with another token ring, and it ends when they do', async () => {
  expect([await post('wrong'), await post('wrong'), await post('wrong')]).toEqual([401, 401, 401]);
  await until('bad-token to ring', () => isRinging('bad-token'));
  const before = subscriber.deliveries.length;
  expect(await post()).toBe(202);
  await until('bad-token to end', () => !isRinging('bad-token'));
  await subscriber.until((deliveries) => deliveries.length === before + 1, 'the post with the right token');
}, 60_000);

test('deliveries-not-read: a mapping that somebody switched off rings, reconcile switches it on, and nothing is lost', async () => {
  await untilAlarm('deliveries-not-read', false);
  await disableMapping();
  const before = subscriber.deliveries.length;
  await post();
  await post();
  await until('the events to wait', async () => (await shown()).queue?.waiting === 2);
  await untilAlarm('deliveries-not-read', true);
  await reconcile();
  await subscriber.until((deliveries) => deliveries.length === before + 2, 'what waited');
  await untilAlarm('deliveries-not-read', false);
}, 90_000);

test('subscriber-dead-letters: rings, ends with the first count after they were put back, and nothing is lost', async () => {
  const move = async (from: string, to: string): Promise<void> => {
    const { Messages = [] } = await aws.sqs.send(new ReceiveMessageCommand({ QueueUrl: from, WaitTimeSeconds: 5 }));
    expect(Messages).toHaveLength(1);
    for (const { Body, ReceiptHandle } of Messages) {
      await aws.sqs.send(new SendMessageCommand({ QueueUrl: to, MessageBody: Body }));
      await aws.sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
    }
  };
  const before = subscriber.deliveries.length;
  await disableMapping();
  await post();
  await until('the event to wait', async () => (await shown()).queue?.waiting === 1);
  await move(queueUrl(), queueUrl('-dlq'));
  await reconcile();
  await untilAlarm('subscriber-dead-letters', true);
  expect((await shown()).queue?.deadLetters).toBe(1);
  // What StartMessageMoveTask does, which the local run does not serve.
  await move(queueUrl('-dlq'), queueUrl());
  await subscriber.until((deliveries) => deliveries.length === before + 1, 'the dead letter');
  await untilAlarm('subscriber-dead-letters', false);
}, 90_000);

test('sweep-not-running: a schedule that somebody switched off rings, and enable-rule ends it', async () => {
  const Name = stack.buses.listRules().find(({ name }) => name.includes('InactivityEveryMinute'))?.name ?? '';
  const minutePasses = async (): Promise<void> => {
    const { State } = await aws.eventBridge.send(new DescribeRuleCommand({ Name }));
    if (State === 'ENABLED') stack.buses.fireSchedule(Name);
    await new Promise((resolve) => setTimeout(resolve, 500));
  };
  const untilSweepAlarm = (isExpected: boolean) =>
    until(`sweep-not-running to ${isExpected ? 'ring' : 'end'}`, async () => {
      await minutePasses();
      return isRinging('sweep-not-running') === isExpected;
    });
  await untilSweepAlarm(false);
  await aws.eventBridge.send(new DisableRuleCommand({ Name }));
  await untilSweepAlarm(true);
  expect(runbook).toContain('fanout health --repair');
  await aws.eventBridge.send(new EnableRuleCommand({ Name }));
  await untilSweepAlarm(false);
}, 90_000);
