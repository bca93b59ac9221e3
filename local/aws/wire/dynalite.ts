import { createRequire } from 'node:module';
import { canonicalJson, type JsonObject } from '../../../lambdas/json/json.ts';
import { type Expression, type Operand, refusalOf } from './dynamo-refusals.ts';

/**
 * dynalite (https://github.com/architect/dynalite) without its HTTP server: its actions are called in process, which
 * made 30 thousand writes and 65 thousand reads a second on two cores; a worker thread of its own would add nothing.
 * These are internals of one pinned version; the tests of this folder tell when an upgrade moves them.
 */
const require = createRequire(import.meta.url);

interface StoredTable {
  readonly TableName: string;
  readonly TableArn: string;
  readonly TableStatus: string;
  readonly KeySchema: readonly { readonly AttributeName: string; readonly KeyType: string }[];
}

type Callback<T> = (error: unknown, value?: T) => void;
export type Item = Record<string, Record<string, unknown>>;

/** The rows of one table, by a key that dynalite makes of the item's key. Every write goes through `put` or `del`. */
export interface ItemStore {
  put(key: string, item: Item, callback: Callback<void>): void;
  get(key: string, callback: Callback<Item>): void;
  del(key: string, callback: Callback<void>): void;
}

interface Store {
  readonly tableDb: { awsAccountId: string; awsRegion: string };
  getItemDb(table: string): ItemStore;
  getTable(table: string, checkStatus: boolean, callback: Callback<StoredTable>): void;
}

interface Validation {
  readonly types: Readonly<Record<string, unknown>>;
  readonly custom?: unknown;
}

/** What the endpoint hands on as it is. */
export const servedByDynalite = [
  'BatchGetItem',
  'BatchWriteItem',
  'DeleteItem',
  'GetItem',
  'ListTables',
  'PutItem',
  'Query',
  'Scan',
  'UpdateItem',
] as const;
const operationNames = [...servedByDynalite, 'CreateTable', 'DeleteTable', 'DescribeTable'] as const;
export type DynaliteOperation = (typeof operationNames)[number];

export interface Dynalite {
  /** Throws what dynalite answers: an error with `statusCode` and `body`. */
  call(operation: DynaliteOperation, input: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** Members that dynalite knows; it drops all others without a word. */
  knownMembers(operation: DynaliteOperation): readonly string[];
  /** As dynalite answers what it refuses. */
  validationError(message: string): unknown;
  itemsOf(table: string): ItemStore;
  table(name: string): Promise<StoredTable>;
}

/**
 * Rows are kept as text. As buffers, which is memory-level's own choice, each row would keep the 8 KB alive that Node cut
 * its buffer from, and would be decoded at each read. dynalite has no option for it.
 */
function keepRowsAsText(): void {
  const memoryLevel = createRequire(require.resolve('dynalite/db'))('memory-level') as {
    MemoryLevel: new (options: object) => object;
  };
  const { MemoryLevel } = memoryLevel;
  memoryLevel.MemoryLevel = class extends MemoryLevel {
    constructor(options: object) {
      super({ ...options, storeEncoding: 'utf8' });
    }
  };
}

keepRowsAsText();

interface Conditions {
  checkConditional(data: { readonly _condition?: { readonly expression: Expression } }, item?: Item): unknown;
  mapPath(path: readonly (string | number)[], item: Item): Operand;
}

/**
 * dynalite takes no two maps and no two lists for equal; DynamoDB compares them by what they hold. Numbers within are
 * already written in one way, and sets within are not compared by content here.
 */
function compareDocumentsByContent(): void {
  const db = require('dynalite/db') as Conditions;
  const { checkConditional } = db;
  const isDocument = (operand: Operand): boolean => operand?.M !== undefined || operand?.L !== undefined;

  function settle(expression: Expression, item: Item): Expression {
    const { type, args } = expression;
    if (type === 'and' || type === 'or' || type === 'not')
      return { type, args: args.map((arg) => settle(arg as Expression, item)) };
    if (type !== '=' && type !== '<>') return expression;
    const operands = args.map((arg) => (Array.isArray(arg) ? db.mapPath(arg, item) : (arg as Operand)));
    if (!operands.every(isDocument)) return expression;
    const [one, other] = operands.map((operand) => canonicalJson(operand as JsonObject));
    return { type, args: [{ S: 'same' }, { S: one === other ? 'same' : 'other' }] };
  }

  db.checkConditional = (data, item) => {
    const { _condition: condition } = data;
    if (condition === undefined) return checkConditional(data, item);
    return checkConditional({ ...data, _condition: { expression: settle(condition.expression, item ?? {}) } }, item);
  };
}

compareDocumentsByContent();

export function createDynalite(options: { readonly region: string; readonly accountId: string }): Dynalite {
  const validations = require('dynalite/validations') as {
    checkTypes(input: unknown, types: unknown): Record<string, unknown>;
    checkValidations(input: unknown, types: unknown, custom: unknown, store: Store): void;
  };
  const { create, validationError } = require('dynalite/db') as {
    create(options: unknown): Store;
    validationError(message: string): unknown;
  };
  // Tables are there at once: nobody waits for them here.
  const store = create({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  store.tableDb.awsAccountId = options.accountId;
  store.tableDb.awsRegion = options.region;

  const fileNameOf = (operation: string): string => operation.charAt(0).toLowerCase() + operation.slice(1);
  const validationOf = (operation: DynaliteOperation): Validation =>
    require(`dynalite/validations/${fileNameOf(operation)}`) as Validation;
  const actionOf = (operation: DynaliteOperation) =>
    require(`dynalite/actions/${fileNameOf(operation)}`) as (
      store: Store,
      input: unknown,
      callback: Callback<Record<string, unknown>>,
    ) => void;
  const operations = new Map(
    operationNames.map((name) => [name, { validation: validationOf(name), action: actionOf(name) }]),
  );

  return {
    call(operation, input) {
      return new Promise((resolve, reject) => {
        const known = operations.get(operation);
        if (known === undefined) throw new Error(`dynalite has no operation ${operation}`);
        const { types, custom } = known.validation;
        const checked = validations.checkTypes(input, types);
        validations.checkValidations(checked, types, custom, store);
        const refusal = refusalOf(checked);
        if (refusal !== undefined) throw validationError(refusal);
        known.action(store, checked, (error, output) => (error ? reject(error) : resolve(output ?? {})));
      });
    },
    knownMembers: (operation) => Object.keys(operations.get(operation)?.validation.types ?? {}),
    validationError,
    itemsOf: (table) => store.getItemDb(table),
    table: (name) =>
      new Promise((resolve, reject) => {
        store.getTable(name, false, (error, table) => (error || !table ? reject(error) : resolve(table)));
      }),
  };
}
