import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueues } from '../../../../local/aws/engine/queues.ts';
import { createVirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';

/** What a queue is, written as plainly as can be: every question goes through all messages. */
interface ModelMessage {
  readonly id: string;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
  receivedAt: number;
  handle: string | undefined;
}

const operation = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), delay: fc.constantFrom(0, 0, 3, 900) }),
  fc.record({
    kind: fc.constant('receive' as const),
    most: fc.integer({ min: 1, max: 10 }),
    timeout: fc.constantFrom(0, 5, 30),
  }),
  fc.record({ kind: fc.constantFrom('delete' as const), pick: fc.nat({ max: 4 }) }),
  fc.record({
    kind: fc.constantFrom('hide' as const),
    pick: fc.nat({ max: 4 }),
    timeout: fc.constantFrom(0, 7, 40_000),
  }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 5, 29, 30, 600) }),
);

describe('a queue', () => {
  it('does what a plain model of it does, whatever is done to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60, size: 'max' }), async (operations) => {
        const clock = createVirtualClock();
        const queues = createQueues({ clock, region: 'us-east-1', accountId: '000000000000' });
        const dead = queues.create('dead');
        const queue = queues.create('queue', {
          MessageRetentionPeriod: '600',
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 3 }),
        });
        let model: ModelMessage[] = [];
        const handles: string[] = [];
        const givenUp = new Set<string>();
        const isVisible = ({ visibleAt }: ModelMessage) => visibleAt <= clock.now();

        for (const step of operations) {
          model = model.filter(({ sentAt }) => clock.now() < sentAt + 600_000);
          if (step.kind === 'wait') await clock.advance(step.seconds * 1000);
          else if (step.kind === 'send') {
            const { messageId } = queue.send({ body: 'x', delaySeconds: step.delay });
            const sentAt = clock.now();
            const visibleAt = sentAt + step.delay * 1000;
            model.push({ id: messageId, sentAt, visibleAt, receives: 0, receivedAt: 0, handle: undefined });
          } else if (step.kind === 'receive') {
            const visible = model.filter(isVisible);
            const receivable = visible.filter(({ receives }) => receives < 3);
            const received = await queue.receive({
              maxMessages: step.most,
              visibilityTimeoutSeconds: step.timeout,
            });
            expect(received).toHaveLength(Math.min(step.most, receivable.length));
            for (const { messageId, receiptHandle, receiveCount } of received) {
              const message = receivable.find(({ id }) => id === messageId);
              if (message === undefined) throw new Error('received what was not visible');
              message.receives++;
              expect(receiveCount).toBe(message.receives);
              message.visibleAt = clock.now() + step.timeout * 1000;
              message.receivedAt = clock.now();
              message.handle = receiptHandle;
              handles.push(receiptHandle);
            }
            // Only those that stood before a received one are looked at, so ask the queue which went.
            for (const { messageId } of await dead.receive({ maxMessages: 10, visibilityTimeoutSeconds: 43_200 })) {
              expect(visible.some(({ id, receives }) => id === messageId && receives >= 3)).toBe(true);
              givenUp.add(messageId);
            }
            model = model.filter(({ id }) => !givenUp.has(id));
          } else {
            const handle = handles[handles.length - 1 - (step.pick % Math.min(5, Math.max(1, handles.length)))];
            if (handle === undefined) continue;
            const message = model.find((candidate) => candidate.handle === handle);
            if (step.kind === 'delete') {
              queue.deleteMessage(handle);
              model = model.filter((candidate) => candidate !== message);
            } else {
              const visibleAt = clock.now() + step.timeout * 1000;
              const isAllowed =
                message !== undefined && !isVisible(message) && visibleAt <= message.receivedAt + 43_200_000;
              if (isAllowed) {
                queue.changeVisibility(handle, step.timeout);
                message.visibleAt = visibleAt;
              } else expect(() => queue.changeVisibility(handle, step.timeout)).toThrow();
            }
          }
          model = model.filter(({ sentAt }) => clock.now() < sentAt + 600_000);
          const hidden = model.filter((message) => !isVisible(message));
          expect(queue.counts()).toEqual({
            visible: model.length - hidden.length,
            inFlight: hidden.filter(({ receives }) => receives > 0).length,
            delayed: hidden.filter(({ receives }) => receives === 0).length,
          });
        }
      }),
      { numRuns: 300 },
    );
  });
});
