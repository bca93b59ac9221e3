import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { EngineClock } from './engine-clock.ts';

/** The stream of one DynamoDB table: what was written, in order, for 24 hours, with both images. */
export interface ChangeStream {
  /** `<table ARN>/stream/<label>`. */
  readonly arn: string;
  /** Call it in the order of the writes. A write that changes nothing makes no record, as with DynamoDB. */
  append(change: TableChange): void;
  /** Records after `sequence` (0: from the oldest that is kept), oldest first. */
  read(sequence: number, limit: number): StreamRecord[];
  /** Called after each append. What it answers ends the subscription. */
  onAppend(listener: () => void): () => void;
}

/** Items in DynamoDB's own JSON (`{"S": "…"}`), as on its wire. */
export type AttributeMap = Readonly<Record<string, unknown>>;

export interface TableChange {
  readonly keys: AttributeMap;
  /** Absent: the item was not there before. */
  readonly oldImage?: AttributeMap | undefined;
  /** Absent: the item was deleted. */
  readonly newImage?: AttributeMap | undefined;
  /** A deletion by the table's time to live carries DynamoDB's `userIdentity`. */
  readonly expired?: boolean;
}

export interface StreamRecord {
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** As a Lambda function gets it. */
  readonly record: {
    readonly eventID: string;
    readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
    readonly dynamodb: Readonly<Record<string, unknown>>;
    readonly [key: string]: unknown;
  };
}

export interface ChangeStreamOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly tableArn: string;
  readonly newId?: () => string;
}

const retentionMs = 24 * 3_600_000;

export function createChangeStream({ clock, region, tableArn, newId = randomUUID }: ChangeStreamOptions): ChangeStream {
  const label = new Date(clock.now()).toISOString().replace('Z', '');
  const arn = `${tableArn}/stream/${label}`;
  const listeners = new Set<() => void>();
  let records: StreamRecord[] = [];
  let latest = 0;

  const dropOld = () => {
    const keptFrom = clock.now() - retentionMs;
    const first = records.findIndex(({ createdAt }) => createdAt > keptFrom);
    if (first !== 0) records = first < 0 ? [] : records.slice(first);
  };

  return {
    arn,
    append({ keys, oldImage, newImage, expired = false }) {
      if (oldImage === undefined && newImage === undefined) return;
      if (oldImage !== undefined && newImage !== undefined && isDeepStrictEqual(oldImage, newImage)) return;
      dropOld();
      const sequence = ++latest;
      const createdAt = clock.now();
      const images = {
        Keys: keys,
        ...(newImage === undefined ? {} : { NewImage: newImage }),
        ...(oldImage === undefined ? {} : { OldImage: oldImage }),
      };
      records.push({
        sequence,
        createdAt,
        record: {
          eventID: newId().replaceAll('-', ''),
          eventName: oldImage === undefined ? 'INSERT' : newImage === undefined ? 'REMOVE' : 'MODIFY',
          eventVersion: '1.1',
          eventSource: 'aws:dynamodb',
          awsRegion: region,
          dynamodb: {
            ApproximateCreationDateTime: Math.floor(createdAt / 1000),
            ...images,
            SequenceNumber: sequenceNumber(sequence),
            SizeBytes: Buffer.byteLength(JSON.stringify(images)),
            StreamViewType: 'NEW_AND_OLD_IMAGES',
          },
          ...(expired ? { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } } : {}),
          eventSourceARN: arn,
        },
      });
      for (const listener of listeners) listener();
    },
    read(sequence, limit) {
      dropOld();
      const [first] = records;
      if (first === undefined) return [];
      const from = Math.max(0, sequence + 1 - first.sequence);
      return records.slice(from, from + limit);
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** 21 digits and more, as DynamoDB's, and in order also as text. */
export function sequenceNumber(sequence: number): string {
  return `1${String(sequence).padStart(20, '0')}`;
}
