import { type ChangeStream, createChangeStream } from '../engine/change-stream.ts';
import type { EngineClock } from '../engine/engine-clock.ts';
import { EngineError } from '../engine/engine-error.ts';
import type { Measure } from '../engine/measure.ts';
import { notServed } from '../not-served.ts';
import { createDynalite, type DynaliteOperation, type Item, servedByDynalite } from './dynalite.ts';
import type { AwsService, Input, Operation } from './service.ts';
import { indexWriteUnits, type TableIndex, tableWriteUnits } from './write-units.ts';

export interface DynamoTables {
  readonly service: AwsService;
  /** As CreateTable, and a time to live. Resolves when the table can be used. */
  create(table: TableInput): Promise<CreatedTable>;
  /** By the ARN of the stream. */
  stream(streamArn: string): ChangeStream | undefined;
  /** Deletes what has expired, as DynamoDB does in the background. Resolves to how many items that were. */
  deleteExpired(): Promise<number>;
  stop(): void;
}

export interface TableInput {
  /** CreateTable's input, in DynamoDB's own names. */
  readonly definition: Readonly<Record<string, unknown>> & { readonly TableName: string };
  readonly timeToLiveAttribute?: string;
}

export interface CreatedTable {
  readonly name: string;
  readonly arn: string;
  readonly streamArn?: string;
}

export interface DynamoTablesOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  /** DynamoDB takes up to days; a minute shows what expiry does while one watches. */
  readonly expirySweepSeconds?: number;
  /** Told of consumed units. Left out, nothing is counted. */
  readonly measure?: Measure | undefined;
}

interface Table {
  readonly name: string;
  readonly arn: string;
  readonly keyNames: readonly string[];
  readonly indexes: readonly TableIndex[];
  readonly stream: ChangeStream | undefined;
  readonly timeToLiveAttribute: string | undefined;
  /** Items that carry a time to live, by dynalite's key. Kept only where the table expires items. */
  readonly expiries: Map<string, { readonly key: Item; readonly expiresAtSeconds: number }>;
  /** Keys whose deletion that is under way is an expiry. */
  readonly expiring: Set<string>;
}

interface ConsumedCapacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
}

interface GlobalSecondaryIndex {
  readonly IndexName: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly Projection?: { readonly ProjectionType?: string; readonly NonKeyAttributes?: readonly string[] };
}

const countedReads = new Set<DynaliteOperation>(['GetItem', 'BatchGetItem', 'Query', 'Scan']);
const streamViewType = 'NEW_AND_OLD_IMAGES';

// Members that change nothing here: they are about capacity, money, or keeping data that is not kept anyway.
const withoutLocalEffect = new Set([
  'SSESpecification',
  'TableClass',
  'OnDemandThroughput',
  'DeletionProtectionEnabled',
]);

// DynamoDB lets items be whose time to live lies more than five years back.
const fiveYearsSeconds = 5 * 365 * 24 * 3600;

/** DynamoDB on dynalite, in memory, with what dynalite lacks: streams and the time to live. */
export function createDynamoTables(options: DynamoTablesOptions): DynamoTables {
  const { clock, region, accountId, measure } = options;
  const dynalite = createDynalite({ region, accountId });
  const tables = new Map<string, Table>();
  const sweepMs = (options.expirySweepSeconds ?? 60) * 1000;
  let cancelSweep = armSweep();

  function armSweep(): () => void {
    return clock.setTimer(clock.now() + sweepMs, () => {
      deleteExpired().finally(() => {
        if (cancelSweep !== stopped) cancelSweep = armSweep();
      });
    });
  }
  function stopped(): void {}

  async function call(operation: DynaliteOperation, input: Input): Promise<Record<string, unknown>> {
    const isCounted = measure !== undefined && countedReads.has(operation);
    const asked = input.ReturnConsumedCapacity === 'TOTAL' || input.ReturnConsumedCapacity === 'INDEXES';
    try {
      const { ConsumedCapacity: consumed, ...answer } = await dynalite.call(operation, {
        ...input,
        ...(isCounted && !asked ? { ReturnConsumedCapacity: 'TOTAL' } : {}),
      });
      if (isCounted) measureReads([consumed].flat() as ConsumedCapacity[], input.ConsistentRead === true);
      return asked ? { ...answer, ConsumedCapacity: consumed } : answer;
    } catch (error) {
      const answered = engineErrorOf(error);
      // A write that its condition stops is paid for all the same.
      if (answered instanceof EngineError && answered.code === 'ConditionalCheckFailedException') {
        measure?.('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', { TableName: String(input.TableName) }, 1);
      }
      throw answered;
    }
  }

  function measureReads(consumed: readonly ConsumedCapacity[], isConsistent: boolean): void {
    // A read that finds nothing takes the least that there is.
    const least = isConsistent ? 1 : 0.5;
    for (const { TableName, CapacityUnits } of consumed) {
      measure?.('AWS/DynamoDB', 'ConsumedReadCapacityUnits', { TableName }, Math.max(CapacityUnits, least));
    }
  }

  function measureWrite(table: Table, before: Item | undefined, after: Item | undefined): void {
    if (measure === undefined) return;
    const { name: TableName, keyNames, indexes } = table;
    measure('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', { TableName }, tableWriteUnits(before, after));
    for (const index of indexes) {
      const units = indexWriteUnits(index, keyNames, before, after);
      if (units === 0) continue;
      const dimensions = { TableName, GlobalSecondaryIndexName: index.name };
      measure('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', dimensions, units);
    }
  }

  async function createTable(input: Input, timeToLiveAttribute?: string): Promise<Table> {
    const { StreamSpecification, ...given } = input;
    const definition = Object.fromEntries(Object.entries(given).filter(([name]) => !withoutLocalEffect.has(name)));
    const hasStream = readStreamSpecification(StreamSpecification);
    const { TableDescription } = (await call('CreateTable', definition)) as { TableDescription: { TableName: string } };
    const stored = await untilActive(TableDescription.TableName);
    const table: Table = {
      name: stored.TableName,
      arn: stored.TableArn,
      keyNames: stored.KeySchema.map((key) => key.AttributeName),
      indexes: readIndexes(definition.GlobalSecondaryIndexes),
      stream: hasStream ? createChangeStream({ clock, region, tableArn: stored.TableArn }) : undefined,
      timeToLiveAttribute,
      expiries: new Map(),
      expiring: new Set(),
    };
    tables.set(table.name, table);
    watchWrites(table);
    return table;
  }

  async function untilActive(name: string) {
    for (;;) {
      const table = await dynalite.table(name);
      if (table.TableStatus === 'ACTIVE') return table;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  // Each write of dynalite, whichever operation it comes from, ends in a `put` or a `del` of one row, made while
  // dynalite holds the row's lock: so that is where the old image is true and where the order of the records is right.
  function watchWrites(table: Table): void {
    const items = dynalite.itemsOf(table.name);
    const put = items.put.bind(items);
    const del = items.del.bind(items);

    items.put = (key, item, callback) => {
      const refusal = emptyIndexKey(table, item);
      if (refusal !== undefined) return callback(dynalite.validationError(refusal));
      readOld(table, key, (oldImage) => {
        put(key, item, (error) => {
          if (!error) {
            measureWrite(table, oldImage, item);
            noteExpiry(table, key, item);
            if (table.stream !== undefined) {
              // A copy, as the old image is one: dynalite hands out objects that go on to be its answer.
              const newImage = JSON.parse(JSON.stringify(item)) as Item;
              table.stream.append({ keys: keysOf(table, newImage), oldImage, newImage });
            }
          }
          callback(error);
        });
      });
    };
    items.del = (key, callback) => {
      readOld(table, key, (oldImage) => {
        del(key, (error) => {
          const expired = table.expiring.delete(key);
          if (!error) {
            table.expiries.delete(key);
            // What expires costs nothing.
            if (!expired) measureWrite(table, oldImage, undefined);
            if (oldImage !== undefined) {
              table.stream?.append({ keys: keysOf(table, oldImage), oldImage, expired });
            }
          }
          callback(error);
        });
      });
    };

    function readOld(of: Table, key: string, then: (item: Item | undefined) => void): void {
      if (of.stream === undefined && measure === undefined) then(undefined);
      else items.get(key, (error, item) => then(error ? undefined : item));
    }
  }

  function noteExpiry(table: Table, key: string, item: Item): void {
    if (table.timeToLiveAttribute === undefined) return;
    const seconds = Number(item[table.timeToLiveAttribute]?.N ?? Number.NaN);
    if (Number.isNaN(seconds)) table.expiries.delete(key);
    else table.expiries.set(key, { key: keysOf(table, item), expiresAtSeconds: seconds });
  }

  async function deleteExpired(): Promise<number> {
    const nowSeconds = Math.floor(clock.now() / 1000);
    let deleted = 0;
    for (const table of tables.values()) {
      const attribute = table.timeToLiveAttribute;
      if (attribute === undefined) continue;
      for (const [storeKey, { key, expiresAtSeconds }] of table.expiries) {
        if (expiresAtSeconds > nowSeconds || expiresAtSeconds < nowSeconds - fiveYearsSeconds) continue;
        table.expiring.add(storeKey);
        try {
          await dynalite.call('DeleteItem', {
            TableName: table.name,
            Key: key,
            ConditionExpression: '#ttl = :ttl',
            ExpressionAttributeNames: { '#ttl': attribute },
            ExpressionAttributeValues: { ':ttl': { N: String(expiresAtSeconds) } },
          });
          deleted++;
        } catch {
          // It was written again, or deleted, since the look at it: then it is no longer what has expired.
          table.expiring.delete(storeKey);
        }
      }
    }
    return deleted;
  }

  const operations = Object.fromEntries(
    servedByDynalite.map((name): [string, Operation] => [
      name,
      // Every read sees the last write here.
      { takes: [...dynalite.knownMembers(name), 'ConsistentRead'], answer: (input) => call(name, input) },
    ]),
  );

  return {
    service: {
      name: 'dynamodb',
      operations: {
        ...operations,
        CreateTable: {
          takes: [...dynalite.knownMembers('CreateTable'), 'StreamSpecification', ...withoutLocalEffect],
          async answer(input) {
            const { name, stream } = await createTable(input);
            const { Table: description } = await call('DescribeTable', { TableName: name });
            return { TableDescription: { ...(description as object), LatestStreamArn: stream?.arn } };
          },
        },
        DeleteTable: {
          takes: ['TableName'],
          async answer(input) {
            const answer = await call('DeleteTable', input);
            tables.delete(String(input.TableName));
            return answer;
          },
        },
      },
    },
    async create({ definition, timeToLiveAttribute }) {
      const { name, arn, stream } = await createTable(definition, timeToLiveAttribute);
      return { name, arn, ...(stream === undefined ? {} : { streamArn: stream.arn }) };
    },
    stream: (streamArn) => [...tables.values()].find(({ stream }) => stream?.arn === streamArn)?.stream,
    deleteExpired,
    stop() {
      cancelSweep();
      cancelSweep = stopped;
    },
  };
}

function keysOf(table: Table, item: Item): Item {
  return Object.fromEntries(table.keyNames.map((name) => [name, item[name] ?? {}]));
}

function readIndexes(given: unknown): TableIndex[] {
  return ((given ?? []) as GlobalSecondaryIndex[]).map(({ IndexName, KeySchema, Projection }) => ({
    name: IndexName,
    keyNames: KeySchema.map(({ AttributeName }) => AttributeName),
    projected: Projection?.ProjectionType === 'ALL' ? undefined : (Projection?.NonKeyAttributes ?? []),
  }));
}

/** Whether there is to be a stream. Throws for one of another kind. */
function readStreamSpecification(given: unknown): boolean {
  const { StreamEnabled = false, StreamViewType } = (given ?? {}) as {
    StreamEnabled?: boolean;
    StreamViewType?: string;
  };
  if (StreamEnabled && StreamViewType !== streamViewType) {
    throw new EngineError('ValidationException', `${notServed(`StreamViewType ${String(StreamViewType)}`)}.`);
  }
  return StreamEnabled;
}

/** DynamoDB refuses a write that would put an empty text into the key of an index; dynalite takes it. */
function emptyIndexKey({ indexes }: Table, item: Item): string | undefined {
  for (const { name, keyNames } of indexes) {
    const empty = keyNames.find((key) => item[key]?.S === '' || item[key]?.B === '');
    if (empty !== undefined) {
      return `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: ${name}, IndexKey: ${empty}`;
    }
  }
  return undefined;
}

/** dynalite answers `{__type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", message}`. */
function engineErrorOf(error: unknown): unknown {
  const answered = error as { statusCode?: number; body?: { __type?: string; message?: string; Message?: string } };
  if (answered.statusCode === undefined || answered.body?.__type === undefined) return error;
  const { __type: type, message, Message: otherMessage } = answered.body;
  return new EngineError(type.slice(type.lastIndexOf('#') + 1), message ?? otherMessage ?? '', answered.statusCode);
}
