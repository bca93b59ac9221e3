import { EngineError } from '../engine/engine-error.ts';
import { attributesMd5, attributesSizeBytes, type MessageAttributes } from '../engine/message-attributes.ts';
import {
  checkVisibilityTimeout,
  type OutgoingMessage,
  type Queue,
  type Queues,
  type ReceivedMessage,
} from '../engine/queue.ts';
import { validTraceHeader } from '../engine/trace-header.ts';
import { type Input, membersOf, onePage } from './request-members.ts';
import { AwsError, type AwsService, type Call } from './service.ts';

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
] as const;
const queueAttributeNames: readonly string[] = [
  ...['All', 'Policy', 'VisibilityTimeout', 'MaximumMessageSize', 'MessageRetentionPeriod', 'DelaySeconds'],
  ...['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'],
  ...['CreatedTimestamp', 'LastModifiedTimestamp', 'QueueArn', 'ReceiveMessageWaitTimeSeconds', 'RedrivePolicy'],
  ...['FifoQueue', 'ContentBasedDeduplication', 'KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds'],
  ...['DeduplicationScope', 'FifoThroughputLimit', 'RedriveAllowPolicy', 'SqsManagedSseEnabled'],
];

/** SQS, in the names and errors of its JSON protocol. */
export function sqsService({ queues, accountId, baseUrl }: SqsServiceOptions): AwsService {
  const urlOf = (name: string): string => `${baseUrl()}/${accountId}/${name}`;
  const queueOf = (input: Input): Queue => {
    const { optional, required } = membersOf(input, 'MissingParameter');
    const url = required('QueueUrl', optional.text('QueueUrl'));
    // SQS takes a bare name in place of a URL.
    const parts = url.split('/');
    if (parts.length > 1 && parts.at(-2) !== accountId) {
      throw new AwsError('InvalidAddress', `The address ${url} is not valid for this endpoint.`, 404);
    }
    return queues.get(parts.at(-1) ?? '');
  };

  return {
    name: 'sqs',
    operations: {
      CreateQueue(input) {
        const { optional, required } = membersOf(input, badParameter);
        const name = required('QueueName', optional.text('QueueName'));
        queues.create(name, optional.textMap('Attributes') ?? {}, optional.textMap('tags') ?? {});
        return { QueueUrl: urlOf(name) };
      },
      DeleteQueue(input) {
        queues.delete(queueOf(input).name);
        return {};
      },
      GetQueueUrl(input) {
        const { optional, required } = membersOf(input, badParameter);
        const owner = optional.text('QueueOwnerAWSAccountId') ?? accountId;
        const name = required('QueueName', optional.text('QueueName'));
        if (owner !== accountId) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
        return { QueueUrl: urlOf(queues.get(name).name) };
      },
      ListQueues(input) {
        const { optional } = membersOf(input, badParameter);
        const all = queues.list(optional.text('QueueNamePrefix')).map(({ name }) => urlOf(name));
        const { page, next } = onePage(all, optional.number('MaxResults') ?? 1000, optional.text('NextToken'));
        // A token is given only to who asked for pages.
        const token = next !== undefined && input.MaxResults !== undefined ? { NextToken: next } : {};
        return { ...(page.length === 0 ? {} : { QueueUrls: page }), ...token };
      },
      GetQueueAttributes(input) {
        const queue = queueOf(input);
        const names = membersOf(input, badParameter).optional.texts('AttributeNames') ?? [];
        const unknown = names.find((name) => !queueAttributeNames.includes(name));
        if (unknown !== undefined) throw new AwsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
        const attributes = Object.entries(queue.readAttributes()).filter(
          ([name]) => names.includes('All') || names.includes(name),
        );
        return attributes.length === 0 ? {} : { Attributes: Object.fromEntries(attributes) };
      },
      SetQueueAttributes(input) {
        const { optional, required } = membersOf(input, badParameter);
        queueOf(input).setAttributes(required('Attributes', optional.textMap('Attributes')));
        return {};
      },
      PurgeQueue(input) {
        queueOf(input).purge();
        return {};
      },
      TagQueue(input) {
        const { optional, required } = membersOf(input, badParameter);
        const { tags } = queueOf(input);
        for (const [key, value] of Object.entries(required('Tags', optional.textMap('Tags')))) tags.set(key, value);
        return {};
      },
      UntagQueue(input) {
        const { optional, required } = membersOf(input, badParameter);
        const { tags } = queueOf(input);
        for (const key of required('TagKeys', optional.texts('TagKeys'))) tags.delete(key);
        return {};
      },
      ListQueueTags: (input) => ({ Tags: Object.fromEntries(queueOf(input).tags) }),
      ListDeadLetterSourceQueues(input) {
        const { arn } = queueOf(input);
        const sources = queues.list().filter((queue) => queue.settings().redrive?.deadLetterArn === arn);
        return { queueUrls: sources.map(({ name }) => urlOf(name)) };
      },

      SendMessage: (input, call) => send(queueOf(input), input, call),
      SendMessageBatch(input, call) {
        const queue = queueOf(input);
        const entries = entriesOf(input);
        let bytes = 0;
        for (const entry of entries) {
          if (typeof entry.MessageBody === 'string') bytes += Buffer.byteLength(entry.MessageBody);
          bytes += attributesSizeBytes((entry.MessageAttributes ?? {}) as MessageAttributes);
        }
        if (bytes > largestBatchBytes) {
          throw new AwsError(
            'BatchRequestTooLong',
            `Batch requests cannot be longer than ${largestBatchBytes} bytes. You have sent ${bytes} bytes.`,
          );
        }
        return eachEntry(entries, (entry) => send(queue, entry, call));
      },
      async ReceiveMessage(input, call) {
        const queue = queueOf(input);
        const { optional } = membersOf(input, badParameter);
        const maxMessages = numberBetween(input, 'MaxNumberOfMessages', 1, 10) ?? 1;
        const waitSeconds = numberBetween(input, 'WaitTimeSeconds', 0, 20);
        const visibilityTimeoutSeconds = optional.number('VisibilityTimeout');
        if (visibilityTimeoutSeconds !== undefined) checkVisibilityTimeout(visibilityTimeoutSeconds);
        const systemNames = [
          ...(optional.texts('AttributeNames') ?? []),
          ...(optional.texts('MessageSystemAttributeNames') ?? []),
        ];
        const unknown = systemNames.find((name) => !(systemAttributeNames as readonly string[]).includes(name));
        if (unknown !== undefined) throw new AwsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
        const names = optional.texts('MessageAttributeNames') ?? [];
        const messages = await queue.receive({
          maxMessages,
          ...(waitSeconds === undefined ? {} : { waitSeconds }),
          ...(visibilityTimeoutSeconds === undefined ? {} : { visibilityTimeoutSeconds }),
          ...(call.signal === undefined ? {} : { signal: call.signal }),
        });
        if (messages.length === 0) return {};
        return { Messages: messages.map((message) => view(message, systemNames, names)) };
      },
      DeleteMessage(input) {
        queueOf(input).deleteMessage(handleOf(input));
        return {};
      },
      DeleteMessageBatch(input) {
        const queue = queueOf(input);
        return eachEntry(entriesOf(input), (entry) => {
          queue.deleteMessage(handleOf(entry));
          return {};
        });
      },
      ChangeMessageVisibility(input) {
        changeVisibility(queueOf(input), input);
        return {};
      },
      ChangeMessageVisibilityBatch(input) {
        const queue = queueOf(input);
        return eachEntry(entriesOf(input), (entry) => {
          changeVisibility(queue, entry);
          return {};
        });
      },
    },
  };
}

function send(queue: Queue, input: Input, call: Call): Readonly<Record<string, string>> {
  const { optional, wrong } = membersOf(input, badParameter);
  for (const name of ['MessageDeduplicationId', 'MessageGroupId']) {
    if (input[name] != null) throw wrong(name, 'it is for FIFO queues, which the local run does not support');
  }
  const body = optional.text('MessageBody');
  if (body === undefined) throw new AwsError('MissingParameter', 'The request must contain the parameter MessageBody.');
  const delaySeconds = optional.number('DelaySeconds');
  const attributes = optional.object('MessageAttributes') as MessageAttributes | undefined;
  const system = (optional.object('MessageSystemAttributes') ?? {}) as MessageAttributes;
  const traceHeader = validTraceHeader(system.AWSTraceHeader?.StringValue ?? call.traceHeader);
  const message: OutgoingMessage = {
    body,
    ...(delaySeconds === undefined ? {} : { delaySeconds }),
    ...(attributes === undefined || Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(traceHeader === undefined ? {} : { awsTraceHeader: traceHeader }),
  };
  const sent = queue.send(message, call.accessKeyId);
  const systemMd5 = attributesMd5(system);
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: sent.bodyMd5,
    ...(sent.attributesMd5 === undefined ? {} : { MD5OfMessageAttributes: sent.attributesMd5 }),
    ...(systemMd5 === undefined ? {} : { MD5OfMessageSystemAttributes: systemMd5 }),
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

/** `All`, `.*`, a name, or the beginning of one with `.*` after it. */
function isWanted(name: string, wanted: string): boolean {
  if (wanted === 'All' || wanted === '.*' || wanted === name) return true;
  return wanted.endsWith('.*') && name.startsWith(wanted.slice(0, -1));
}

function changeVisibility(queue: Queue, input: Input): void {
  const { optional } = membersOf(input, badParameter);
  const seconds = optional.number('VisibilityTimeout');
  if (seconds === undefined) {
    throw new AwsError('MissingParameter', 'The request must contain the parameter VisibilityTimeout.');
  }
  queue.changeVisibility(handleOf(input), seconds);
}

function handleOf(input: Input): string {
  const handle = membersOf(input, badParameter).optional.text('ReceiptHandle');
  if (handle === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter ReceiptHandle.');
  return handle;
}

function numberBetween(input: Input, name: string, least: number, most: number): number | undefined {
  const { optional, wrong } = membersOf(input, badParameter);
  const value = optional.number(name);
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
    throw wrong(name, `${value} is not between ${least} and ${most}`);
  }
  return value;
}

function entriesOf(input: Input): readonly Input[] {
  const entries = membersOf(input, badParameter).optional.objects('Entries') ?? [];
  if (entries.length === 0) {
    throw new AwsError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > 10) {
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  const ids = new Set<unknown>();
  for (const { Id: id } of entries) {
    if (typeof id !== 'string' || !/^[\w-]{1,80}$/.test(id)) {
      throw new AwsError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    }
    if (ids.has(id)) throw new AwsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
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
      if (!(error instanceof EngineError || error instanceof AwsError)) throw error;
      failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { Successful: successful, Failed: failed };
}
