import { describe, expect, it } from 'vitest';
import { createQueues } from '../../../../local/aws/engine/queues.ts';
import { createVirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';

function aDeadLetterQueue() {
  const clock = createVirtualClock();
  const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000' });
  const letters = queues.create('letters');
  const redrive = (maxReceiveCount: number) => ({
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: letters.arn, maxReceiveCount }),
  });
  const orders = queues.create('orders', redrive(1));
  const bills = queues.create('bills', redrive(1));
  const last = () => queues.moves.list(letters.arn)[0];
  return { clock, queues, letters, orders, bills, last };
}

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};
const fill = (queue: { send: (message: { body: string }) => unknown }, count: number) => {
  for (let n = 0; n < count; n++) queue.send({ body: String(n) });
};
const bodies = async (queue: ReturnType<typeof aDeadLetterQueue>['orders']) =>
  (await queue.receive({ maxMessages: 100 })).map(({ body }) => body);

describe('messages of a dead-letter queue', () => {
  it('go to the queue that is named, as new messages of their own age', async () => {
    const { clock, queues, letters, orders, last } = aDeadLetterQueue();
    const { messageId } = letters.send({
      body: 'late',
      attributes: { ERROR_CODE: { DataType: 'String', StringValue: 'NO_PERMISSIONS' } },
    });
    await clock.advance(60_000);
    queues.moves.start({ sourceArn: letters.arn, destinationArn: orders.arn });
    expect(last()).toMatchObject({ state: 'RUNNING', toMove: 1, moved: 0 });
    await clock.advance(0);
    const [moved] = await orders.receive();
    expect(moved).toMatchObject({ body: 'late', sentAt: clock.now(), receiveCount: 1 });
    expect(moved?.attributes.ERROR_CODE?.StringValue).toBe('NO_PERMISSIONS');
    expect(moved?.messageId).not.toBe(messageId);
    await clock.advance(0);
    expect(last()).toMatchObject({ state: 'COMPLETED', moved: 1 });
    expect(letters.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('go back to where each came from when none is named', async () => {
    const { clock, queues, letters, orders, bills, last } = aDeadLetterQueue();
    orders.send({ body: 'order' });
    bills.send({ body: 'bill' });
    for (const queue of [orders, bills]) {
      await queue.receive({ visibilityTimeoutSeconds: 1 });
      await clock.advance(1000);
      await queue.receive();
    }
    expect(letters.counts().visible).toBe(2);
    queues.moves.start({ sourceArn: letters.arn });
    await clock.advance(1);
    expect(last()).toMatchObject({ state: 'COMPLETED', moved: 2 });
    expect([await bodies(orders), await bodies(bills)]).toEqual([['order'], ['bill']]);
  });

  it('stay when nobody knows where they came from, and the task says so', async () => {
    const { clock, queues, letters, last } = aDeadLetterQueue();
    fill(letters, 2);
    queues.moves.start({ sourceArn: letters.arn });
    await clock.advance(1);
    expect(last()).toMatchObject({ state: 'FAILED', moved: 0, failureReason: 'CouldNotDetermineMessageSource' });
    expect(letters.counts().visible).toBe(2);
  });

  it('stay when the queue they should go to is deleted meanwhile', async () => {
    const { clock, queues, letters, orders, last } = aDeadLetterQueue();
    fill(letters, 1);
    queues.moves.start({ sourceArn: letters.arn, destinationArn: orders.arn });
    queues.delete('orders');
    await clock.advance(1);
    expect(last()).toMatchObject({ state: 'FAILED', failureReason: 'AWS.SimpleQueueService.NonExistentQueue' });
    expect(letters.counts().visible).toBe(1);
  });
});

describe('a move', () => {
  it('keeps to its rate, can be cancelled, and what it has moved stays moved', async () => {
    const { clock, queues, letters, orders, last } = aDeadLetterQueue();
    fill(letters, 30);
    const handle = queues.moves.start({ sourceArn: letters.arn, destinationArn: orders.arn, messagesPerSecond: 10 });
    await clock.advance(0);
    expect(last()).toMatchObject({ state: 'RUNNING', moved: 10, toMove: 30 });
    await clock.advance(999);
    expect(last()?.moved).toBe(10);
    await clock.advance(1);
    expect(queues.moves.cancel(handle)).toBe(20);
    await clock.advance(10_000);
    expect(last()).toMatchObject({ state: 'CANCELLED', moved: 20 });
    expect([letters.counts().visible, orders.counts().visible]).toEqual([10, 20]);
    expect(codeOf(() => queues.moves.cancel(handle))).toBe('InvalidParameterValue');
    expect(codeOf(() => queues.moves.cancel('other'))).toBe('ResourceNotFoundException');
  });

  it('is the only one of its queue, and starts from dead-letter queues alone', async () => {
    const { clock, queues, letters, orders, bills } = aDeadLetterQueue();
    fill(letters, 1);
    const start = (sourceArn: string, destinationArn: string) =>
      codeOf(() => queues.moves.start({ sourceArn, destinationArn }));
    expect(start(orders.arn, bills.arn)).toBe('InvalidParameterValue');
    expect(start(letters.arn, letters.arn)).toBe('InvalidParameterValue');
    expect(start(`${letters.arn}-none`, orders.arn)).toBe('ResourceNotFoundException');
    expect(start(letters.arn, `${orders.arn}-none`)).toBe('ResourceNotFoundException');
    expect(start(letters.arn, orders.arn)).toBeUndefined();
    expect(start(letters.arn, bills.arn)).toBe('InvalidParameterValue');
    await clock.advance(1);
    expect(start(letters.arn, bills.arn)).toBeUndefined();
    await clock.advance(1);
    expect(queues.moves.list(letters.arn).map(({ destinationArn }) => destinationArn)).toEqual([bills.arn, orders.arn]);
  });
});
