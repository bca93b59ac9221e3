import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Queue } from '../../../../local/aws/engine/queue.ts';
import { createQueues, type Queues } from '../../../../local/aws/engine/queues.ts';
import { createVirtualClock, type VirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';

function aQueue(attributes: Record<string, string> = {}): { queue: Queue; queues: Queues; clock: VirtualClock } {
  const clock = createVirtualClock();
  const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000' });
  return { queue: queues.create('orders', attributes), queues, clock };
}

/** The one message that is there. */
async function receiveOne(queue: Queue, visibilityTimeoutSeconds?: number) {
  const messages = await queue.receive({
    maxMessages: 10,
    ...(visibilityTimeoutSeconds === undefined ? {} : { visibilityTimeoutSeconds }),
  });
  const [message] = messages;
  if (message === undefined || messages.length > 1) throw new Error(`${messages.length} messages`);
  return message;
}

const codeOf = (error: unknown) => (error as { code?: string }).code;
const bodies = async (queue: Queue) => (await queue.receive({ maxMessages: 10 })).map(({ body }) => body);

describe('a message', () => {
  it('is received with its body, digest and history', async () => {
    const { queue, clock } = aQueue();
    const sent = queue.send({ body: 'héllo', attributes: { kind: { DataType: 'String', StringValue: 'greeting' } } });
    await clock.advance(2000);
    const sentAt = clock.now() - 2000;
    const first = await receiveOne(queue, 5);
    expect(first).toMatchObject({
      messageId: sent.messageId,
      body: 'héllo',
      bodyMd5: createHash('md5').update('héllo').digest('hex'),
      attributesMd5: sent.attributesMd5,
      sentAt,
      firstReceivedAt: sentAt + 2000,
      receiveCount: 1,
    });
    await clock.advance(5000);
    expect(await receiveOne(queue)).toMatchObject({ firstReceivedAt: sentAt + 2000, receiveCount: 2 });
  });

  it('is hidden while it is in flight, and comes back when its timeout is over', async () => {
    const { queue, clock } = aQueue({ VisibilityTimeout: '40' });
    queue.send({ body: 'a' });
    await receiveOne(queue);
    await clock.advance(39_999);
    expect(await bodies(queue)).toEqual([]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await clock.advance(1);
    expect(queue.counts()).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
    expect(await bodies(queue)).toEqual(['a']);
  });

  it('keeps its place when it comes back, and stands at the back once it was received three times', async () => {
    const { queue } = aQueue();
    for (const body of ['a', 'b']) queue.send({ body });
    const received: string[] = [];
    for (let receives = 0; receives < 6; receives++) {
      const [message] = await queue.receive({ maxMessages: 1, visibilityTimeoutSeconds: 0 });
      received.push(message?.body ?? '');
    }
    expect(received).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
    queue.send({ body: 'c' });
    expect(await bodies(queue)).toEqual(['a', 'b', 'c']);
  });

  it('is gone once it was deleted, also after its timeout, also twice', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue);
    await clock.advance(31_000);
    queue.deleteMessage(receiptHandle);
    queue.deleteMessage(receiptHandle);
    expect(await bodies(queue)).toEqual([]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('survives a delete by a handle that is older than its latest receive', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue);
    await clock.advance(30_000);
    await receiveOne(queue);
    queue.deleteMessage(receiptHandle);
    expect(queue.counts().inFlight).toBe(1);
  });

  it('waits for its delay, or for the queue’s', async () => {
    const { queue, clock } = aQueue({ DelaySeconds: '10' });
    queue.send({ body: 'queue' });
    queue.send({ body: 'own', delaySeconds: 20 });
    queue.send({ body: 'none', delaySeconds: 0 });
    expect(queue.counts()).toEqual({ visible: 1, inFlight: 0, delayed: 2 });
    expect(await bodies(queue)).toEqual(['none']);
    await clock.advance(10_000);
    expect(await bodies(queue)).toEqual(['queue']);
    await clock.advance(10_000);
    expect(await bodies(queue)).toEqual(['own']);
    expect(() => queue.send({ body: 'a', delaySeconds: 901 })).toThrow('DelaySeconds');
  });

  it('is forgotten when its retention is over', async () => {
    const { queue, clock } = aQueue({ MessageRetentionPeriod: '60' });
    queue.send({ body: 'a' });
    await clock.advance(59_999);
    expect(queue.counts().visible).toBe(1);
    await clock.advance(1);
    expect(queue.counts().visible).toBe(0);
    expect(await bodies(queue)).toEqual([]);
  });

  it('may be 1 MiB with its attributes, not more', () => {
    const { queue } = aQueue();
    const attributes = { a: { DataType: 'String', StringValue: 'x' } };
    queue.send({ body: 'x'.repeat(1_048_576 - 8), attributes });
    expect(() => queue.send({ body: 'x'.repeat(1_048_576 - 7), attributes })).toThrow('shorter than 1048576');
  });

  it('holds the characters of XML only', () => {
    const { queue } = aQueue();
    queue.send({ body: 'tab\t 😀' });
    expect(() => queue.send({ body: '\u0000' })).toThrow(expect.objectContaining({ code: 'InvalidMessageContents' }));
    expect(() => queue.send({ body: '\ud800' })).toThrow(expect.objectContaining({ code: 'InvalidMessageContents' }));
  });
});

describe('a changed visibility timeout', () => {
  it('counts from now', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue, 30);
    await clock.advance(20_000);
    queue.changeVisibility(receiptHandle, 100);
    await clock.advance(99_999);
    expect(queue.counts().inFlight).toBe(1);
    await clock.advance(1);
    expect(queue.counts().visible).toBe(1);
  });

  it('of 0 gives the message back at once, to a receiver that waits', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue);
    const waiting = queue.receive({ waitSeconds: 20 });
    queue.changeVisibility(receiptHandle, 0);
    await clock.advance(0);
    expect(await waiting).toMatchObject([{ body: 'a', receiveCount: 2 }]);
  });

  it('ends 12 hours after the receive at the latest', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue, 43_200);
    await clock.advance(3_600_000);
    queue.changeVisibility(receiptHandle, 39_600);
    expect(() => queue.changeVisibility(receiptHandle, 39_601)).toThrow('Total VisibilityTimeout');
    expect(() => queue.changeVisibility(receiptHandle, 43_201)).toThrow('Must be between 0 and 43200');
    await clock.advance(39_600_000);
    const again = await receiveOne(queue, 10);
    queue.changeVisibility(again.receiptHandle, 43_200);
    expect(queue.counts().inFlight).toBe(1);
  });

  it('is refused for what is not in flight', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    const { receiptHandle } = await receiveOne(queue, 10);
    await clock.advance(10_000);
    expect(() => queue.changeVisibility(receiptHandle, 5)).toThrow(
      expect.objectContaining({ code: 'MessageNotInflight' }),
    );
    expect(() => queue.changeVisibility('nonsense', 5)).toThrow(
      expect.objectContaining({ code: 'ReceiptHandleIsInvalid' }),
    );
    queue.deleteMessage(receiptHandle);
    expect(() => queue.changeVisibility(receiptHandle, 5)).toThrow('does not exist');
  });
});

describe('a receiver that waits', () => {
  it('gets a message as soon as it is sent, and all that are sent together', async () => {
    const { queue, clock } = aQueue();
    const waiting = queue.receive({ maxMessages: 10, waitSeconds: 20 });
    await clock.advance(5000);
    queue.send({ body: 'a' });
    queue.send({ body: 'b' });
    expect((await waiting).map(({ body }) => body)).toEqual(['a', 'b']);
    expect(clock.nextTimerAt()).toBeUndefined();
  });

  it('gets a delayed message when it is due', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a', delaySeconds: 7 });
    let received = false;
    void queue.receive({ waitSeconds: 20 }).then(() => {
      received = true;
    });
    await clock.advance(6999);
    expect(received).toBe(false);
    await clock.advance(1);
    expect(received).toBe(true);
  });

  it('gets nothing when its time is over, or when it is told to stop', async () => {
    const { queue, clock } = aQueue({ ReceiveMessageWaitTimeSeconds: '3' });
    const waiting = queue.receive();
    const stop = new AbortController();
    const stopped = queue.receive({ waitSeconds: 20, signal: stop.signal });
    stop.abort();
    expect(await stopped).toEqual([]);
    await clock.advance(3000);
    expect(await waiting).toEqual([]);
    expect(clock.nextTimerAt()).toBeUndefined();
  });

  it('shares messages with the others that wait: nobody gets one twice', async () => {
    const { queue, clock } = aQueue();
    const waiting = [1, 2, 3].map(() => queue.receive({ waitSeconds: 5 }));
    for (const body of ['a', 'b']) queue.send({ body });
    await clock.advance(5000);
    const received = (await Promise.all(waiting)).flat().map(({ body }) => body);
    expect(received.sort()).toEqual(['a', 'b']);
  });
});

describe('a dead-letter queue', () => {
  it('gets a message after so many receives, with its age and where it comes from', async () => {
    const clock = createVirtualClock();
    const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000' });
    const dead = queues.create('dead', { MessageRetentionPeriod: '1000' });
    const queue = queues.create('orders', {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 2 }),
      VisibilityTimeout: '10',
    });
    const sentAt = clock.now();
    queue.send({ body: 'a' });
    for (let receive = 0; receive < 2; receive++) {
      expect(await bodies(queue)).toEqual(['a']);
      await clock.advance(10_000);
    }
    expect(await bodies(queue)).toEqual([]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(await receiveOne(dead)).toMatchObject({
      body: 'a',
      sentAt,
      receiveCount: 1,
      deadLetterQueueSourceArn: queue.arn,
    });
    await clock.advance(980_000);
    expect(dead.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('must be there when a queue names it', () => {
    const { queue } = aQueue();
    const policy = (arn: string, count: number) => JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: count });
    expect(() => queue.setAttributes({ RedrivePolicy: policy('arn:aws:sqs:us-east-1:000000000000:none', 3) })).toThrow(
      'Dead letter target does not exist',
    );
    expect(() => queue.setAttributes({ RedrivePolicy: policy(queue.arn, 1001) })).toThrow('maxReceiveCount');
    queue.setAttributes({ RedrivePolicy: '' });
    expect(queue.readAttributes()).not.toHaveProperty('RedrivePolicy');
  });
});

describe('queues', () => {
  it('are the same when made twice alike, and are refused when made twice differently', () => {
    const { queues, queue } = aQueue({ DelaySeconds: '5' });
    expect(queues.create('orders', { DelaySeconds: '5' })).toBe(queue);
    expect(queues.create('orders')).toBe(queue);
    expect(() => queues.create('orders', { DelaySeconds: '6' })).toThrow(
      expect.objectContaining({ code: 'QueueNameExists' }),
    );
  });

  it.each([
    ['orders.fifo', {}, 'UnsupportedOperation'],
    ['a b', {}, 'InvalidParameterValue'],
    ['other', { FifoQueue: 'true' }, 'UnsupportedOperation'],
    ['other', { Colour: 'red' }, 'InvalidAttributeName'],
    ['other', { DelaySeconds: '901' }, 'InvalidAttributeValue'],
    ['other', { RedrivePolicy: 'nonsense' }, 'InvalidAttributeValue'],
  ])('are refused: %s with %o', (name, attributes, code) => {
    const { queues } = aQueue();
    let caught: unknown;
    try {
      queues.create(name, attributes as unknown as Record<string, string>);
    } catch (error) {
      caught = error;
    }
    expect(codeOf(caught)).toBe(code);
  });

  it('answer who waits when they are deleted, and leave their name free a minute later', async () => {
    const { queues, queue, clock } = aQueue();
    const waiting = queue.receive({ waitSeconds: 20 });
    queues.delete('orders');
    expect(await waiting).toEqual([]);
    expect(() => queue.send({ body: 'a' })).toThrow(expect.objectContaining({ code: 'QueueDoesNotExist' }));
    expect(() => queues.get('orders')).toThrow(expect.objectContaining({ code: 'QueueDoesNotExist' }));
    expect(() => queues.create('orders')).toThrow(expect.objectContaining({ code: 'QueueDeletedRecently' }));
    await clock.advance(60_000);
    expect(queues.create('orders').counts().visible).toBe(0);
  });

  it('lose everything in a purge, which is allowed once a minute', async () => {
    const { queue, clock } = aQueue();
    queue.send({ body: 'a' });
    queue.send({ body: 'b', delaySeconds: 5 });
    queue.send({ body: 'c' });
    await queue.receive();
    queue.purge();
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(() => queue.purge()).toThrow(expect.objectContaining({ code: 'PurgeQueueInProgress' }));
    await clock.advance(60_000);
    expect(await bodies(queue)).toEqual([]);
  });

  it('keep count of a hundred thousand messages that come, go, come back and expire', async () => {
    const { queue, clock } = aQueue({ VisibilityTimeout: '10' });
    for (let index = 0; index < 100_000; index++) queue.send({ body: String(index), delaySeconds: index % 3 });
    await clock.advance(2000);
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      for (;;) {
        const messages = await queue.receive({ maxMessages: 10 });
        if (messages.length === 0) break;
        for (const { body, receiptHandle } of messages) {
          if ((Number(body) + round) % 2 === 0) {
            seen.add(body);
            queue.deleteMessage(receiptHandle);
          } else queue.changeVisibility(receiptHandle, 20);
        }
      }
      await clock.advance(20_000);
    }
    expect(seen.size).toBe(100_000);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('have at most 120,000 messages in flight, and go on when one is done', async () => {
    const { queue, clock } = aQueue({ VisibilityTimeout: '43200' });
    for (let index = 0; index < 120_001; index++) queue.send({ body: 'x' });
    let last: string | undefined;
    for (let count = 0; count < 120_000; count += 10) {
      last = (await queue.receive({ maxMessages: 10 }))[0]?.receiptHandle;
    }
    await expect(queue.receive()).rejects.toThrow(expect.objectContaining({ code: 'OverLimit' }));
    const waiting = queue.receive({ waitSeconds: 20 });
    queue.deleteMessage(last ?? '');
    await clock.advance(0);
    expect(await waiting).toHaveLength(1);
  });
});
