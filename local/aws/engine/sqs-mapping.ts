import { randomUUID } from 'node:crypto';
import type { EngineClock } from './engine-clock.ts';
import { EngineError, recursiveInvocation } from './engine-error.ts';
import {
  changeSettings,
  type EventSourceMapping,
  type Invoke,
  type MappingSettings,
  type MappingState,
  reportedFailures,
  sqsDefaults,
} from './event-source-mapping.ts';
import { pause } from './pause.ts';
import type { Queue, ReceivedMessage } from './queue.ts';
import { batchTraceHeader } from './trace-header.ts';

export interface SqsMappingOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly invoke: Invoke;
  readonly queue: Queue;
  readonly settings: Partial<MappingSettings> & { readonly functionName: string };
  /** How many batches may be under way where `maximumConcurrency` is absent. Default 1,000, as an account's. */
  readonly accountConcurrency?: number;
  /** How many invocations the function can work on at once as it is now. Left out, all that it is given. */
  readonly sandboxes?: () => number;
  readonly uuid?: string;
}

// What Lambda takes at once.
const maxPayloadBytes = 6 * 1024 * 1024;
const shortestRetryMs = 250;
const maxRetryMs = 10_000;
// Messages that a busy function could not begin with are left to gather in the queue: they come as one batch, not as many.
// One batch more after this long makes the function grow.
const maxGatherMs = 100;

/** Throws `InvalidParameterValueException`, as CreateEventSourceMapping. */
export function createSqsMapping({
  clock,
  region,
  invoke,
  queue,
  settings: given,
  accountConcurrency = 1000,
  sandboxes = () => Number.POSITIVE_INFINITY,
  uuid = randomUUID(),
}: SqsMappingOptions): EventSourceMapping {
  let settings = changeSettings({ ...sqsDefaults, functionName: given.functionName }, given, 'sqs');
  let modifiedAt = clock.now();
  let result = 'No records processed';
  let polling = new AbortController();
  let isDeleted = false;
  const underWay = new Set<Promise<void>>();
  let onSlotFree: (() => void) | undefined;

  const limit = () => settings.maximumConcurrency ?? accountConcurrency;

  const poll = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      if (underWay.size >= limit()) {
        await slotFree(signal);
        continue;
      }
      if (underWay.size >= Math.max(1, sandboxes())) {
        await slotFree(signal, clock.now() + maxGatherMs);
        if (signal.aborted) return;
      }
      try {
        const messages = await gather(signal);
        for (const batch of batchesBySize(messages)) start(batch);
      } catch (error) {
        // The queue was deleted, or has too many messages in flight.
        result = `PROBLEM: ${error instanceof Error ? error.message : String(error)}`;
        if (!(error instanceof EngineError)) throw error;
        await pause(clock, maxRetryMs, signal);
      }
    }
  };
  const slotFree = (signal: AbortSignal, until?: number): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        onSlotFree = undefined;
        cancelEnd?.();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancelEnd = until === undefined ? undefined : clock.setTimer(until, end);
      onSlotFree = end;
      signal.addEventListener('abort', end);
    });
  const gather = async (signal: AbortSignal): Promise<ReceivedMessage[]> => {
    const { batchSize, maximumBatchingWindowSeconds } = settings;
    const messages = await queue.receive({ maxMessages: batchSize, waitSeconds: Number.POSITIVE_INFINITY, signal });
    const until = clock.now() + maximumBatchingWindowSeconds * 1000;
    while (messages.length > 0 && messages.length < batchSize && clock.now() < until && !signal.aborted) {
      const waitSeconds = (until - clock.now()) / 1000;
      messages.push(...(await queue.receive({ maxMessages: batchSize - messages.length, waitSeconds, signal })));
    }
    return messages;
  };

  const start = (messages: readonly ReceivedMessage[]): void => {
    const batch = handle(messages, polling.signal).finally(() => {
      underWay.delete(batch);
      onSlotFree?.();
    });
    underWay.add(batch);
  };
  const handle = async (messages: readonly ReceivedMessage[], signal: AbortSignal): Promise<void> => {
    const payload = sqsEventText(messages, queue.arn, region);
    const traceHeader = batchTraceHeader(messages.map(({ awsTraceHeader }) => awsTraceHeader));
    // Half of the time is left to the function.
    const exhaustedAt = clock.now() + queue.settings().visibilityTimeoutSeconds * 500;
    for (let retryMs = shortestRetryMs; ; retryMs = Math.min(2 * retryMs, maxRetryMs)) {
      const { functionName, reportBatchItemFailures } = settings;
      const answer = await invoke(functionName, payload, traceHeader).catch((notInvoked: unknown) => ({ notInvoked }));
      if ('notInvoked' in answer) {
        const { notInvoked } = answer;
        result = `PROBLEM: ${notInvoked}`;
        // It will be refused whenever it comes, until it has come too often for the queue.
        if (notInvoked instanceof EngineError && notInvoked.code === recursiveInvocation) return;
        if (signal.aborted || clock.now() + retryMs >= exhaustedAt) return;
        await pause(clock, retryMs, signal);
        continue;
      }
      if (answer.functionError !== undefined) {
        result = 'PROBLEM: Function call failed';
        return;
      }
      const failures = reportBatchItemFailures
        ? reportedFailures(answer.payload, new Set(messages.map(({ messageId }) => messageId)))
        : new Set<string>();
      result = failures === 'all' ? 'PROBLEM: Function call failed' : 'OK';
      if (failures === 'all') return;
      for (const message of messages) if (!failures.has(message.messageId)) done(message);
      return;
    }
  };
  const done = ({ receiptHandle }: ReceivedMessage): void => {
    try {
      queue.deleteMessage(receiptHandle);
    } catch (error) {
      // The queue was deleted meanwhile.
      if (!(error instanceof EngineError)) throw error;
    }
  };

  const startPolling = () => {
    polling = new AbortController();
    void poll(polling.signal);
  };
  if (settings.enabled) startPolling();
  else polling.abort();

  return {
    uuid,
    eventSourceArn: queue.arn,
    settings: () => settings,
    state() {
      if (isDeleted) return 'Deleting';
      if (settings.enabled) return 'Enabled';
      return (underWay.size > 0 ? 'Disabling' : 'Disabled') satisfies MappingState;
    },
    update(change) {
      if (isDeleted) throw new EngineError('ResourceNotFoundException', 'The resource you requested does not exist.');
      settings = changeSettings(settings, change, 'sqs');
      modifiedAt = clock.now();
      // A wait that is going on asks for the old batch size.
      polling.abort();
      if (settings.enabled) startPolling();
    },
    lastModified: () => modifiedAt,
    lastProcessingResult: () => result,
    invocationsUnderWay: () => underWay.size,
    async delete() {
      isDeleted = true;
      polling.abort();
      await Promise.all(underWay);
    },
  };
}

/** Messages that one invocation can carry. */
function batchesBySize(messages: readonly ReceivedMessage[]): (readonly ReceivedMessage[])[] {
  if (messages.length === 0) return [];
  // No character takes more than six bytes in JSON, so most batches need no closer look.
  const maxBytes = messages.reduce((sum, { body, attributes }) => {
    const hasAttributes = Object.keys(attributes).length > 0;
    return sum + 6 * body.length + 700 + (hasAttributes ? maxPayloadBytes : 0);
  }, 0);
  if (maxBytes <= maxPayloadBytes) return [messages];
  const batches: ReceivedMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    // The text is escaped as JSON, and has about 700 bytes around it.
    const messageBytes = jsonBytes(message.body) + jsonBytes(message.attributes) + 700;
    if (bytes + messageBytes > maxPayloadBytes) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(message);
    bytes += messageBytes;
  }
  return batches;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** The event as a function gets it: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function sqsEventText(messages: readonly ReceivedMessage[], queueArn: string, region: string): string {
  return JSON.stringify({ Records: messages.map((message) => sqsRecord(message, queueArn, region)) });
}

function sqsRecord(message: ReceivedMessage, eventSourceARN: string, awsRegion: string) {
  const { messageId, receiptHandle, body, bodyMd5, attributesMd5, awsTraceHeader, deadLetterQueueSourceArn } = message;
  return {
    messageId,
    receiptHandle,
    body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      ...(awsTraceHeader === undefined ? {} : { AWSTraceHeader: awsTraceHeader }),
      SentTimestamp: String(message.sentAt),
      SenderId: message.senderId,
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...(deadLetterQueueSourceArn === undefined ? {} : { DeadLetterQueueSourceArn: deadLetterQueueSourceArn }),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          ...(StringValue === undefined ? {} : { stringValue: StringValue }),
          ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
          stringListValues: [],
          binaryListValues: [],
          dataType: DataType,
        },
      ]),
    ),
    ...(attributesMd5 === undefined ? {} : { md5OfMessageAttributes: attributesMd5 }),
    md5OfBody: bodyMd5,
    eventSource: 'aws:sqs',
    eventSourceARN,
    awsRegion,
  };
}
