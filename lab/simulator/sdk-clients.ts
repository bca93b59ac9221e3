import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { EventBuses } from '../../local/aws/engine/event-bus.ts';
import type { Queue } from '../../local/aws/engine/queue.ts';
import type { Queues } from '../../local/aws/engine/queues.ts';
import type { Invocation } from './invocation.ts';

/**
 * The two services whose calls can succeed in part. Here the product's adapters are the real ones, since reading such
 * an answer right is their work; beneath them the local engine's bus and queues take the place of the network.
 */
export interface PublishWatch {
  /** Before anything is decided about them. */
  onPublishing(invocation: Invocation, details: readonly string[]): void;
  /** An entry is on the bus. */
  onPublished(invocation: Invocation, source: string, detail: string): void;
}

export function eventBridgeClientFor(
  invocation: Invocation,
  buses: EventBuses,
  watch: PublishWatch,
): EventBridgeClient {
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof PutEventsCommand)) throw new Error('no such call is expected here');
    const { Entries: entries = [] } = command.input;
    const details = entries.map(({ Detail = '' }) => Detail);
    watch.onPublishing(invocation, details);
    return invocation.call('PutEvents', () => {
      const isPartial = invocation.strikes('partial-failure');
      const answers = entries.map(({ EventBusName, Source = '', DetailType = '', Detail = '' }, index) => {
        if (isPartial && (index + invocation.id) % 2 === 0) {
          invocation.note(`PutEvents: ${DetailType} not taken`);
          return { ErrorCode: 'ThrottlingException', ErrorMessage: 'injected' };
        }
        const [answer] = buses.putEvents([
          {
            source: Source,
            detailType: DetailType,
            detail: Detail,
            ...(EventBusName === undefined ? {} : { bus: EventBusName }),
          },
        ]);
        if (answer?.kind !== 'accepted') throw new Error(`the bus refused an entry: ${JSON.stringify(answer)}`);
        watch.onPublished(invocation, Source, Detail);
        return { EventId: answer.eventId };
      });
      const failed = answers.filter((answer) => 'ErrorCode' in answer).length;
      if (failed > 0 && failed < answers.length) invocation.perhapsEndHalfway();
      return { FailedEntryCount: failed, Entries: answers };
    });
  };
  return { send } as unknown as EventBridgeClient;
}

export function sqsClientFor(invocation: Invocation, queues: Queues): SQSClient {
  /** Applies a batch call to each entry; some fail where it is injected. */
  const batch = <Entry extends { readonly Id: string | undefined }>(
    what: string,
    entries: readonly Entry[],
    effect: (entry: Entry) => string | undefined,
  ) =>
    invocation.call(what, () => {
      const isPartial = invocation.strikes('partial-failure');
      const successful: { Id: string | undefined; MessageId: string | undefined }[] = [];
      const failed = entries.filter((entry, index) => {
        if (isPartial && (index + invocation.id) % 2 === 0) {
          invocation.note(`${what}: an entry failed`);
          return true;
        }
        try {
          successful.push({ Id: entry.Id, MessageId: effect(entry) });
          return false;
        } catch {
          // An old receipt handle, a queue that is gone.
          return true;
        }
      });
      return { Successful: successful, Failed: failed.map(({ Id }) => ({ Id, Code: 'InternalError' })) };
    });

  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof SendMessageBatchCommand) {
      const queue = queueOf(queues, command.input.QueueUrl);
      return batch(
        'SendMessageBatch',
        command.input.Entries ?? [],
        ({ MessageBody = '', DelaySeconds = 0 }) =>
          queue.send({ body: MessageBody, delaySeconds: DelaySeconds }).messageId,
      );
    }
    if (command instanceof ChangeMessageVisibilityBatchCommand) {
      const queue = queueOf(queues, command.input.QueueUrl);
      return batch('ChangeMessageVisibilityBatch', command.input.Entries ?? [], (entry) => {
        queue.changeVisibility(entry.ReceiptHandle ?? '', entry.VisibilityTimeout ?? 0);
        return undefined;
      });
    }
    if (command instanceof DeleteMessageBatchCommand) {
      const queue = queueOf(queues, command.input.QueueUrl);
      return batch('DeleteMessageBatch', command.input.Entries ?? [], ({ ReceiptHandle = '' }) => {
        queue.deleteMessage(ReceiptHandle);
        return undefined;
      });
    }
    if (command instanceof GetQueueUrlCommand) {
      const { QueueName } = command.input;
      return invocation.call('GetQueueUrl', () => ({ QueueUrl: queueOf(queues, QueueName).name }));
    }
    if (command instanceof ReceiveMessageCommand) {
      const { QueueUrl, MaxNumberOfMessages = 1, VisibilityTimeout = 30, WaitTimeSeconds = 0 } = command.input;
      const queue = queueOf(queues, QueueUrl);
      return invocation.call('ReceiveMessage', async () => {
        const messages = await queue.receive({
          maxMessages: MaxNumberOfMessages,
          visibilityTimeoutSeconds: VisibilityTimeout,
          waitSeconds: WaitTimeSeconds,
        });
        return {
          Messages: messages.map(({ messageId, receiptHandle, body, sentAt, receiveCount }) => ({
            MessageId: messageId,
            ReceiptHandle: receiptHandle,
            Body: body,
            Attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: String(receiveCount) },
          })),
        };
      });
    }
    throw new Error('no such call is expected here');
  };
  return { send } as unknown as SQSClient;
}

function queueOf(queues: Queues, url: string | undefined): Queue {
  const queue = queues.find(url?.split('/').at(-1) ?? '');
  if (queue === undefined) throw new QueueDoesNotExist({ message: 'there is no such queue', $metadata: {} });
  return queue;
}
