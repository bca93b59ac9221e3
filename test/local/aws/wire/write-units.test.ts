import { describe, expect, it, test } from 'vitest';
import type { Item } from '../../../../local/aws/wire/dynalite.ts';
import {
  indexWriteUnits,
  itemSizeBytes,
  type TableIndex,
  tableWriteUnits,
} from '../../../../local/aws/wire/write-units.ts';

const anItem = (attributes: Record<string, string | number> = {}): Item =>
  Object.fromEntries(
    Object.entries({ id: 'a', ...attributes }).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  );

test.each<[string, Item, number]>([
  ['a text', { id: { S: 'Zoë' } }, 6],
  ['a number', { n: { N: '-12345.60' } }, 1 + 4],
  ['nothing and truth', { a: { NULL: true }, b: { BOOL: false } }, 4],
  ['bytes', { b: { B: 'AAAA' } }, 4],
  ['a set', { s: { SS: ['ab', 'c'] } }, 4],
  ['a list', { l: { L: [{ S: 'ab' }, { N: '1' }] } }, 1 + 3 + (1 + 2) + (1 + 2)],
  ['a map', { m: { M: { k: { S: 'v' } } } }, 1 + 3 + 1 + 2],
])('the size of %s is counted by its name and value', (_, item, bytes) => {
  expect(itemSizeBytes(item)).toBe(bytes);
});

describe('a write takes', () => {
  it('one unit for each kilobyte of the larger of before and after', () => {
    expect(tableWriteUnits(undefined, anItem())).toBe(1);
    expect(tableWriteUnits(anItem(), undefined)).toBe(1);
    expect(tableWriteUnits(undefined, undefined)).toBe(1);
    expect(tableWriteUnits(anItem({ text: 'x'.repeat(1015) }), anItem())).toBe(1);
    expect(tableWriteUnits(anItem({ text: 'x'.repeat(1018) }), anItem())).toBe(2);
  });

  const index: TableIndex = { name: 'timers', keyNames: ['shard', 'dueAt'], projected: [] };
  const units = (before: Item | undefined, after: Item | undefined, of = index): number =>
    indexWriteUnits(of, ['id'], before, after);

  it('nothing on an index that the item is not in, or whose entry stays', () => {
    expect(units(undefined, anItem({ shard: 1 }))).toBe(0);
    const armed = { shard: 1, dueAt: 5 };
    expect(units(anItem({ ...armed, moved: 1 }), anItem({ ...armed, moved: 2 }))).toBe(0);
  });

  it('one on an index for an entry that comes, goes or changes, and two for one that moves', () => {
    expect(units(undefined, anItem({ shard: 1, dueAt: 5 }))).toBe(1);
    expect(units(anItem({ shard: 1, dueAt: 5 }), anItem())).toBe(1);
    expect(units(anItem({ shard: 1, dueAt: 5 }), anItem({ shard: 1, dueAt: 6 }))).toBe(2);
    const whole = { ...index, projected: undefined };
    expect(units(anItem({ shard: 1, dueAt: 5, x: 1 }), anItem({ shard: 1, dueAt: 5, x: 2 }), whole)).toBe(1);
  });
});
