import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

export interface BatchDeps {
  readonly client: DynamoDBClient;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
}

/** DynamoDB's limits for one call. */
const keysPerRead = 100;
const itemsPerWrite = 25;
/** Waits before each further try of what a throttled table left over; each is shortened by up to a half, at random. */
const retryDelaysMs = [50, 200, 800, 2000];

/** The items that there are of these keys, by table and in no order. Throws where DynamoDB did not answer for all of them. */
export async function batchGetAll(
  deps: BatchDeps,
  reads: Readonly<Record<string, KeysAndAttributes>>,
): Promise<Map<string, Item[]>> {
  const found = new Map<string, Item[]>(Object.keys(reads).map((table) => [table, []]));
  const keys = Object.entries(reads).flatMap(([table, read]) => (read.Keys ?? []).map((key) => ({ table, key })));
  for (const part of partsOf(keys, keysPerRead)) {
    const first: Record<string, KeysAndAttributes> = {};
    for (const { table, key } of part) {
      first[table] = { ...reads[table], Keys: [...(first[table]?.Keys ?? []), key] };
    }
    await untilNothingIsLeft(deps, 'read', first, async (pending) => {
      const result = await deps.client.send(new BatchGetItemCommand({ RequestItems: pending }));
      for (const [table, items] of Object.entries(result.Responses ?? {})) found.get(table)?.push(...items);
      return result.UnprocessedKeys ?? {};
    });
  }
  return found;
}

/** Throws where DynamoDB did not take all of them; then some may be written. */
export async function batchWriteAll(deps: BatchDeps, table: string, writes: readonly WriteRequest[]): Promise<void> {
  await Promise.all(
    partsOf(writes, itemsPerWrite).map((part) =>
      untilNothingIsLeft(deps, 'written', { [table]: part }, async (pending) => {
        const result = await deps.client.send(new BatchWriteItemCommand({ RequestItems: pending }));
        return result.UnprocessedItems ?? {};
      }),
    ),
  );
}

/** A call that succeeds can still leave over what a throttled table did not answer, or what was too much for one answer. */
async function untilNothingIsLeft<Requests>(
  { sleep, random }: BatchDeps,
  done: string,
  first: Record<string, Requests>,
  call: (pending: Record<string, Requests>) => Promise<Record<string, Requests>>,
): Promise<void> {
  let pending = first;
  for (const delayMs of [...retryDelaysMs, undefined]) {
    pending = await call(pending);
    const tables = Object.keys(pending);
    if (tables.length === 0) return;
    if (delayMs === undefined)
      throw new Error(`${tables.join(' and ')} could not be ${done} in full, DynamoDB throttles`);
    await sleep(delayMs * (1 - random() / 2));
  }
}

function partsOf<Entry>(entries: readonly Entry[], size: number): Entry[][] {
  return Array.from({ length: Math.ceil(entries.length / size) }, (_, part) =>
    entries.slice(part * size, (part + 1) * size),
  );
}
