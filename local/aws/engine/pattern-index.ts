import {
  type Branch,
  type CompiledPattern,
  type Leaf,
  matchesBranch,
  valuesAt,
} from '../../../lambdas/event-pattern/event-pattern.ts';
import { plainest, type Scalar } from '../../../lambdas/event-pattern/event-pattern-values.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';

/**
 * Finds the patterns that an event matches, among many. Each branch is filed under its detail-types (or its sources),
 * and there under the values of one more field that it wants to be equal, an organisation's id for one. So an event is
 * compared with few branches, however many there are.
 */
export interface PatternIndex<T> {
  /**
   * The owners of all patterns that match, each once, in the order in which they were added. The event is one of a bus:
   * its source and detail-type are strings.
   */
  match(event: JsonObject): T[];
}

interface Entry<T> {
  readonly owner: T;
  readonly position: number;
  readonly branch: Branch;
}

interface Bucket<T> {
  readonly byField: Map<string, { readonly path: readonly string[]; readonly byValue: Map<unknown, Entry<T>[]> }>;
  readonly others: Entry<T>[];
}

export function indexPatterns<T>(patterns: Iterable<readonly [T, CompiledPattern]>): PatternIndex<T> {
  const byDetailType = new Map<unknown, Bucket<T>>();
  const bySource = new Map<unknown, Bucket<T>>();
  const others = newBucket<T>();
  const owners: T[] = [];
  for (const [owner, { branches }] of patterns) {
    const position = owners.push(owner) - 1;
    for (const branch of branches) {
      const entry: Entry<T> = { owner, position, branch };
      const detailType = exactLeaf(branch, 'detail-type');
      const source = exactLeaf(branch, 'source');
      if (detailType !== undefined) file(entry, detailType, byDetailType);
      else if (source !== undefined) file(entry, source, bySource);
      else fileByField(entry, others);
    }
  }
  return {
    match(event) {
      const positions = new Set<number>();
      const look = (bucket: Bucket<T> | undefined) => {
        if (bucket !== undefined) lookIn(bucket, event, positions);
      };
      look(byDetailType.get(event['detail-type']));
      look(bySource.get(event.source));
      look(others);
      return [...positions].sort((one, other) => one - other).map((position) => owners[position] as T);
    },
  };
}

/** The field's list where it is plain values only. */
function exactLeaf({ leaves }: Branch, name: string): Leaf | undefined {
  const leaf = leaves.find((candidate) => candidate.path.length === 1 && candidate.name === name);
  return leaf !== undefined && isExact(leaf) ? leaf : undefined;
}

function isExact({ exists, absent, operators }: Leaf): boolean {
  return !exists && !absent && operators.length === 0;
}

function file<T>(entry: Entry<T>, leaf: Leaf, buckets: Map<unknown, Bucket<T>>): void {
  for (const key of keysOf(leaf)) {
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = newBucket();
      buckets.set(key, bucket);
    }
    fileByField(entry, bucket);
  }
}

function fileByField<T>(entry: Entry<T>, { byField, others }: Bucket<T>): void {
  let leaf: Leaf | undefined;
  for (const candidate of entry.branch.leaves) {
    if (candidate.path.length === 1 || !isExact(candidate)) continue;
    if (leaf === undefined || sizeOf(candidate) < sizeOf(leaf)) leaf = candidate;
  }
  if (leaf === undefined) {
    others.push(entry);
    return;
  }
  const fieldKey = JSON.stringify(leaf.path);
  let field = byField.get(fieldKey);
  if (field === undefined) {
    field = { path: leaf.path, byValue: new Map() };
    byField.set(fieldKey, field);
  }
  for (const key of keysOf(leaf)) {
    const entries = field.byValue.get(key);
    if (entries === undefined) field.byValue.set(key, [entry]);
    else entries.push(entry);
  }
}

function lookIn<T>({ byField, others }: Bucket<T>, event: JsonObject, positions: Set<number>): void {
  for (const entry of others) lookAt(entry, event, positions);
  for (const { path, byValue } of byField.values()) {
    for (const value of valuesAt(event, path)) {
      for (const entry of byValue.get(keyOf(value)) ?? []) lookAt(entry, event, positions);
    }
  }
}

function lookAt<T>({ position, branch }: Entry<T>, event: JsonObject, positions: Set<number>): void {
  if (!positions.has(position) && matchesBranch(branch, event)) positions.add(position);
}

function keysOf({ exact, exactTexts }: Leaf): unknown[] {
  return [...exact, ...[...exactTexts].map(rawKey)];
}

function keyOf(value: Scalar): unknown {
  const plain = plainest(value);
  return typeof plain === 'object' && plain !== null ? rawKey(plain.rawJSON) : plain;
}

/** Cannot be mistaken for a string of an event: what it leads to is compared in full. */
function rawKey(text: string): string {
  return `number ${text}`;
}

function sizeOf({ exact, exactTexts }: Leaf): number {
  return exact.size + exactTexts.size;
}

function newBucket<T>(): Bucket<T> {
  return { byField: new Map(), others: [] };
}
