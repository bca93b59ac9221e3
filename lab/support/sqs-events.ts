import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';

let messages = 0;

export function anSqsRecord(body: unknown, { receiveCount = 1, messageId = `m${++messages}` } = {}): SQSRecord {
  return {
    messageId,
    receiptHandle: `r-${messageId}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: String(receiveCount),
      SentTimestamp: '0',
      SenderId: 'test',
      ApproximateFirstReceiveTimestamp: '0',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:test',
    awsRegion: 'us-east-1',
  };
}

export function anSqsEvent(...records: SQSRecord[]): SQSEvent {
  return { Records: records };
}

/** The envelope in which EventBridge hands an event to a queue. */
export function anEnvelope({ source, detail }: Broadcast): Record<string, unknown> {
  return {
    version: '0',
    id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
    'detail-type': detail.type,
    source,
    account: '000000000000',
    time: '2026-11-22T00:00:00Z',
    region: 'us-east-1',
    resources: [],
    detail,
  };
}

export function aLambdaContext(remainingMs = 30_000): Context {
  return { getRemainingTimeInMillis: () => remainingMs, functionName: 'test', awsRequestId: 'test' } as Context;
}
