import {
  CancelReplayCommand,
  DeleteRuleCommand,
  DescribeReplayCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EventBridgeClient,
  ListReplaysCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  StartReplayCommand,
} from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEventBuses, type EventBuses } from '../../../../local/aws/engine/event-bus.ts';
import type { Queue } from '../../../../local/aws/engine/queue.ts';
import { createQueues, type Queues } from '../../../../local/aws/engine/queues.ts';
import { deliverToQueuesAndFunctions } from '../../../../local/aws/engine/target-delivery.ts';
import { createVirtualClock, type VirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';
import { eventBridgeService } from '../../../../local/aws/wire/event-bridge.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../../local/aws/wire/http-server.ts';
import { allowsSendBy } from '../iam/queue-policies.ts';

const accountId = '000000000000';
const EventBusName = 'fanout';
let clock: VirtualClock;
let queues: Queues;
let buses: EventBuses;
let endpoint: AwsEndpoint;
let client: EventBridgeClient;
let invoked: [string, string][];
let dropped: string[];

beforeAll(async () => {
  clock = createVirtualClock();
  queues = createQueues({ clock, region: 'us-east-1', accountId });
  buses = createEventBuses({
    clock,
    region: 'us-east-1',
    accountId,
    deliver: deliverToQueuesAndFunctions({
      queues,
      allowsSend: allowsSendBy(() => queues),
      invokeAsync: (arn, payload) => {
        invoked.push([arn, payload]);
      },
    }),
    onDropped: ({ targetArn }, { errorCode }) => dropped.push(`${errorCode} ${targetArn}`),
  });
  buses.createBus(EventBusName);
  endpoint = await startAwsEndpoint({
    port: 0,
    services: [eventBridgeService({ buses })],
    onBug: (error) => {
      throw error;
    },
  });
  client = new EventBridgeClient({
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});

beforeEach(() => {
  invoked = [];
  dropped = [];
});

afterAll(async () => {
  client.destroy();
  await endpoint.close();
});

/** A rule of the name, with a queue of the name that lets this rule send to it. */
async function aRoute(name: string, source: string, isAllowed = true): Promise<Queue> {
  const queue = queues.create(name);
  const { RuleArn = '' } = await client.send(
    new PutRuleCommand({ Name: name, EventBusName, EventPattern: JSON.stringify({ source: [source] }) }),
  );
  if (isAllowed) {
    queue.setAttributes({
      Policy: JSON.stringify({
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: queue.arn,
            Condition: { ArnEquals: { 'aws:SourceArn': RuleArn } },
          },
        ],
      }),
    });
  }
  await client.send(new PutTargetsCommand({ Rule: name, EventBusName, Targets: [{ Id: 'queue', Arn: queue.arn }] }));
  return queue;
}

const put = (Source: string, Detail: string) =>
  client.send(new PutEventsCommand({ Entries: [{ EventBusName, Source, DetailType: 'new_message', Detail }] }));

const nameOf = async (sent: Promise<unknown>): Promise<string> => {
  const error = await sent.catch((caught: unknown) => caught);
  return (error as { name: string }).name;
};

describe('EventBridge on the local endpoint, by the SDK', () => {
  it('brings an event to the queue of a rule, each digit as it was sent', async () => {
    const queue = await aRoute('digits', 'digits');
    const { FailedEntryCount, Entries } = await put('digits', '{"orgId":9007199254740993}');
    expect(FailedEntryCount).toBe(0);
    const [message] = await queue.receive();
    expect(message?.body).toContain('"detail":{"orgId":9007199254740993}');
    expect(JSON.parse(message?.body ?? '')).toMatchObject({ id: Entries?.[0]?.EventId, source: 'digits' });
  });

  it('keeps an event from a queue whose policy does not name its rule', async () => {
    const queue = await aRoute('closed', 'closed', false);
    await put('closed', '{}');
    expect(queue.counts().visible).toBe(0);
    expect(dropped).toEqual([`NO_PERMISSIONS ${queue.arn}`]);
  });

  it('tells which entries failed and why', async () => {
    const answer = await client.send(
      new PutEventsCommand({
        Entries: [
          { EventBusName, Source: 's', DetailType: 't', Detail: '{"a":' },
          { EventBusName, Source: 's', DetailType: 't', Detail: '{}' },
        ],
      }),
    );
    expect(answer.FailedEntryCount).toBe(1);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual(['MalformedDetail', undefined]);
  });

  it('takes ten entries and 256 KB at the most', async () => {
    const entry = { EventBusName, Source: 's', DetailType: 't', Detail: '{}' };
    const send = (Entries: (typeof entry)[]) => nameOf(client.send(new PutEventsCommand({ Entries })));
    expect(await send(Array.from({ length: 11 }, () => entry))).toBe('ValidationException');
    const large = { ...entry, Detail: JSON.stringify({ a: 'x'.repeat(131_062) }) };
    expect(await send([large, { ...large, Detail: `${large.Detail} ` }])).toBe('ValidationException');
    expect((await client.send(new PutEventsCommand({ Entries: [large, large] }))).FailedEntryCount).toBe(0);
  });

  it('shows, disables and deletes rules and their targets', async () => {
    const queue = await aRoute('life', 'life');
    await client.send(new DisableRuleCommand({ Name: 'life', EventBusName }));
    expect(await client.send(new DescribeRuleCommand({ Name: 'life', EventBusName }))).toMatchObject({
      Name: 'life',
      State: 'DISABLED',
      EventBusName,
      EventPattern: '{"source":["life"]}',
    });
    expect(await client.send(new ListTargetsByRuleCommand({ Rule: 'life', EventBusName }))).toMatchObject({
      Targets: [{ Id: 'queue', Arn: queue.arn }],
    });
    expect(await nameOf(client.send(new DeleteRuleCommand({ Name: 'life', EventBusName })))).toBe(
      'ValidationException',
    );
    await client.send(new RemoveTargetsCommand({ Rule: 'life', EventBusName, Ids: ['queue'] }));
    await client.send(new DeleteRuleCommand({ Name: 'life', EventBusName }));
    const error = await client
      .send(new DescribeRuleCommand({ Name: 'life', EventBusName }))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ResourceNotFoundException);
  });

  it('lists rules a page at a time', async () => {
    for (const name of ['page-b', 'page-a', 'page-c']) {
      await client.send(new PutRuleCommand({ Name: name, EventBusName, EventPattern: '{"source":["x"]}' }));
    }
    const first = await client.send(new ListRulesCommand({ EventBusName, NamePrefix: 'page-', Limit: 2 }));
    const { NextToken } = first;
    const second = await client.send(new ListRulesCommand({ EventBusName, NamePrefix: 'page-', Limit: 2, NextToken }));
    expect([...(first.Rules ?? []), ...(second.Rules ?? [])].map(({ Name }) => Name)).toEqual([
      'page-a',
      'page-b',
      'page-c',
    ]);
    expect(second.NextToken).toBeUndefined();
  });

  it('invokes a function with the constant input of a scheduled rule', async () => {
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:provision';
    buses.putRule({ name: 'hourly', scheduleExpression: 'rate(1 hour)' });
    await client.send(
      new PutTargetsCommand({ Rule: 'hourly', Targets: [{ Id: 'f', Arn: arn, Input: '{"action":"reconcile-all"}' }] }),
    );
    await clock.advance(3_600_000);
    expect(invoked).toEqual([[arn, '{"action":"reconcile-all"}']]);
    await client.send(new DisableRuleCommand({ Name: 'hourly' }));
  });

  it('refuses what it would have to leave out', async () => {
    await client.send(new PutRuleCommand({ Name: 'paths', EventBusName, EventPattern: '{"source":["x"]}' }));
    const target = { Id: 't', Arn: 'arn:aws:sqs:us-east-1:000000000000:q', InputPath: '$.detail' };
    const error = await client
      .send(new PutTargetsCommand({ Rule: 'paths', EventBusName, Targets: [target] }))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'ValidationException', message: expect.stringContaining('InputPath') });
  });

  it('archives events and replays them to one rule', async () => {
    const { arn: busArn } = buses.bus(EventBusName);
    const { arn: ArchiveArn } = buses.createArchive({ name: 'all', eventSourceArn: busArn, retentionDays: 30 });
    const queue = await aRoute('replayed', 'replayed');
    const startedAt = clock.now();
    await put('replayed', '{"n":1}');
    await queue.receive();
    const { Arn: ruleArn = '' } = await client.send(new DescribeRuleCommand({ Name: 'replayed', EventBusName }));
    const started = await client.send(
      new StartReplayCommand({
        ReplayName: 'again',
        EventSourceArn: ArchiveArn,
        EventStartTime: new Date(startedAt),
        EventEndTime: new Date(startedAt + 1000),
        Destination: { Arn: busArn, FilterArns: [ruleArn] },
      }),
    );
    expect(started.State).toBe('STARTING');
    await clock.advance(1);
    expect(JSON.parse((await queue.receive())[0]?.body ?? '')).toMatchObject({
      'replay-name': 'again',
      detail: { n: 1 },
    });
    expect(await client.send(new DescribeReplayCommand({ ReplayName: 'again' }))).toMatchObject({
      State: 'COMPLETED',
      EventStartTime: new Date(startedAt),
      Destination: { Arn: busArn, FilterArns: [ruleArn] },
    });
    expect((await client.send(new ListReplaysCommand({ NamePrefix: 'ag' }))).Replays).toHaveLength(1);
    expect(await nameOf(client.send(new CancelReplayCommand({ ReplayName: 'again' })))).toBe('IllegalStatusException');
  });
});
