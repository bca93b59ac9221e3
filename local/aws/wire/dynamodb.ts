import { type ChangeStream, createChangeStream } from '../engine/change-stream.ts';
import type { EngineClock } from '../engine/engine-clock.ts';
import type { Measure } from '../engine/measure.ts';
import { createDynalite, type DynaliteOperation, dynaliteOperations, type Item } from './dynalite.ts';
import { AwsError, type AwsService, type Operation } from './service.ts';
import { indexWriteUnits, type TableIndex, tableWriteUnits } from './write-units.ts';

export interface DynamoTables {
  readonly service: AwsService;
  /** As CreateTable and, after it, UpdateTimeToLive. Resolves when the table can be used. */
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
  stream?: { readonly changes: ChangeStream; readonly viewType: StreamViewType };
  timeToLiveAttribute?: string;
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

const streamViewTypes = ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES'] as const;
type StreamViewType = (typeof streamViewTypes)[number];

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

  async function call(operation: DynaliteOperation, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    refuseUnknownMembers(operation, input);
    try {
      if (measure === undefined || !countedReads.has(operation)) return await dynalite.call(operation, input);
      const { ConsumedCapacity, ...answer } = await dynalite.call(operation, {
        ...input,
        ReturnConsumedCapacity: input.ReturnConsumedCapacity ?? 'TOTAL',
      });
      for (const { TableName, CapacityUnits } of [ConsumedCapacity].flat() as ConsumedCapacity[]) {
        // A read that finds nothing takes the least that there is.
        const least = input.ConsistentRead === true ? 1 : 0.5;
        measure('AWS/DynamoDB', 'ConsumedReadCapacityUnits', { TableName }, Math.max(CapacityUnits, least));
      }
      return input.ReturnConsumedCapacity === undefined ? answer : { ...answer, ConsumedCapacity };
    } catch (error) {
      const answered = awsErrorOf(error);
      // A write that its condition stops is paid for all the same.
      if (answered instanceof AwsError && answered.code === 'ConditionalCheckFailedException') {
        measure?.('AWS/DynamoDB', 'ConsumedWriteCapacityUnits', { TableName: String(input.TableName) }, 1);
      }
      throw answered;
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

  // dynalite leaves out what it does not know, a `ReturnValuesOnConditionCheckFailure` for one: say so instead.
  function refuseUnknownMembers(operation: DynaliteOperation, input: Record<string, unknown>): void {
    const known = dynalite.knownMembers(operation);
    for (const [name, value] of Object.entries(input)) {
      if (known.includes(name) || value === undefined || value === null) continue;
      if (name === 'ReturnValuesOnConditionCheckFailure' && value === 'NONE') continue;
      // Every read sees the last write here.
      if (name === 'ConsistentRead') continue;
      throw new AwsError('ValidationException', `The local DynamoDB does not know ${name} of ${operation}`);
    }
  }

  async function createTable(input: Record<string, unknown>): Promise<Table> {
    const { StreamSpecification, ...definition } = input;
    for (const name of withoutLocalEffect) delete definition[name];
    const viewType = readStreamViewType(StreamSpecification);
    const { TableDescription } = (await call('CreateTable', definition)) as { TableDescription: { TableName: string } };
    const stored = await untilActive(TableDescription.TableName);
    const table: Table = {
      name: stored.TableName,
      arn: stored.TableArn,
      keyNames: stored.KeySchema.map((key) => key.AttributeName),
      indexes: readIndexes(definition.GlobalSecondaryIndexes),
      expiries: new Map(),
      expiring: new Set(),
    };
    if (viewType !== undefined) {
      const changes = createChangeStream({ clock, region, tableArn: table.arn, viewType });
      table.stream = { changes, viewType };
    }
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
      readOld(table, key, (oldImage) => {
        put(key, item, (error) => {
          if (!error) {
            measureWrite(table, oldImage, item);
            noteExpiry(table, key, item);
            if (table.stream !== undefined) {
              // A copy, as the old image is one: dynalite hands out objects that go on to be its answer.
              const newImage = JSON.parse(JSON.stringify(item)) as Item;
              table.stream.changes.append({ keys: keysOf(table, newImage), oldImage, newImage });
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
              table.stream?.changes.append({ keys: keysOf(table, oldImage), oldImage, expired });
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

  async function setTimeToLive(table: Table, attribute: string | undefined): Promise<void> {
    table.expiries.clear();
    if (attribute === undefined) delete table.timeToLiveAttribute;
    else table.timeToLiveAttribute = attribute;
    if (attribute === undefined) return;
    // Rows from before: each is written once more as it is, which makes no stream record and notes its expiry.
    let startKey: unknown;
    do {
      const page = await dynalite.call('Scan', {
        TableName: table.name,
        FilterExpression: 'attribute_exists(#ttl)',
        ExpressionAttributeNames: { '#ttl': attribute },
        ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
      });
      for (const item of page.Items as Item[]) {
        await dynalite.call('UpdateItem', { TableName: table.name, Key: keysOf(table, item) });
      }
      startKey = page.LastEvaluatedKey;
    } while (startKey !== undefined);
  }

  function existing(input: Record<string, unknown>): Table {
    const name = String(input.TableName);
    const table = tables.get(name);
    if (table === undefined) {
      throw new AwsError('ResourceNotFoundException', `Requested resource not found: Table: ${name} not found`);
    }
    return table;
  }

  function describe(description: unknown): unknown {
    const described = description as { TableName: string };
    const stream = tables.get(described.TableName)?.stream;
    if (stream === undefined) return described;
    return {
      ...described,
      StreamSpecification: { StreamEnabled: true, StreamViewType: stream.viewType },
      LatestStreamArn: stream.changes.arn,
      LatestStreamLabel: stream.changes.arn.slice(stream.changes.arn.lastIndexOf('/') + 1),
    };
  }

  const operations: Record<string, Operation> = {
    ...Object.fromEntries(dynaliteOperations.map((name): [string, Operation] => [name, (input) => call(name, input)])),
    async CreateTable(input) {
      const table = await createTable(input);
      const { Table: description } = await call('DescribeTable', { TableName: table.name });
      return { TableDescription: describe(description) };
    },
    async DescribeTable(input) {
      const { Table: description } = await call('DescribeTable', input);
      return { Table: describe(description) };
    },
    async DeleteTable(input) {
      const answer = await call('DeleteTable', input);
      tables.delete(String(input.TableName));
      return answer;
    },
    async UpdateTimeToLive(input) {
      const specification = input.TimeToLiveSpecification as { AttributeName?: string; Enabled?: boolean } | undefined;
      if (typeof specification?.AttributeName !== 'string' || typeof specification.Enabled !== 'boolean') {
        throw new AwsError('ValidationException', 'TimeToLiveSpecification needs AttributeName and Enabled');
      }
      await setTimeToLive(existing(input), specification.Enabled ? specification.AttributeName : undefined);
      return { TimeToLiveSpecification: specification };
    },
    DescribeTimeToLive(input) {
      const attribute = existing(input).timeToLiveAttribute;
      return {
        TimeToLiveDescription:
          attribute === undefined
            ? { TimeToLiveStatus: 'DISABLED' }
            : { TimeToLiveStatus: 'ENABLED', AttributeName: attribute },
      };
    },
  };

  return {
    service: { name: 'dynamodb', operations },
    async create({ definition, timeToLiveAttribute }) {
      const table = await createTable({ ...definition });
      await setTimeToLive(table, timeToLiveAttribute);
      return {
        name: table.name,
        arn: table.arn,
        ...(table.stream === undefined ? {} : { streamArn: table.stream.changes.arn }),
      };
    },
    stream(streamArn) {
      for (const table of tables.values()) {
        if (table.stream?.changes.arn === streamArn) return table.stream.changes;
      }
      return undefined;
    },
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

function readStreamViewType(specification: unknown): StreamViewType | undefined {
  if (specification === undefined) return undefined;
  const { StreamEnabled, StreamViewType: viewType } = specification as {
    StreamEnabled?: boolean;
    StreamViewType?: string;
  };
  if (StreamEnabled === false) return undefined;
  const known = streamViewTypes.find((name) => name === viewType);
  if (known === undefined) {
    throw new AwsError(
      'ValidationException',
      `StreamSpecification.StreamViewType is ${String(viewType)}; it can be ${streamViewTypes.join(', ')}`,
    );
  }
  return known;
}

/** dynalite answers `{__type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", message}`. */
function awsErrorOf(error: unknown): unknown {
  const answered = error as { statusCode?: number; body?: { __type?: string; message?: string; Message?: string } };
  if (answered.statusCode === undefined || answered.body?.__type === undefined) return error;
  const { __type: type, message, Message: otherMessage } = answered.body;
  return new AwsError(type.slice(type.lastIndexOf('#') + 1), message ?? otherMessage ?? '', answered.statusCode);
}
