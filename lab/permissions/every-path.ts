import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AttributeValue, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeRuleCommand,
  ListTargetsByRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  GetFunctionCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { timerShardOf } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { LocalStack } from '../../local/local-stack.ts';
import { localAwsClients } from '../support/local-aws-clients.ts';
import { type Answer, Subscriber } from '../support/subscriber.ts';

/** A path that did not lead where it should, or something that was denied, on whichever path. */
export class PathBlocked extends Error {
  constructor(path: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(cause instanceof Denied ? `denied: ${why}` : `${path}: ${why}`);
    this.name = 'PathBlocked';
  }
}

/** Something was denied, so a path is blocked, whether its end would show it or not. */
class Denied extends Error {}

const timeoutMs = 40_000;
const orgId = 5002;

/**
 * Walks every path of the system once, quickly: what is posted, derived, delivered, tried again, stopped, replayed,
 * changed, repaired, deleted, and the end of it all. Rejects with `PathBlocked` at the first that is blocked, or as
 * soon as anything at all was denied: what a function is not allowed shows at once, not when a time is up.
 */
export async function walkEveryPath(stack: LocalStack): Promise<void> {
  const traveller = await createTraveller(stack);
  let isOver = false;
  const walk = async (path: string, go: () => Promise<unknown>): Promise<void> => {
    try {
      if (!isOver) await go();
    } catch (error) {
      isOver = true;
      throw new PathBlocked(path, error);
    }
  };
  try {
    const paths = pathsOf(traveller);
    await Promise.all(Object.entries(paths.together).map(([path, go]) => walk(path, go)));
    for (const [path, go] of Object.entries(paths.afterwards)) await walk(path, go);
  } finally {
    isOver = true;
    await traveller.rest();
  }
}

type Paths = Readonly<Record<string, () => Promise<unknown>>>;

function pathsOf(traveller: Traveller): { readonly together: Paths; readonly afterwards: Paths } {
  const { stack, aws, api, subscribe, post, until, state, mapping, fire } = traveller;
  const { tables, queues, functions } = stack;
  const nameOf = (subscriptionId: string): string => `${traveller.routePrefix}-${subscriptionId}`;
  const queueUrl = (name: string): string => `${stack.aws}/000000000000/${name}`;
  const controlQueue = environmentOf('CONTROL_QUEUE_URL');
  const message = (id: number, conversationId: number) => ({
    orgId,
    type: 'new_message',
    data: { id, conversationId, createdAt: Date.now() },
  });

  function environmentOf(variable: string): string {
    const value = functions.list().find(({ environment }) => variable in environment)?.environment[variable];
    if (value === undefined) throw new Error(`no function has ${variable}`);
    return value;
  }

  const control = (body: Record<string, unknown>) =>
    aws.sqs.send(new SendMessageCommand({ QueueUrl: controlQueue, MessageBody: JSON.stringify(body) }));
  const changeState = (subscriptionId: string, UpdateExpression: string, values: Record<string, unknown>) =>
    aws.dynamo.send(
      new UpdateItemCommand({
        TableName: tables.subscriptions,
        Key: { subscriptionId: { S: subscriptionId }, record: { S: 'state' } },
        UpdateExpression,
        ExpressionAttributeValues: Object.fromEntries(
          Object.entries(values).map(([name, value]) => [name, { N: String(value) }]),
        ),
      }),
    );

  const together: Paths = {
    'settings of an organisation': async () => {
      await api('PUT', '/v1/orgs/5001/settings', { quietPeriodSeconds: 60 });
      const read = await api('GET', '/v1/orgs/5001/settings');
      if (read.quietPeriodSeconds !== 60) throw new Error(`it is ${JSON.stringify(read)}`);
    },

    'from a post to a subscriber, and its silence': async () => {
      const { subscriber } = await subscribe(['new_message', 'conversation_inactive']);
      await post(message(1, 11));
      await until('the message', () => subscriber.typesReceived().includes('new_message'));
      await until('the silence', () => subscriber.typesReceived().includes('conversation_inactive'));
    },

    'a timer that only the sweep finds, and that has to be armed again': async () => {
      const { subscriber } = await subscribe(['conversation_inactive']);
      const conversationKey = `${orgId}#12`;
      const now = Date.now();
      await aws.dynamo.send(
        new PutItemCommand({
          TableName: tables.conversations,
          Item: {
            conversationKey: { S: conversationKey },
            // Busy again since the timer was set, and for long enough that a slow machine finds it so.
            lastActivityAt: { N: String(now + 10_000) },
            dueAt: { N: String(now - 1_000) },
            timerShard: { N: String(timerShardOf(conversationKey)) },
          },
        }),
      );
      fire('rate(1 minute)');
      await until('the silence', () => subscriber.bodies().some((body) => body.includes('"conversationId":12')));
    },

    'a conversation that is written at the same time': async () => {
      // The tracker reads and then writes on the condition that nothing has changed: what loses that race reads again.
      const Key = { conversationKey: { S: `${orgId}#13` } };
      const hasReadAgain = () =>
        stack.permissions
          .used()
          .some(({ policy, action }) => policy.includes('TrackActivity') && action === 'dynamodb:GetItem');
      let isOver = false;
      const disturb = async () => {
        for (let at = 1; !isOver; at++) {
          const values = { ':at': { N: String(at) } };
          const UpdateExpression = 'SET lastActivityAt = :at REMOVE dueAt, timerShard';
          const TableName = tables.conversations;
          await aws.dynamo.send(
            new UpdateItemCommand({ TableName, Key, UpdateExpression, ExpressionAttributeValues: values }),
          );
        }
      };
      const disturbed = disturb();
      try {
        for (let id = 1; !hasReadAgain() && id < 20; id++) {
          await post(message(100 + id, 13));
          await until('the race or the next try', () => hasReadAgain(), 3_000).catch((error) => {
            if (error instanceof Denied) throw error;
          });
        }
        if (!hasReadAgain()) throw new Error('the tracker never lost a race');
      } finally {
        isOver = true;
        await disturbed;
      }
    },

    'a subscriber that fails once': async () => {
      const { subscriber } = await subscribe(['new_meeting']);
      subscriber.answer = (_delivery, response) =>
        response.writeHead(subscriber.deliveries.length === 1 ? 500 : 204).end();
      await post({ orgId, type: 'new_meeting', data: { agentId: 1 } });
      await until('the second attempt', () => subscriber.deliveries.length >= 2);
    },

    'a retry that waits in the ledger, and one that nobody may make any more': async () => {
      const { subscriber, subscriptionId } = await subscribe(['waits_in_ledger', 'waits_for_nobody']);
      const path = `/v1/subscriptions/${subscriptionId}`;
      const watcher = await subscribe(['webhook_delivery_exhausted']);
      subscriber.answer = (_delivery, response) => response.writeHead(500, { 'retry-after': '3600' }).end();
      const retrying = async () =>
        ((await api('GET', `${path}/deliveries?state=retrying`)).deliveries ?? []) as {
          webhookId: string;
          nextAttemptAt: string;
        }[];
      const makeDue = async (webhookId: string, set: string, values: Record<string, AttributeValue>) => {
        await aws.dynamo.send(
          new UpdateItemCommand({
            TableName: tables.deliveries,
            Key: { subscriptionId: { S: subscriptionId }, webhookId: { S: webhookId } },
            UpdateExpression: `SET dueAt = :now${set}`,
            ExpressionAttributeValues: { ':now': { N: String(Date.now()) }, ...values },
          }),
        );
        fire('rate(1 minute)');
      };
      await post({ orgId, type: 'waits_in_ledger', data: { agentId: 2 } });
      await until('the ledger to hold it', async () => (await retrying()).length === 1);
      subscriber.answer = (_delivery, response) => response.writeHead(200).end();
      // Somebody knows that it is back.
      await api('PATCH', path, { status: 'active' });
      await until(
        'the retry to be due',
        async () => Date.parse((await retrying())[0]?.nextAttemptAt ?? '') <= Date.now(),
      );
      fire('rate(1 minute)');
      await until('the second attempt', () => subscriber.deliveries.length === 2);

      subscriber.answer = (_delivery, response) => response.writeHead(500, { 'retry-after': '3600' }).end();
      await post({ orgId, type: 'waits_for_nobody', data: { agentId: 3 } });
      await until('the ledger to hold the next', async () => (await retrying()).length === 1);
      const [second] = await retrying();
      await api('PATCH', path, { status: 'paused' });
      await makeDue(second?.webhookId ?? '', ', messageId = :lost, queuedAt = :old', {
        ':lost': { S: 'lost' },
        ':old': { N: '0' },
      });
      await until('its end', () =>
        watcher.subscriber.bodies().some((body) => body.includes(second?.webhookId ?? 'nothing')),
      );
    },

    'an event that is not wanted, and its replays': async () => {
      const { subscriber, subscriptionId } = await subscribe(['phone_captured']);
      const since = new Date(Date.now() - 60_000).toISOString();
      const refuse: Answer = (_delivery, response) =>
        response.writeHead(400, { 'webhook-delivery': 'abort-message' }).end();
      subscriber.answer = refuse;
      await post({ orgId, type: 'phone_captured', data: { conversationId: 1, phoneNumber: '+1' } });
      const path = `/v1/subscriptions/${subscriptionId}`;
      const list = async (query: string) =>
        ((await api('GET', `${path}/deliveries${query}`)).deliveries ?? []) as { webhookId: string; state: string }[];
      await until('the ledger to say so', async () => (await list('?state=discarded')).length === 1);
      // The ledger's own list: the history follows some seconds later.
      const [delivery] = await list('?state=discarded');
      const replay = (body: Record<string, unknown>) => api('POST', `${path}/replay`, body);
      const attempts = () => subscriber.deliveries.length;

      await api('POST', `${path}/replay`, { webhookId: delivery?.webhookId }, { 'idempotency-key': 'walk' });
      await until('the replay of one', () => attempts() === 2);
      await until('the ledger to say so again', async () => (await list('?state=discarded')).length === 1);
      const failed = await replay({ failed: { from: since } });
      if (failed.queued !== 1) throw new Error(`${JSON.stringify(failed)} were put in the queue`);
      await until('the replay of what failed', () => attempts() === 3);
      await list(`?replayName=${failed.replayName}`);
      const missed = await replay({ missed: { from: since } });
      const { replays } = await api('GET', `${path}/replay`);
      if (!JSON.stringify(replays).includes(String(missed.replayName))) throw new Error('the replay is not listed');
      await until('the replay of what was missed', () => attempts() === 4);
      await replay({ cancel: missed.replayName });
    },

    'the event history: a conversation, an event, why, and once more': async () => {
      const { subscriber, subscriptionId } = await subscribe(['conversation_participant_added']);
      await post({
        orgId,
        type: 'conversation_participant_added',
        data: { conversationId: 41, changedAt: Date.now() },
      });
      await until('the delivery', () => subscriber.deliveries.length === 1);
      const events = async () =>
        ((await api('GET', '/v1/events')).events ?? []) as { webhookId: string; type: string }[];
      const find = async () => (await events()).find(({ type }) => type === 'conversation_participant_added');
      await until('the history to hold it', async () => (await find()) !== undefined);
      const webhookId = (await find())?.webhookId ?? '';
      const conversation = await api('GET', `/v1/conversations/${orgId}/41`);
      if (!JSON.stringify(conversation).includes(webhookId)) throw new Error('the conversation does not show it');
      const shown = JSON.stringify(await api('GET', `/v1/events/${webhookId}`));
      if (!shown.includes('"outcome":"delivered"')) throw new Error(`nobody seems to have it: ${shown}`);
      await api('GET', `/v1/subscriptions/${subscriptionId}/deliveries/${webhookId}`);
      await api('POST', `/v1/events/${webhookId}/resend`, { subscriptionIds: [subscriptionId] });
      await until('the second delivery', () => subscriber.deliveries.length === 2);
    },

    'the figures of a subscription': async () => {
      const { subscriptionId } = await subscribe(['new_conversation']);
      await api('POST', `/v1/subscriptions/${subscriptionId}/test`, {});
      const { periods } = await api('GET', `/v1/subscriptions/${subscriptionId}/metrics?periodSeconds=60`);
      if (!Array.isArray(periods) || periods.length < 180) throw new Error(`no figures: ${JSON.stringify(periods)}`);
    },

    'a test, and a new secret': async () => {
      const { subscriptionId } = await subscribe(['new_conversation']);
      const tested = await api('POST', `/v1/subscriptions/${subscriptionId}/test`, {});
      if (tested.outcome !== 'delivered') throw new Error(`the test is ${JSON.stringify(tested)}`);
      await api('POST', `/v1/subscriptions/${subscriptionId}/rotate-secret`, {});
      const { queue } = await api('GET', `/v1/subscriptions/${subscriptionId}`);
      if (queue === undefined) throw new Error('the depth of its queue is not shown');
      const { subscriptions } = await api('GET', '/v1/subscriptions');
      if (!JSON.stringify(subscriptions).includes(subscriptionId)) throw new Error('it is not listed');
    },

    'a subscriber that asks for rest, one event sent again meanwhile, a probe, and its recovery': async () => {
      const { subscriber, subscriptionId } = await subscribe(['meeting_updated']);
      subscriber.answer = (_delivery, response) => response.writeHead(503, { 'retry-after': '3600' }).end();
      await post({ orgId, type: 'meeting_updated', data: { agentId: 1 } });
      await until('the circuit to open', async () => (await state(subscriptionId))?.circuit?.M?.state?.S === 'open');
      await until('the queue to be read no more', async () => (await mapping(subscriptionId))?.State === 'Disabled');
      subscriber.answer = (_delivery, response) => response.writeHead(204).end();
      const path = `/v1/subscriptions/${subscriptionId}/deliveries`;
      const { deliveries } = (await api('GET', `${path}?state=retrying`)) as { deliveries: { webhookId: string }[] };
      await api('POST', `${path}/${deliveries[0]?.webhookId}/resend`);
      await until('the resend to arrive though the queue is not read', () => subscriber.deliveries.length === 2);
      const dueAt = Date.now() - 1_000;
      await changeState(subscriptionId, 'SET circuit.probeAt = :at, throttledUntil = :at', { ':at': dueAt });
      await control({ subscriptionId, action: 'probe', dueAt });
      await until('the ramp', async () => (await state(subscriptionId))?.circuit?.M?.state?.S === 'ramping');
      await until('the queue to be read again', async () => (await mapping(subscriptionId))?.State === 'Enabled');
    },

    'a subscriber that is gone': async () => {
      const { subscriber, subscriptionId } = await subscribe(['app_disconnected']);
      const { subscriber: operator } = await subscribe(['webhook_subscription_disabled']);
      subscriber.answer = (_delivery, response) => response.writeHead(410).end();
      await post({ orgId, type: 'app_disconnected', data: {} });
      await until('it to be disabled', async () => (await state(subscriptionId))?.disabled !== undefined);
      await until('the queue to be read no more', async () => (await mapping(subscriptionId))?.State === 'Disabled');
      await until('the operator to hear of it', () =>
        operator.typesReceived().includes('webhook_subscription_disabled'),
      );
    },

    'an item written by hand, repaired, changed, paused and deleted': async () => {
      const subscriber = await traveller.newSubscriber();
      const subscriptionId = 'sub_byhand';
      const path = `/v1/subscriptions/${subscriptionId}`;
      const name = nameOf(subscriptionId);
      await aws.dynamo.send(
        new PutItemCommand({
          TableName: tables.subscriptions,
          Item: {
            subscriptionId: { S: subscriptionId },
            record: { S: 'config' },
            url: { S: subscriber.url },
            eventTypes: { SS: ['button_clicked'] },
          },
        }),
      );
      await traveller.untilReady(subscriptionId);

      // Somebody has been at what the system made; the hourly look puts it right.
      const rule = { Rule: name, EventBusName: stack.bus };
      const { Targets = [] } = await aws.eventBridge.send(new ListTargetsByRuleCommand(rule));
      const Arn = Targets[0]?.Arn ?? '';
      await aws.eventBridge.send(new RemoveTargetsCommand({ ...rule, Ids: Targets.map(({ Id }) => Id ?? '') }));
      await aws.eventBridge.send(new PutTargetsCommand({ ...rule, Targets: [{ Id: 'stray', Arn }] }));
      await aws.sqs.send(
        new SetQueueAttributesCommand({ QueueUrl: queueUrl(name), Attributes: { VisibilityTimeout: '1000' } }),
      );
      const FunctionName = name;
      await aws.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description: 'other code' }));
      fire('rate(1 hour)');
      fire('rate(5 minutes)');
      await until('the repair', async () => {
        const [targets, queue, found] = await Promise.all([
          aws.eventBridge.send(new ListTargetsByRuleCommand(rule)),
          aws.sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl(name), AttributeNames: ['All'] })),
          aws.lambda.send(new GetFunctionCommand({ FunctionName })),
        ]);
        return (
          targets.Targets?.length === 1 &&
          targets.Targets[0]?.Id === 'queue' &&
          queue.Attributes?.VisibilityTimeout === '540' &&
          found.Configuration?.Description !== 'other code'
        );
      });

      await api('PATCH', path, { eventTypes: ['user_unsubscribed'], status: 'paused' });
      await until('the pause', async () => {
        const { EventPattern } = await aws.eventBridge.send(
          new DescribeRuleCommand({ Name: name, EventBusName: stack.bus }),
        );
        return EventPattern?.includes('user_unsubscribed') && (await mapping(subscriptionId))?.State === 'Disabled';
      });
      await api('DELETE', path);
      await until(
        'everything to be gone',
        async () => isGone(subscriptionId) && (await state(subscriptionId)) === undefined,
      );
    },
  };

  function isGone(subscriptionId: string): boolean {
    const name = nameOf(subscriptionId);
    return (
      functions.find(name) === undefined &&
      queues.list(name).length === 0 &&
      stack.buses.listRules(stack.bus, name).length === 0
    );
  }

  const afterwards: Paths = {
    'the logs of every function': async () => {
      for (const { name } of functions.list()) {
        // The tracker writes only of what goes wrong.
        if (name.includes('TrackActivity')) continue;
        await until(`a line of ${name}`, () => stack.logs.lines(name).length > 0);
      }
    },
    'the paths of the API that nobody else has walked': async () => {
      await api('GET', '/v1/event-types');
      await api('GET', '/v1/openapi.json');
      await api('POST', '/v1/filters/test', { filter: { a: [1] }, event: { data: { a: 1 } } });
      const { status } = await fetch(`${stack.api}/v1/nothing`);
      if (status !== 404) throw new Error(`an unknown path was answered ${status}`);
    },
    'what the bus cannot hand over': async () => {
      const ownRules = stack.buses.listRules(stack.bus).filter(({ name }) => !name.startsWith(traveller.routePrefix));
      const targets = ownRules.flatMap(({ name }) => stack.buses.listTargets(name, stack.bus));
      const routes = targets.flatMap(({ arn, deadLetterArn }) => {
        const queue = queues.findByArn(arn);
        const deadLetters = queues.findByArn(deadLetterArn ?? '');
        return queue === undefined || deadLetters === undefined ? [] : [{ queue, deadLetters }];
      });
      if (routes.length === 0) throw new Error('there is no queue of the activities');
      for (const { queue } of routes) await aws.sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl(queue.name) }));
      await post(message(900, 14));
      await until('the dead letters', () => routes.every(({ deadLetters }) => deadLetters.counts().visible >= 1));
    },
    'the end of the stack': async () => {
      const { arn } = functions.list().find(({ name }) => name.includes('Provision')) ?? {};
      const answer = await traveller.asCloudFormation(async (ResponseURL) => {
        const event = { RequestType: 'Delete', ResponseURL, StackId: 's', RequestId: 'r', LogicalResourceId: 'Routes' };
        const Payload = Buffer.from(JSON.stringify(event));
        await aws.lambda.send(new InvokeCommand({ FunctionName: arn, InvocationType: 'Event', Payload }));
      });
      if (answer.Status !== 'SUCCESS') throw new Error(`CloudFormation got ${JSON.stringify(answer)}`);
      if (!isGone('')) throw new Error('something is left');
    },
    'nothing was denied': () => traveller.until('nothing', () => true),
  };
  return { together, afterwards };
}

type Traveller = Awaited<ReturnType<typeof createTraveller>>;

async function createTraveller(stack: LocalStack) {
  const aws = localAwsClients(stack.aws);
  const subscribers: Subscriber[] = [];
  const routePrefix = stack.functions.list().find(({ environment }) => 'ROUTE_PREFIX' in environment)
    ?.environment.ROUTE_PREFIX;
  if (routePrefix === undefined) throw new Error('no function has ROUTE_PREFIX');

  /** Waits; rejects with `Denied` as soon as anything was. */
  async function until(what: string, found: () => unknown, withinMs = timeoutMs): Promise<void> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const isFound = await found();
      const [denial] = stack.permissions.denials();
      if (denial !== undefined) throw new Denied(denial);
      if (isFound) return;
      if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function api(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> {
    const response = await fetch(`${stack.api}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }),
    });
    const text = await response.text();
    const [denial] = stack.permissions.denials();
    if (denial !== undefined) throw new Denied(denial);
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  async function newSubscriber(): Promise<Subscriber> {
    const subscriber = await Subscriber.start();
    subscribers.push(subscriber);
    return subscriber;
  }

  async function untilReady(subscriptionId: string): Promise<void> {
    await until(`${subscriptionId} to be ready`, async () => {
      const item = await state(subscriptionId);
      return item?.provisioning?.S === 'ready';
    });
  }

  async function state(subscriptionId: string) {
    const Key = { subscriptionId: { S: subscriptionId }, record: { S: 'state' } };
    const { Item } = await aws.dynamo.send(new GetItemCommand({ TableName: stack.tables.subscriptions, Key }));
    return Item;
  }

  return {
    stack,
    aws,
    routePrefix,
    api,
    until,
    untilReady,
    state,
    newSubscriber,
    post: (event: Record<string, unknown>) => api('POST', '/drift/events', { ...event, token: stack.driftToken }),
    async subscribe(eventTypes: readonly string[]) {
      const subscriber = await newSubscriber();
      const created = await api('POST', '/v1/subscriptions', { url: subscriber.url, eventTypes });
      const subscriptionId = String(created.subscriptionId);
      await untilReady(subscriptionId);
      return { subscriber, subscriptionId };
    },
    async mapping(subscriptionId: string) {
      const EventSourceArn = `arn:aws:sqs:us-east-1:000000000000:${routePrefix}-${subscriptionId}`;
      const { EventSourceMappings } = await aws.lambda.send(new ListEventSourceMappingsCommand({ EventSourceArn }));
      return EventSourceMappings?.[0];
    },
    /** As if the time of the schedule had come. */
    fire(schedule: string): void {
      const rules = stack.buses.listRules().filter(({ scheduleExpression }) => scheduleExpression === schedule);
      if (rules.length === 0) throw new Error(`there is no rule with the schedule ${schedule}`);
      for (const { name } of rules) stack.buses.fireSchedule(name);
    },
    /** Waits for what a custom resource's function puts to its ResponseURL. */
    async asCloudFormation(send: (responseUrl: string) => Promise<void>): Promise<Record<string, unknown>> {
      let answered: string | undefined;
      const server = createServer((request, response) => {
        request.setEncoding('utf8');
        let body = '';
        request.on('data', (part: string) => {
          body += part;
        });
        request.on('end', () => {
          answered = body;
          response.end();
        });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`);
        await until('the answer to CloudFormation', () => answered !== undefined);
        return JSON.parse(answered ?? '{}') as Record<string, unknown>;
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
    async rest(): Promise<void> {
      for (const client of Object.values(aws)) client.destroy();
      await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
    },
  };
}
