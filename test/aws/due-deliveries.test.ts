import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { QueueDoesNotExist, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aRecord, noon } from '../../lab/support/deliveries.ts';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { inMemoryDueDeliveries } from '../../lab/support/in-memory/due-deliveries.ts';
import { toAttributes } from '../../lambdas/aws/dynamo-attributes.ts';
import { dynamoDueDeliveries } from '../../lambdas/aws/dynamo-due-deliveries.ts';
import { sqsRetryQueues } from '../../lambdas/aws/sqs-retry-queues.ts';
import {
  carriedByMessage,
  type DeliveryRecord,
  waitingInLedger,
} from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { DueDeliveries } from '../../lambdas/provision/ports.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

const inMemory = new Map<string, Map<string, DeliveryRecord>>();
const adapters: Record<string, { due: () => DueDeliveries; put: (record: DeliveryRecord) => Promise<unknown> }> = {
  'in DynamoDB': {
    due: () =>
      dynamoDueDeliveries({
        client: dynamo.client,
        tableName: 'deliveries',
        sleep: async () => undefined,
        random: () => 0,
      }),
    put: (record) =>
      dynamo.client.send(new PutItemCommand({ TableName: 'deliveries', Item: toAttributes({ ...record }) })),
  },
  'in memory': {
    due: () => inMemoryDueDeliveries(inMemory),
    put: async (record) => {
      const items = inMemory.get(record.subscriptionId) ?? new Map<string, DeliveryRecord>();
      inMemory.set(record.subscriptionId, items.set(record.webhookId, record));
    },
  },
};

it('is found 25 at a time: so many events of 256 KB, of eight shards at once, fit into the function’s 512 MB', async () => {
  const { due, put } = adapters['in DynamoDB'] ?? expect.unreachable();
  const record = aRecord({ subscriptionId: 'sub_many', ...waitingInLedger('m', noon - 1_000_000) });
  await Promise.all(Array.from({ length: 60 }, (_, index) => put({ ...record, webhookId: `m${index}` })));
  const sizes: number[] = [];
  for await (const page of due().due(record.dueShard ?? 0, noon - 1_000_000)) sizes.push(page.length);
  expect(sizes).toEqual([25, 25, 10]);
});

describe.each(Object.entries(adapters))('what is due, %s', (_where, { due, put }) => {
  let count = 0;
  let subscriptionId = '';
  beforeEach(() => {
    subscriptionId = `sub_due_${++count}`;
  });
  const waiting = (webhookId: string, at: number) =>
    aRecord({
      subscriptionId,
      undeliveredAt: noon,
      webhookId,
      event: '{"detail":{"n":9007199254740993}}',
      ...waitingInLedger(webhookId, at),
    });
  const readOne = async (webhookId: string) => (await due().read([{ subscriptionId, webhookId }]))[0] as DeliveryRecord;
  const foundBy = async (shard: number, until: number) => {
    const found: string[] = [];
    for await (const page of due().due(shard, until)) {
      found.push(...page.filter((key) => key.subscriptionId === subscriptionId).map(({ webhookId }) => webhookId));
    }
    return found;
  };

  it('is found by its shard once it is due, the longest due first, and read with its event', async () => {
    const [late, soon, other] = [waiting('a1', noon - 5), waiting('a1x', noon), waiting('b2', noon + 5)];
    const shard = late.dueShard ?? -1;
    for (const record of [soon, late, other]) await put({ ...record, dueShard: shard });
    expect(await foundBy(shard, noon)).toEqual(['a1', 'a1x']);
    expect(await foundBy((shard + 1) % 8, noon)).toEqual([]);
    expect(await readOne('a1')).toEqual({ ...late, dueShard: shard });
    expect(await due().read([{ subscriptionId, webhookId: 'unknown' }])).toEqual([]);
  });

  it('moves to a message and back again, with nothing left of where it was', async () => {
    await put(waiting('a1', noon));
    const read = await readOne('a1');
    expect(await due().move(read, carriedByMessage('a1', noon, 'sqs-9', noon + 1))).toBe(true);
    const carried = await readOne('a1');
    expect(carried).toMatchObject({ messageId: 'sqs-9', queuedAt: noon + 1, dueAt: noon + 3_600_000 });
    expect(await due().move(carried, waitingInLedger('a1', noon + 7))).toBe(true);
    expect(await readOne('a1')).toEqual({ ...read, nextAttemptAt: noon + 7, dueAt: noon + 7 });
  });

  it('is listed for one subscription where it waits in the ledger, or was written by an earlier version', async () => {
    await put(waiting('a1', noon));
    await put({ ...waiting('a2', noon), ...carriedByMessage('a2', noon, 'sqs-9', noon) });
    await put(
      aRecord({ subscriptionId, webhookId: 'a3', messageId: 'sqs-1', nextAttemptAt: noon, undeliveredAt: noon }),
    );
    await put(aRecord({ subscriptionId, webhookId: 'a4', state: 'exhausted', undeliveredAt: noon }));
    const found: DeliveryRecord[] = [];
    for await (const page of due().waiting(subscriptionId)) found.push(...page);
    expect(found.map(({ webhookId }) => webhookId).sort()).toEqual(['a1', 'a3']);
    const old = found.find(({ webhookId }) => webhookId === 'a3') as DeliveryRecord;
    expect(await due().move(old, waitingInLedger('a3', noon))).toBe(true);
    expect(await due().move(old, waitingInLedger('a3', noon))).toBe(false);
  });

  it('is looked after later where only the time is given', async () => {
    await put({ ...waiting('a1', noon), ...carriedByMessage('a1', noon, 'sqs-9', noon) });
    expect(await due().move(await readOne('a1'), { dueAt: noon + 9 })).toBe(true);
    expect(await readOne('a1')).toMatchObject({ messageId: 'sqs-9', nextAttemptAt: noon, dueAt: noon + 9 });
  });

  it('is left as it is by whoever read it before somebody else changed it', async () => {
    await put(waiting('a1', noon));
    const read = await readOne('a1');
    await put({ ...waiting('a1', noon + 60_000), attempts: 9 });
    expect(await due().move(read, carriedByMessage('a1', noon, 'sqs-9', noon))).toBe(false);
    expect(await due().exhaust(read, 'expired')).toBe(false);
    await put(aRecord({ subscriptionId, webhookId: 'a1', state: 'delivered' }));
    expect(await due().exhaust({ ...read, dueAt: noon + 60_000 }, 'expired')).toBe(false);
    expect((await readOne('a1')).state).toBe('delivered');
  });

  it('is exhausted with its reason and its event, and not due any more', async () => {
    const record = waiting('a1', noon);
    await put(record);
    expect(await due().exhaust(await readOne('a1'), 'expired')).toBe(true);
    const { nextAttemptAt: _, dueAt: __, dueShard, ...rest } = record;
    expect(await readOne('a1')).toEqual({ ...rest, state: 'exhausted', reason: 'expired' });
    expect(await foundBy(dueShard ?? -1, noon)).toEqual([]);
  });
});

describe('the subscribers’ queues', () => {
  const sqs = mockClient(SQSClient);
  const queues = sqsRetryQueues(new SQSClient({ region: 'us-east-1' }), {
    prefix: 'fanout-test',
    queueUrlBase: 'https://sqs.us-east-1.amazonaws.com/0/',
  });
  beforeEach(() => void sqs.reset());

  it('take ten messages in a call, each with its delay, and give their ids back in order', async () => {
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries }) => ({
      Successful: [...Entries].reverse().map(({ Id }: { Id: string }) => ({ Id, MessageId: `sqs-${Id}` })),
    }));
    const messages = Array.from({ length: 12 }, (_, index) => ({ body: `${index}`, delaySeconds: index }));
    expect(await queues.send('sub_1', messages)).toEqual(messages.map(({ body }) => `sqs-${body}`));
    const calls = sqs.commandCalls(SendMessageBatchCommand).map(({ args: [{ input }] }) => input);
    expect(calls.map(({ Entries = [] }) => Entries.length)).toEqual([10, 2]);
    expect(calls[1]).toMatchObject({
      QueueUrl: 'https://sqs.us-east-1.amazonaws.com/0/fanout-test-sub_1',
      Entries: [
        { MessageBody: '10', DelaySeconds: 10 },
        { MessageBody: '11', DelaySeconds: 11 },
      ],
    });
  });

  it('are told the trace that a message belongs to', async () => {
    sqs.on(SendMessageBatchCommand).resolves({ Successful: [], Failed: [] });
    await queues.send('sub_1', [
      { body: 'a', delaySeconds: 0, traceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793' },
      { body: 'b', delaySeconds: 0 },
    ]);
    const [{ Entries = [] } = {}] = sqs.commandCalls(SendMessageBatchCommand).map(({ args: [{ input }] }) => input);
    expect(Entries.map(({ MessageSystemAttributes: system }) => system?.AWSTraceHeader?.StringValue)).toEqual([
      'Root=1-5759e988-bd862e3fe1be46a994272793',
      undefined,
    ]);
  });

  it('say which message was not taken, and that there is no queue', async () => {
    sqs
      .on(SendMessageBatchCommand)
      .resolvesOnce({ Successful: [{ Id: '1', MessageId: 'b', MD5OfMessageBody: '' }], Failed: [] });
    expect(
      await queues.send('sub_1', [
        { body: 'a', delaySeconds: 0 },
        { body: 'b', delaySeconds: 0 },
      ]),
    ).toEqual([undefined, 'b']);
    sqs.on(SendMessageBatchCommand).rejects(new QueueDoesNotExist({ message: '', $metadata: {} }));
    expect(await queues.send('sub_1', [{ body: 'a', delaySeconds: 0 }])).toBeUndefined();
  });
});
