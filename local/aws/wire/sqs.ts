import { EngineError } from '../engine/engine-error.ts';
import { attributesMd5, attributesSizeBytes, type MessageAttributes } from '../engine/message-attributes.ts';
import type { MoveTask } from '../engine/message-moves.ts';
import type { OutgoingMessage, Queue, ReceivedMessage } from '../engine/queue.ts';
import type { Queues } from '../engine/queues.ts';
import { checkVisibilityTimeout } from '../engine/standard-queue.ts';
import { validTraceHeader } from '../engine/trace-header.ts';
import { Members, onePage, present, refuseOtherMembers } from './request-members.ts';
import type { AwsService, Call, Input } from './service.ts';

export interface SqsServiceOptions {
  readonly queues: Queues;
  readonly accountId: string;
  /** Where this endpoint answers, `http://127.0.0.1:4401`; asked at each call, so the port may be known late. */
  readonly baseUrl: () => string;
}

const badParameter = 'InvalidParameterValue';
const largestBatchBytes = 1_048_576;
const systemAttributeNames = [
  'All',
  'AWSTraceHeader',
  'ApproximateFirstReceiveTimestamp',
  'ApproximateReceiveCount',
  'DeadLetterQueueSourceArn',
  'SenderId',
  'SentTimestamp',
];
const queueAttributeNames: readonly string[] = [
  ...['All', 'Policy', 'VisibilityTimeout', 'MaximumMessageSize', 'MessageRetentionPeriod', 'DelaySeconds'],
  ...['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'],
  ...['CreatedTimestamp', 'LastModifiedTimestamp', 'QueueArn', 'ReceiveMessageWaitTimeSeconds', 'RedrivePolicy'],
  ...['FifoQueue', 'ContentBasedDeduplication', 'KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds'],
  ...['DeduplicationScope', 'FifoThroughputLimit', 'RedriveAllowPolicy', 'SqsManagedSseEnabled'],
];
const messageMembers = [
  ...['MessageBody', 'DelaySeconds', 'MessageAttributes', 'MessageSystemAttributes'],
  // On a standard queue it names a tenant, and says nothing about order.
  'MessageGroupId',
];
const groupIdForm = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

/** SQS, in the names and errors of its JSON protocol. */
export function sqsService({ queues, accountId, baseUrl }: SqsServiceOptions): AwsService {
  const urlOf = (name: string): string => `${baseUrl()}/${accountId}/${name}`;
  const queueOf = (input: Input): Queue => {
    const url = new Members(input, 'MissingParameter').text('QueueUrl');
    // SQS takes a bare name in place of a URL.
    const parts = url.split('/');
    if (parts.length > 1 && parts.at(-2) !== accountId) {
      throw new EngineError('InvalidAddress', `The address ${url} is not valid for this endpoint.`, 404);
    }
    return queues.get(parts.at(-1) ?? '');
  };

  return {
    name: 'sqs',
    operations: {
      CreateQueue: {
        takes: ['QueueName', 'Attributes', 'tags'],
        answer(input) {
          const members = new Members(input, badParameter);
          const name = members.text('QueueName');
          queues.create(name, members.textMap('Attributes') ?? {});
          return { QueueUrl: urlOf(name) };
        },
      },
      DeleteQueue: {
        takes: ['QueueUrl'],
        answer(input) {
          queues.delete(queueOf(input).name);
          return {};
        },
      },
      GetQueueUrl: {
        takes: ['QueueName'],
        answer: (input) => ({ QueueUrl: urlOf(queues.get(new Members(input, badParameter).text('QueueName')).name) }),
      },
      ListQueues: {
        takes: ['QueueNamePrefix', 'MaxResults', 'NextToken'],
        answer(input) {
          const members = new Members(input, badParameter);
          const all = queues.list(members.textIfAny('QueueNamePrefix')).map(({ name }) => urlOf(name));
          const most = numberBetween(input, 'MaxResults', 1, 1000);
          const { page, next } = onePage(all, most ?? 1000, members.textIfAny('NextToken'), badParameter);
          // A token is given only to who asked for pages.
          const token = next !== undefined && most !== undefined ? { NextToken: next } : {};
          return { ...(page.length === 0 ? {} : { QueueUrls: page }), ...token };
        },
      },
      GetQueueAttributes: {
        takes: ['QueueUrl', 'AttributeNames'],
        answer(input) {
          const queue = queueOf(input);
          const names = new Members(input, badParameter).texts('AttributeNames') ?? [];
          refuseUnknownAttribute(names, queueAttributeNames);
          const attributes = Object.entries(queue.readAttributes()).filter(
            ([name]) => names.includes('All') || names.includes(name),
          );
          return attributes.length === 0 ? {} : { Attributes: Object.fromEntries(attributes) };
        },
      },
      SetQueueAttributes: {
        takes: ['QueueUrl', 'Attributes'],
        answer(input) {
          const members = new Members(input, badParameter);
          queueOf(input).setAttributes(members.required('Attributes', members.textMap('Attributes')));
          return {};
        },
      },
      PurgeQueue: {
        takes: ['QueueUrl'],
        answer(input) {
          queueOf(input).purge();
          return {};
        },
      },

      SendMessage: {
        takes: ['QueueUrl', ...messageMembers],
        answer: (input, call) => send(queueOf(input), input, call),
      },
      SendMessageBatch: {
        takes: ['QueueUrl', 'Entries'],
        answer(input, call) {
          const queue = queueOf(input);
          const entries = entriesOf(input);
          let bytes = 0;
          for (const entry of entries) {
            refuseOtherMembers(entry, ['Id', ...messageMembers], 'an entry of sqs.SendMessageBatch');
            if (typeof entry.MessageBody === 'string') bytes += Buffer.byteLength(entry.MessageBody);
            bytes += attributesSizeBytes((entry.MessageAttributes ?? {}) as MessageAttributes);
          }
          if (bytes > largestBatchBytes) {
            throw new EngineError(
              'BatchRequestTooLong',
              `Batch requests cannot be longer than ${largestBatchBytes} bytes. You have sent ${bytes} bytes.`,
            );
          }
          return eachEntry(entries, (entry) => send(queue, entry, call));
        },
      },
      ReceiveMessage: {
        takes: [
          ...['QueueUrl', 'MaxNumberOfMessages', 'WaitTimeSeconds', 'VisibilityTimeout'],
          ...['AttributeNames', 'MessageSystemAttributeNames', 'MessageAttributeNames'],
        ],
        async answer(input) {
          const queue = queueOf(input);
          const members = new Members(input, badParameter);
          const visibilityTimeoutSeconds = members.number('VisibilityTimeout');
          if (visibilityTimeoutSeconds !== undefined) checkVisibilityTimeout(visibilityTimeoutSeconds);
          const systemNames = [
            ...(members.texts('AttributeNames') ?? []),
            ...(members.texts('MessageSystemAttributeNames') ?? []),
          ];
          refuseUnknownAttribute(systemNames, systemAttributeNames);
          const names = members.texts('MessageAttributeNames') ?? [];
          const messages = await queue.receive({
            maxMessages: numberBetween(input, 'MaxNumberOfMessages', 1, 10) ?? 1,
            ...present('waitSeconds', numberBetween(input, 'WaitTimeSeconds', 0, 20)),
            ...present('visibilityTimeoutSeconds', visibilityTimeoutSeconds),
          });
          if (messages.length === 0) return {};
          return { Messages: messages.map((message) => view(message, systemNames, names)) };
        },
      },
      DeleteMessage: {
        takes: ['QueueUrl', 'ReceiptHandle'],
        answer(input) {
          queueOf(input).deleteMessage(requiredText(input, 'ReceiptHandle'));
          return {};
        },
      },
      DeleteMessageBatch: {
        takes: ['QueueUrl', 'Entries'],
        answer(input) {
          const queue = queueOf(input);
          return eachEntry(entriesOf(input), (entry) => {
            queue.deleteMessage(requiredText(entry, 'ReceiptHandle'));
            return {};
          });
        },
      },
      ChangeMessageVisibilityBatch: {
        takes: ['QueueUrl', 'Entries'],
        answer(input) {
          const queue = queueOf(input);
          return eachEntry(entriesOf(input), (entry) => {
            const seconds = new Members(entry, badParameter).number('VisibilityTimeout');
            if (seconds === undefined) throw missing('VisibilityTimeout');
            queue.changeVisibility(requiredText(entry, 'ReceiptHandle'), seconds);
            return {};
          });
        },
      },

      StartMessageMoveTask: {
        takes: ['SourceArn', 'DestinationArn', 'MaxNumberOfMessagesPerSecond'],
        answer(input) {
          const members = new Members(input, badParameter);
          const handle = queues.moves.start({
            sourceArn: requiredText(input, 'SourceArn'),
            ...present('destinationArn', members.textIfAny('DestinationArn')),
            ...present('messagesPerSecond', numberBetween(input, 'MaxNumberOfMessagesPerSecond', 1, 500)),
          });
          return { TaskHandle: handle };
        },
      },
      ListMessageMoveTasks: {
        takes: ['SourceArn', 'MaxResults'],
        answer(input) {
          const most = numberBetween(input, 'MaxResults', 1, 10) ?? 1;
          const tasks = queues.moves.list(requiredText(input, 'SourceArn')).slice(0, most);
          return { Results: tasks.map(moveView) };
        },
      },
      CancelMessageMoveTask: {
        takes: ['TaskHandle'],
        answer: (input) => ({
          ApproximateNumberOfMessagesMoved: queues.moves.cancel(requiredText(input, 'TaskHandle')),
        }),
      },
    },
  };
}

function send(queue: Queue, input: Input, call: Call): Readonly<Record<string, string>> {
  const members = new Members(input, badParameter);
  const groupId = members.textIfAny('MessageGroupId');
  if (groupId !== undefined && !groupIdForm.test(groupId)) {
    throw members.wrong('MessageGroupId', 'it can have 1 to 128 letters, digits and signs');
  }
  const attributes = members.object('MessageAttributes') as MessageAttributes | undefined;
  const system = (members.object('MessageSystemAttributes') ?? {}) as MessageAttributes;
  const traceHeader = validTraceHeader(system.AWSTraceHeader?.StringValue ?? call.traceHeader);
  const message: OutgoingMessage = {
    body: requiredText(input, 'MessageBody'),
    ...present('delaySeconds', members.number('DelaySeconds')),
    ...(attributes === undefined || Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...present('awsTraceHeader', traceHeader),
  };
  const sent = queue.send(message, call.accessKeyId);
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: sent.bodyMd5,
    ...present('MD5OfMessageAttributes', sent.attributesMd5),
    ...present('MD5OfMessageSystemAttributes', attributesMd5(system)),
  };
}

function view(message: ReceivedMessage, systemNames: readonly string[], names: readonly string[]): object {
  const system: Record<string, string | undefined> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    AWSTraceHeader: message.awsTraceHeader,
    DeadLetterQueueSourceArn: message.deadLetterQueueSourceArn,
  };
  const wantsAll = systemNames.includes('All');
  const systemEntries = Object.entries(system).filter(
    ([name, value]) => value !== undefined && (wantsAll || systemNames.includes(name)),
  );
  const attributes = Object.fromEntries(
    Object.entries(message.attributes).filter(([name]) => names.some((wanted) => isWanted(name, wanted))),
  );
  const md5 = attributesMd5(attributes);
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: message.bodyMd5,
    Body: message.body,
    ...(systemEntries.length === 0 ? {} : { Attributes: Object.fromEntries(systemEntries) }),
    ...(md5 === undefined ? {} : { MD5OfMessageAttributes: md5, MessageAttributes: attributes }),
  };
}

/** The handle is shown while it can be cancelled. */
function moveView({ handle, state, sourceArn, destinationArn, messagesPerSecond, ...task }: MoveTask): object {
  return {
    ...(state === 'RUNNING' ? { TaskHandle: handle } : {}),
    Status: state,
    SourceArn: sourceArn,
    ...present('DestinationArn', destinationArn),
    ...present('MaxNumberOfMessagesPerSecond', messagesPerSecond),
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    ...present('FailureReason', task.failureReason),
    StartedTimestamp: task.startedAt,
  };
}

/** `All`, `.*`, a name, or the beginning of one with `.*` after it. */
function isWanted(name: string, wanted: string): boolean {
  if (wanted === 'All' || wanted === '.*' || wanted === name) return true;
  return wanted.endsWith('.*') && name.startsWith(wanted.slice(0, -1));
}

function refuseUnknownAttribute(names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new EngineError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
}

function requiredText(input: Input, name: string): string {
  const text = new Members(input, badParameter).textIfAny(name);
  if (text === undefined) throw missing(name);
  return text;
}

function missing(name: string): EngineError {
  return new EngineError('MissingParameter', `The request must contain the parameter ${name}.`);
}

function numberBetween(input: Input, name: string, least: number, most: number): number | undefined {
  const members = new Members(input, badParameter);
  const value = members.number(name);
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
    throw members.wrong(name, `${value} is not between ${least} and ${most}`);
  }
  return value;
}

function entriesOf(input: Input): readonly Input[] {
  const entries = new Members(input, badParameter).objects('Entries') ?? [];
  if (entries.length === 0) {
    throw new EngineError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > 10) {
    throw new EngineError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  const ids = new Set<unknown>();
  for (const { Id: id } of entries) {
    if (typeof id !== 'string' || !/^[\w-]{1,80}$/.test(id)) {
      throw new EngineError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    }
    if (ids.has(id)) throw new EngineError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    ids.add(id);
  }
  return entries;
}

/** An entry that is refused fails alone. */
function eachEntry(entries: readonly Input[], act: (entry: Input) => object): object {
  const successful: object[] = [];
  const failed: object[] = [];
  for (const entry of entries) {
    try {
      successful.push({ Id: entry.Id, ...act(entry) });
    } catch (error) {
      if (!(error instanceof EngineError || error instanceof EngineError)) throw error;
      failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { Successful: successful, Failed: failed };
}
