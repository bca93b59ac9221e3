import type { Item } from './dynalite.ts';

export interface TableIndex {
  readonly name: string;
  readonly keyNames: readonly string[];
  /** Attributes beside the keys; undefined: all. */
  readonly projected: readonly string[] | undefined;
}

/**
 * The write request units that one write takes on the table itself: one for each kilobyte of the item, as it was or as
 * it is, whichever is larger.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function tableWriteUnits(before: Item | undefined, after: Item | undefined): number {
  return Math.max(unitsOf(before), unitsOf(after), 1);
}

/**
 * What it takes on an index beside that: nothing where the entry stays as it is, two writes where its key changes.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
 */
export function indexWriteUnits(
  index: TableIndex,
  tableKeyNames: readonly string[],
  before: Item | undefined,
  after: Item | undefined,
): number {
  const [old, next] = [entryOf(index, tableKeyNames, before), entryOf(index, tableKeyNames, after)];
  if (old === undefined || next === undefined) return unitsOf(old) + unitsOf(next);
  if (JSON.stringify(old) === JSON.stringify(next)) return 0;
  const isSameKey = index.keyNames.every((name) => JSON.stringify(old[name]) === JSON.stringify(next[name]));
  return isSameKey ? Math.max(unitsOf(old), unitsOf(next)) : unitsOf(old) + unitsOf(next);
}

/** What the index holds of an item; undefined: the item is not in it. */
function entryOf(index: TableIndex, tableKeyNames: readonly string[], item: Item | undefined): Item | undefined {
  if (item === undefined || index.keyNames.some((name) => item[name] === undefined)) return undefined;
  const names =
    index.projected === undefined ? Object.keys(item) : [...tableKeyNames, ...index.keyNames, ...index.projected];
  const held = [...new Set(names)].sort().filter((name) => item[name] !== undefined);
  return Object.fromEntries(held.map((name) => [name, item[name] ?? {}]));
}

function unitsOf(item: Item | undefined): number {
  return item === undefined ? 0 : Math.ceil(itemSizeBytes(item) / 1024);
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
export function itemSizeBytes(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSizeBytes(value), 0);
}

function valueSizeBytes(value: Readonly<Record<string, unknown>>): number {
  const [[type, held] = ['', undefined]] = Object.entries(value);
  switch (type) {
    case 'S':
      return Buffer.byteLength(String(held));
    case 'N':
      return numberSizeBytes(String(held));
    case 'B':
      return Buffer.byteLength(String(held), 'base64');
    case 'BOOL':
    case 'NULL':
      return 1;
    case 'SS':
    case 'NS':
    case 'BS':
      return (held as string[]).reduce((sum, one) => sum + valueSizeBytes({ [type.slice(0, 1)]: one }), 0);
    case 'L':
      return (held as Item[string][]).reduce((sum, one) => sum + 1 + valueSizeBytes(one), 3);
    case 'M':
      return Object.values(held as Item).length + 3 + itemSizeBytes(held as Item);
    default:
      throw new Error(`DynamoDB has no type ${type}`);
  }
}

/** About a byte for two significant digits, and one more. */
function numberSizeBytes(text: string): number {
  const significant = text
    .replace(/e.*$/i, '')
    .replace(/[-+.]/g, '')
    .replace(/^0+|0+$/g, '');
  return Math.ceil(significant.length / 2) + 1;
}
