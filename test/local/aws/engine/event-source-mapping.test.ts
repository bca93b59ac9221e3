import { describe, expect, it } from 'vitest';
import { createChangeStream } from '../../../../local/aws/engine/change-stream.ts';
import { EngineError } from '../../../../local/aws/engine/engine-error.ts';
import type { MappingSettings } from '../../../../local/aws/engine/event-source-mapping.ts';
import { createQueues } from '../../../../local/aws/engine/queues.ts';
import { createSqsMapping } from '../../../../local/aws/engine/sqs-mapping.ts';
import { createStreamMapping } from '../../../../local/aws/engine/stream-mapping.ts';
import { createVirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';

type Answer = { payload?: string; functionError?: string };

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing thrown';
};

/** A function that keeps what it was invoked with; what it answers can be changed, or waited for. */
function aFunction() {
  const events: { Records: Record<string, unknown>[] }[] = [];
  const probe = {
    events,
    from: [] as (string | undefined)[],
    atOnce: 0,
    maxAtOnce: 0,
    /** Called with the records of each invocation. */
    answer: async (_records: Record<string, unknown>[]): Promise<Answer> => ({}),
    invoke: async (_name: string, payload: string, traceHeader?: string): Promise<Answer> => {
      probe.from.push(traceHeader);
      const event = JSON.parse(payload);
      events.push(event);
      probe.atOnce++;
      probe.maxAtOnce = Math.max(probe.maxAtOnce, probe.atOnce);
      try {
        return await probe.answer(event.Records);
      } finally {
        probe.atOnce--;
      }
    },
  };
  return probe;
}

describe('a queue’s mapping', () => {
  function setUp(settings: Partial<MappingSettings> = {}, visibilitySeconds = 60, sandboxes?: () => number) {
    const clock = createVirtualClock();
    const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000', newId: counter('m') });
    const queue = queues.create('orders', { VisibilityTimeout: String(visibilitySeconds) });
    const target = aFunction();
    const mapping = createSqsMapping({
      clock,
      region: 'us-east-1',
      queue,
      invoke: target.invoke,
      settings: { functionName: 'deliver', ...settings },
      ...(sandboxes === undefined ? {} : { sandboxes }),
    });
    const bodiesOf = () => target.events.map(({ Records }) => Records.map(({ body }) => body));
    return { clock, queue, queues, target, mapping, bodiesOf };
  }

  it('hands messages over in the shape that Lambda documents, and deletes them on success', async () => {
    const { clock, queue, target, mapping } = setUp();
    queue.send({ body: '{"a":1}', attributes: { kind: { DataType: 'String', StringValue: 'x' } } }, 'AIDAEXAMPLE');
    const now = String(clock.now());
    await clock.advance(0);
    expect(target.events).toEqual([
      {
        Records: [
          {
            messageId: 'm1',
            receiptHandle: expect.stringMatching(/.+/),
            body: '{"a":1}',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: now,
              SenderId: 'AIDAEXAMPLE',
              ApproximateFirstReceiveTimestamp: now,
            },
            messageAttributes: {
              kind: { stringValue: 'x', stringListValues: [], binaryListValues: [], dataType: 'String' },
            },
            md5OfMessageAttributes: expect.stringMatching(/^[\da-f]{32}$/),
            md5OfBody: expect.stringMatching(/^[\da-f]{32}$/),
            eventSource: 'aws:sqs',
            eventSourceARN: queue.arn,
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(mapping.lastProcessingResult()).toBe('OK');
  });

  it('leaves all messages where the function failed: they come back after their timeout', async () => {
    const { clock, queue, target, mapping } = setUp();
    target.answer = async () => ({ functionError: 'Unhandled', payload: '{}' });
    queue.send({ body: 'a' });
    await clock.advance(0);
    expect(queue.counts().inFlight).toBe(1);
    expect(mapping.lastProcessingResult()).toBe('PROBLEM: Function call failed');
    target.answer = async () => ({});
    await clock.advance(60_000);
    expect(target.events.map(({ Records }) => Records[0]?.attributes)).toMatchObject([
      { ApproximateReceiveCount: '1' },
      { ApproximateReceiveCount: '2' },
    ]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('tries what was refused as a loop no more than the queue allows, and hands on where its messages come from', async () => {
    const { clock, queue, queues, target } = setUp();
    const deadLetters = queues.create('dead', {});
    queue.setAttributes({
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 3 }),
    });
    target.answer = async () => {
      throw new EngineError('RecursiveInvocationException', 'a loop');
    };
    queue.send({ body: 'a', awsTraceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=aae260cf:15' });
    await clock.advance(3 * 60_000);
    expect(target.from).toEqual(['Lineage=aae260cf:15', 'Lineage=aae260cf:15', 'Lineage=aae260cf:15']);
    expect(deadLetters.counts().visible).toBe(1);
  });

  it.each<[string, string | undefined, number]>([
    ['what was reported', '{"batchItemFailures":[{"itemIdentifier":"m2"}]}', 1],
    ['nothing on an empty list', '{"batchItemFailures":[]}', 0],
    ['nothing on null', 'null', 0],
    ['nothing on no answer', undefined, 0],
    ['nothing on an empty object', '{}', 0],
    ['all on no JSON', 'x', 3],
    ['all on an empty identifier', '{"batchItemFailures":[{"itemIdentifier":""}]}', 3],
    ['all on a wrong key', '{"batchItemFailures":[{"id":"m1"}]}', 3],
    ['all on an unknown identifier', '{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m9"}]}', 3],
  ])('that reports item failures leaves %s', async (_what, payload, left) => {
    const { clock, queue, target } = setUp({ reportBatchItemFailures: true });
    target.answer = async () => (payload === undefined ? {} : { payload });
    for (const body of ['a', 'b', 'c']) queue.send({ body });
    await clock.advance(0);
    expect(queue.counts().inFlight).toBe(left);
  });

  it('takes no notice of a report that it was not told to read', async () => {
    const { clock, queue, target } = setUp();
    target.answer = async () => ({ payload: '{"batchItemFailures":[{"itemIdentifier":"m1"}]}' });
    queue.send({ body: 'a' });
    await clock.advance(0);
    expect(queue.counts().inFlight).toBe(0);
  });

  it('makes batches of its size', async () => {
    const { clock, queue, bodiesOf } = setUp({ batchSize: 2 });
    for (const body of ['a', 'b', 'c']) queue.send({ body });
    await clock.advance(0);
    expect(bodiesOf()).toEqual([['a', 'b'], ['c']]);
  });

  it('waits for a fuller batch as long as its window is', async () => {
    const { clock, queue, bodiesOf } = setUp({ batchSize: 20, maximumBatchingWindowSeconds: 5 });
    queue.send({ body: 'a' });
    await clock.advance(4000);
    queue.send({ body: 'b' });
    await clock.advance(999);
    expect(bodiesOf()).toEqual([]);
    await clock.advance(1);
    expect(bodiesOf()).toEqual([['a', 'b']]);
  });

  it('splits what one invocation cannot carry', async () => {
    const { clock, queue, target } = setUp();
    for (let count = 0; count < 10; count++) queue.send({ body: 'x'.repeat(1_000_000) });
    await clock.advance(0);
    expect(target.events.map(({ Records }) => Records.length)).toEqual([6, 4]);
  });

  it('has so many batches under way and no more', async () => {
    const { clock, queue, target, mapping } = setUp({ batchSize: 1, maximumConcurrency: 3 });
    const ends: (() => void)[] = [];
    target.answer = () => new Promise((resolve) => ends.push(() => resolve({})));
    for (let count = 0; count < 10; count++) queue.send({ body: 'a' });
    await clock.advance(0);
    expect(mapping.invocationsUnderWay()).toBe(3);
    expect(queue.counts().visible).toBe(7);
    for (let count = 0; count < 10; count++) {
      ends.shift()?.();
      await clock.advance(0);
    }
    expect(target.maxAtOnce).toBe(3);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('lets messages gather while the function is busy, and asks for one batch more when that takes long', async () => {
    const { clock, queue, target, bodiesOf } = setUp({}, 60, () => 1);
    let release = (): void => {};
    target.answer = () => new Promise((resolve) => (release = () => resolve({})));
    queue.send({ body: 'a' });
    await clock.advance(0);
    for (const body of ['b', 'c']) {
      queue.send({ body });
      await clock.advance(10);
    }
    expect(bodiesOf()).toEqual([['a']]);
    release();
    await clock.advance(0);
    expect(bodiesOf()).toEqual([['a'], ['b', 'c']]);

    queue.send({ body: 'd' });
    await clock.advance(99);
    expect(bodiesOf()).toHaveLength(2);
    await clock.advance(1);
    expect(bodiesOf()[2]).toEqual(['d']);
  });

  it('takes nothing more when it is disabled while the function is busy', async () => {
    const { clock, queue, target, mapping, bodiesOf } = setUp({}, 60, () => 1);
    target.answer = () => new Promise(() => {});
    queue.send({ body: 'a' });
    await clock.advance(0);
    queue.send({ body: 'b' });
    mapping.update({ enabled: false });
    await clock.advance(1000);
    expect(bodiesOf()).toEqual([['a']]);
    expect(queue.counts()).toMatchObject({ visible: 1 });
  });

  it('tries again where the function could not be invoked', async () => {
    const { clock, queue, target } = setUp();
    target.answer = async () => {
      if (target.events.length < 3) throw new Error('throttled');
      return {};
    };
    queue.send({ body: 'a' });
    await clock.advance(5000);
    expect(target.events).toHaveLength(3);
    expect(queue.counts().inFlight).toBe(0);
  });

  it('takes nothing while it is disabled, and finishes what it had', async () => {
    const { clock, queue, target, mapping } = setUp();
    let end = () => {};
    target.answer = () =>
      new Promise((resolve) => {
        end = () => resolve({});
      });
    queue.send({ body: 'a' });
    await clock.advance(0);
    mapping.update({ enabled: false });
    expect(mapping.state()).toBe('Disabling');
    queue.send({ body: 'b' });
    end();
    await clock.advance(0);
    expect(mapping.state()).toBe('Disabled');
    expect(target.events).toHaveLength(1);
    expect(queue.counts()).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
    mapping.update({ enabled: true });
    await clock.advance(0);
    expect(mapping.state()).toBe('Enabled');
    expect(target.events).toHaveLength(2);
  });

  it('works with its new settings from the next batch on', async () => {
    const { clock, queue, mapping, bodiesOf } = setUp();
    await clock.advance(0);
    mapping.update({ batchSize: 1 });
    await clock.advance(0);
    for (const body of ['a', 'b']) queue.send({ body });
    await clock.advance(0);
    expect(bodiesOf()).toEqual([['a'], ['b']]);
  });

  it('leaves no timer and no receiver behind when it is deleted', async () => {
    const { clock, queue, mapping, target } = setUp();
    await clock.advance(0);
    await mapping.delete();
    queue.send({ body: 'a' });
    await clock.advance(0);
    expect(target.events).toEqual([]);
    expect(clock.nextTimerAt()).toBeUndefined();
    expect(codeOf(() => mapping.update({ enabled: true }))).toBe('ResourceNotFoundException');
  });

  it('survives that its queue is deleted', async () => {
    const { clock, queues, mapping } = setUp();
    await clock.advance(0);
    queues.delete('orders');
    await clock.advance(30_000);
    expect(mapping.lastProcessingResult()).toContain('does not exist');
    await mapping.delete();
  });

  it.each<[Partial<MappingSettings>]>([
    [{ batchSize: 0 }],
    [{ batchSize: 11 }],
    [{ batchSize: 10_001, maximumBatchingWindowSeconds: 1 }],
    [{ maximumBatchingWindowSeconds: 301 }],
    [{ maximumConcurrency: 1 }],
    [{ maximumConcurrency: 1001 }],
    [{ startingPosition: 'TRIM_HORIZON' }],
    [{ filterPatterns: ['{"body": ["x"]}'] }],
  ])('is refused with %o', (settings) => {
    expect(codeOf(() => setUp(settings))).toBe('InvalidParameterValueException');
  });
});

describe('a stream’s mapping', () => {
  function setUp(settings: Partial<MappingSettings> = {}) {
    const clock = createVirtualClock();
    const stream = createChangeStream({
      clock,
      region: 'us-east-1',
      tableArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/subscriptions',
    });
    const target = aFunction();
    const reports: { requestContext: { condition: string } }[] = [];
    const map = () =>
      createStreamMapping({
        clock,
        region: 'us-east-1',
        stream,
        invoke: target.invoke,
        settings: { functionName: 'provision', startingPosition: 'TRIM_HORIZON', ...settings },
        onGivenUp: (report) => reports.push(JSON.parse(report)),
      });
    const write = (id: string, value = 'x') =>
      stream.append({ keys: { id: { S: id } }, newImage: { id: { S: id }, value: { S: value } } });
    const idOf = (record: Record<string, unknown>) => (record.dynamodb as { Keys: { id: { S: string } } }).Keys.id.S;
    const idsOf = () => target.events.map(({ Records }) => Records.map(idOf).join(''));
    return { clock, stream, target, map, write, idOf, idsOf, reports };
  }

  it('hands changes over in the shape that DynamoDB documents', async () => {
    const { clock, stream, target, map } = setUp();
    map();
    const keys = { id: { S: 'a' } };
    stream.append({ keys, newImage: { id: { S: 'a' }, n: { N: '1' } } });
    stream.append({ keys, oldImage: { id: { S: 'a' }, n: { N: '1' } }, newImage: { id: { S: 'a' }, n: { N: '2' } } });
    stream.append({ keys, oldImage: { id: { S: 'a' } }, newImage: { id: { S: 'a' } } });
    stream.append({ keys, oldImage: { id: { S: 'a' }, n: { N: '2' } }, expired: true });
    await clock.advance(0);
    const [event] = target.events;
    expect(event?.Records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'MODIFY', 'REMOVE']);
    expect(event?.Records[0]).toEqual({
      eventID: expect.stringMatching(/^[\da-f]{32}$/),
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      dynamodb: {
        ApproximateCreationDateTime: clock.now() / 1000,
        Keys: keys,
        NewImage: { id: { S: 'a' }, n: { N: '1' } },
        SequenceNumber: '100000000000000000001',
        SizeBytes: expect.any(Number),
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
      eventSourceARN: stream.arn,
    });
    expect(event?.Records[2]).toMatchObject({
      userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
    });
  });

  it('begins with all that is kept', async () => {
    const all = setUp();
    all.write('a');
    await all.clock.advance(24 * 3_600_000);
    all.write('b');
    all.map();
    await all.clock.advance(0);
    expect(all.idsOf()).toEqual(['b']);
  });

  it('lets through what any of its filters takes, and skips the rest', async () => {
    const { clock, map, write, idsOf } = setUp({
      filterPatterns: ['{"dynamodb":{"NewImage":{"value":{"S":["config"]}}}}', '{"eventName":["REMOVE"]}'],
    });
    map();
    write('a', 'config');
    write('b', 'state');
    await clock.advance(0);
    write('c', 'state');
    await clock.advance(0);
    expect(idsOf()).toEqual(['a']);
  });

  it('tries a failed batch again before anything that came after it', async () => {
    const { clock, map, write, target, idsOf } = setUp();
    map();
    target.answer = async () => (target.events.length < 3 ? { functionError: 'Unhandled' } : {});
    write('a');
    await clock.advance(0);
    write('b');
    await clock.advance(10_000);
    expect(idsOf()).toEqual(['a', 'a', 'a', 'b']);
  });

  it('gives a batch up after so many retries, and reports it', async () => {
    const { clock, map, write, target, idsOf, reports } = setUp({ maximumRetryAttempts: 2 });
    map();
    target.answer = async ([record]) => (JSON.stringify(record).includes('"a"') ? { functionError: 'Unhandled' } : {});
    write('a');
    await clock.advance(0);
    write('b');
    await clock.advance(60_000);
    expect(idsOf()).toEqual(['a', 'a', 'a', 'b']);
    expect(reports).toMatchObject([
      {
        requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 3 },
        DDBStreamBatchInfo: { batchSize: 1, startSequenceNumber: '100000000000000000001' },
      },
    ]);
  });

  it('halves a failed batch until the one bad record is alone', async () => {
    const { clock, map, write, target, idOf, idsOf, reports } = setUp({
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 1,
    });
    target.answer = async (records) => (records.map(idOf).includes('c') ? { functionError: 'Unhandled' } : {});
    for (const id of ['a', 'b', 'c', 'd']) write(id);
    map();
    await clock.advance(60_000);
    expect(idsOf()).toEqual(['abcd', 'ab', 'cd', 'c', 'c', 'd']);
    expect(reports).toHaveLength(1);
  });

  it('goes on from the first record that was reported as failed', async () => {
    const { clock, map, write, target, idOf, idsOf } = setUp({ reportBatchItemFailures: true });
    target.answer = async (records) => {
      if (target.events.length > 1) return {};
      const failed = records.filter((record) => ['d', 'b'].includes(idOf(record)));
      const identifiers = failed.map(({ dynamodb }) => (dynamodb as { SequenceNumber: string }).SequenceNumber);
      return {
        payload: JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) }),
      };
    };
    for (const id of ['a', 'b', 'c', 'd']) write(id);
    map();
    await clock.advance(10_000);
    expect(idsOf()).toEqual(['abcd', 'bcd']);
  });

  it('goes on where it was when it is enabled again, in the middle of a retry too', async () => {
    const { clock, map, write, target, idsOf } = setUp();
    const mapping = map();
    target.answer = async () => ({ functionError: 'Unhandled' });
    write('a');
    await clock.advance(0);
    mapping.update({ enabled: false });
    await clock.advance(60_000);
    expect(mapping.state()).toBe('Disabled');
    expect(idsOf()).toEqual(['a']);
    write('b');
    target.answer = async () => ({});
    mapping.update({ enabled: true });
    await clock.advance(0);
    expect(idsOf()).toEqual(['a', 'ab']);
    await mapping.delete();
    expect(clock.nextTimerAt()).toBeUndefined();
  });

  it('needs to be told where to begin', () => {
    expect(codeOf(() => setUp({ startingPosition: undefined }).map())).toBe('InvalidParameterValueException');
    expect(codeOf(() => setUp({ maximumConcurrency: 5 }).map())).toBe('InvalidParameterValueException');
  });
});

function counter(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}${++count}`;
}
