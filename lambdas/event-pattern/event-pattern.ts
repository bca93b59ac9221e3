import { isJsonObject, type JsonObject, type JsonValue, nestingDepth, parseJson } from '../json/json.ts';
import { isScalar, parseValueTest, plainest, type Scalar } from './event-pattern-values.ts';

/**
 * EventBridge's event patterns, after its user guide and, where that is silent, after aws/event-ruler. Where EventBridge
 * would take a pattern and do something nobody meant, it is refused here: so is a dot in a key, which event-ruler takes for
 * a level.
 */

/** An event pattern that was checked. It matches where any of its branches does: one per combination of `$or`. */
export interface CompiledPattern {
  readonly pattern: JsonObject;
  readonly branches: readonly Branch[];
}

export type ParsedPattern =
  | { readonly kind: 'pattern'; readonly pattern: CompiledPattern }
  /** `path`: where the fault is, `detail.data.x[0].numeric`; empty for the pattern as a whole. */
  | { readonly kind: 'invalid'; readonly path: string; readonly reason: string };

export interface Branch {
  /** Which alternatives of `$or` it consists of: `$or[1]`; empty where the pattern has none. */
  readonly label: string;
  /** Sorted by path, which is the order in which event-ruler looks at them. */
  readonly leaves: readonly Leaf[];
  readonly root: PatternNode;
}

/** One field of a pattern with its list. */
export interface Leaf {
  readonly path: readonly string[];
  /** `path` joined with dots. */
  readonly name: string;
  /** As it is written, with `$or[1]`. */
  readonly place: string;
  /** The list as it was written. */
  readonly wanted: readonly JsonValue[];
  /** Plain values; numbers that a double cannot carry are in `exactTexts`. */
  readonly exact: ReadonlySet<Scalar>;
  readonly exactTexts: ReadonlySet<string>;
  readonly operators: readonly ((value: Scalar) => boolean)[];
  /** `exists: true` is among the list. */
  readonly exists: boolean;
  /** `exists: false` is among the list. */
  readonly absent: boolean;
}

interface PatternNode {
  readonly key: string;
  leaf?: Leaf;
  /** Index of `leaf` in the branch's leaves. */
  leafIndex: number;
  readonly children: PatternNode[];
  /** The leaves below (not at) this node are those from `from` up to `until`, without it. */
  from: number;
  until: number;
}

/** EventBridge's quota for a rule's pattern, in characters. */
export const maxPatternLength = 2048;
// EventBridge refuses more; the number is the product of the lengths of all $or lists.
const maxBranches = 1000;
// A pattern of 2,048 characters, the most that a rule takes, cannot be nested deeper than 340.
const deepestPattern = 500;

// event-ruler does not take `$or` for what it is when one of these is a field below it.
const reservedBelowOr: ReadonlySet<string> = new Set([
  ...['exactly', 'equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'exists', 'wildcard', 'numeric', 'cidr'],
  ...['=', '<', '<=', '>', '>=', 'regex', 'not-wildcard', 'not-equals-ignore-case', 'date-after', 'date-on-or-after'],
  ...['date-before', 'date-on-or-before', 'in-date-range', 'ip-address-in-range', 'ip-address-not-in-range'],
]);

/** Takes a pattern's text, or its value as `parseJson` makes it, so that its numbers are as they were written. */
export function parseEventPattern(pattern: JsonValue): ParsedPattern {
  let value = pattern;
  if (typeof pattern === 'string') {
    if (nestingDepth(pattern) > deepestPattern) return tooDeep;
    try {
      value = parseJson(pattern);
    } catch (error) {
      return { kind: 'invalid', path: '', reason: `is not JSON: ${(error as Error).message}` };
    }
  }
  if (!isJsonObject(value)) return { kind: 'invalid', path: '', reason: 'must be a JSON object' };
  try {
    const drafts = parseObject(value, { path: [], place: '', belowOr: false, depth: 0, counter: { combinations: 1 } }, [
      { label: [], leaves: new Map() },
    ]);
    return { kind: 'pattern', pattern: { pattern: value, branches: drafts.map(compileBranch) } };
  } catch (error) {
    if (error instanceof PatternFault) return { kind: 'invalid', path: error.place, reason: error.message };
    throw error;
  }
}

const tooDeep: ParsedPattern = {
  kind: 'invalid',
  path: '',
  reason: `is nested deeper than ${deepestPattern} levels`,
};

/** Leaves the recursion at the first fault; never leaves this file. */
class PatternFault extends Error {
  readonly place: string;

  constructor(place: string, reason: string) {
    super(reason);
    this.place = place;
  }
}

interface Draft {
  readonly label: readonly string[];
  readonly leaves: Map<string, Leaf>;
}

interface Place {
  /** Of the field, without `$or`. */
  readonly path: readonly string[];
  /** As it is written, with `$or[1]`. */
  readonly place: string;
  readonly belowOr: boolean;
  readonly depth: number;
  readonly counter: { combinations: number };
}

function parseObject(object: JsonObject, at: Place, drafts: Draft[]): Draft[] {
  const keys = Object.keys(object);
  if (at.depth > deepestPattern) throw new PatternFault('', tooDeep.kind === 'invalid' ? tooDeep.reason : '');
  if (keys.length === 0) throw new PatternFault(at.place, 'must not be empty');
  let current = drafts;
  for (const key of keys) {
    const value = object[key] as JsonValue;
    const place = at.place === '' ? key : `${at.place}.${key}`;
    if (key === '$or') {
      current = parseAlternatives(value, { ...at, place }, current);
      continue;
    }
    if (key.includes('.')) {
      throw new PatternFault(place, 'a dot in a field is a level for EventBridge: write {"a": {"b": […]}} for "a.b"');
    }
    if (at.belowOr && reservedBelowOr.has(key)) {
      throw new PatternFault(place, `${JSON.stringify(key)} cannot be a field below $or: it is a word of the language`);
    }
    const inner: Place = { ...at, path: [...at.path, key], place, depth: at.depth + 1 };
    if (Array.isArray(value)) addLeaf(parseLeaf(value, inner), place, current);
    else if (isJsonObject(value)) current = parseObject(value, inner, current);
    else throw new PatternFault(place, 'must be a list of values, or an object');
  }
  return current;
}

function parseAlternatives(value: JsonValue, at: Place, drafts: Draft[]): Draft[] {
  if (!Array.isArray(value) || value.length < 2) {
    throw new PatternFault(at.place, 'must be a list of at least two objects');
  }
  at.counter.combinations *= value.length;
  if (at.counter.combinations > maxBranches) {
    throw new PatternFault(at.place, `makes more than ${maxBranches} combinations of $or alternatives`);
  }
  return value.flatMap((alternative, index) => {
    const place = `${at.place}[${index}]`;
    if (!isJsonObject(alternative)) throw new PatternFault(place, 'must be an object');
    const forked = drafts.map(({ label, leaves }) => ({ label: [...label, place], leaves: new Map(leaves) }));
    return parseObject(alternative, { ...at, place, belowOr: true, depth: at.depth + 1 }, forked);
  });
}

function addLeaf(leaf: Leaf, place: string, drafts: readonly Draft[]): void {
  for (const { leaves } of drafts) {
    // event-ruler would let the later list replace the earlier one.
    if (leaves.has(leaf.name)) throw new PatternFault(place, 'the field has another condition outside of this $or');
    leaves.set(leaf.name, leaf);
  }
}

function parseLeaf(wanted: readonly JsonValue[], { path, place }: Place): Leaf {
  if (wanted.length === 0) throw new PatternFault(place, 'must not be empty');
  const exact = new Set<Scalar>();
  const exactTexts = new Set<string>();
  const operators: ((value: Scalar) => boolean)[] = [];
  let exists = false;
  let absent = false;
  for (const [index, entry] of wanted.entries()) {
    const parsed = parseValueTest(entry, `${place}[${index}]`);
    if (parsed.kind === 'invalid') throw new PatternFault(parsed.path, parsed.reason);
    const { test } = parsed;
    if (test.kind === 'exists') exists = true;
    else if (test.kind === 'absent') absent = true;
    else if (test.kind === 'operator') operators.push(test.test);
    else if (typeof test.value === 'object' && test.value !== null) exactTexts.add(test.value.rawJSON);
    else exact.add(test.value);
  }
  return { path, name: path.join('.'), place, wanted, exact, exactTexts, operators, exists, absent };
}

// Only an array can hold both, in two of its elements, which nobody means.
const valueAndFields = 'is to be a value in one place and to have fields in another, outside of this $or';

function compileBranch({ label, leaves }: Draft): Branch {
  const sorted = [...leaves.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  const root: PatternNode = newNode('');
  for (const [index, leaf] of sorted.entries()) {
    let node = root;
    for (const key of leaf.path) {
      node.from = Math.min(node.from, index);
      node.until = index + 1;
      let child = node.children.find((candidate) => candidate.key === key);
      if (child === undefined) {
        child = newNode(key);
        node.children.push(child);
      }
      node = child;
      if (node.leaf !== undefined) throw new PatternFault(node.leaf.name, valueAndFields);
    }
    if (node.children.length > 0) throw new PatternFault(leaf.name, valueAndFields);
    node.leaf = leaf;
    node.leafIndex = index;
  }
  return { label: label.join(' and '), leaves: sorted, root };
}

function newNode(key: string): PatternNode {
  return { key, leafIndex: -1, children: [], from: Number.POSITIVE_INFINITY, until: 0 };
}

/** `event` as `parseJson` made it. */
export function matches(pattern: CompiledPattern, event: JsonValue): boolean {
  return pattern.branches.some((branch) => matchesBranch(branch, event));
}

/** Whether an event matches one branch of a pattern. */
export function matchesBranch(branch: Branch, event: JsonValue): boolean {
  return isJsonObject(event) && matchesBelow(branch, branch.root, event, 0, -1);
}

/**
 * Whether all leaves below a node match, from the one with index `from` on; the one with index `present` must match by
 * a value, not by being absent.
 *
 * Where the event has an array, all of them must match within the same element. The one exception is event-ruler's: it
 * takes fields in the order of their names, and until a field of the array has matched by a value, `exists: false`
 * means that no element at all has the field.
 */
function matchesBelow(
  branch: Branch,
  node: PatternNode,
  value: JsonValue | undefined,
  from: number,
  present: number,
): boolean {
  if (Array.isArray(value)) return matchesInOneElement(branch, node, value, from, present);
  if (!isJsonObject(value)) return allMayBeAbsent(branch, node, from, present);
  for (const child of node.children) {
    const field = fieldOf(value, child.key);
    const { leaf, leafIndex } = child;
    if (leaf !== undefined && leafIndex >= from && !matchesLeaf(leaf, field, leafIndex === present)) return false;
    if (child.until > from && !matchesBelow(branch, child, field, from, present)) return false;
  }
  return true;
}

function matchesInOneElement(
  branch: Branch,
  node: PatternNode,
  array: readonly JsonValue[],
  from: number,
  present: number,
): boolean {
  const objects = objectsWithin(array);
  let next = Math.max(node.from, from);
  let byValue = next === present;
  for (; next < node.until && !byValue; next++) {
    const leaf = branch.leaves[next] as Leaf;
    if (!leaf.absent) break;
    const path = leaf.path.slice(depthOf(branch, node, next));
    if (objects.some((object) => hasValue(object, path))) {
      byValue = true;
      break;
    }
  }
  if (next >= node.until) return true;
  return objects.some((object) => matchesBelow(branch, node, object, next, byValue ? next : -1));
}

function allMayBeAbsent(branch: Branch, node: PatternNode, from: number, present: number): boolean {
  for (let index = Math.max(node.from, from); index < node.until; index++) {
    if (index === present || !branch.leaves[index]?.absent) return false;
  }
  return true;
}

/** How many steps of a leaf's path lead to a node above it. */
function depthOf(branch: Branch, node: PatternNode, leafIndex: number): number {
  const path = (branch.leaves[leafIndex] as Leaf).path;
  let current = branch.root;
  let depth = 0;
  while (current !== node) {
    current = current.children.find(({ key }) => key === path[depth]) as PatternNode;
    depth++;
  }
  return depth;
}

function matchesLeaf(leaf: Leaf, value: JsonValue | undefined, byValueOnly: boolean): boolean {
  if (value === undefined) return leaf.absent && !byValueOnly;
  if (isScalar(value)) return matchesValue(leaf, value);
  if (!Array.isArray(value)) return leaf.absent && !byValueOnly;
  const scalars = scalarsWithin(value);
  if (scalars.length === 0) return leaf.absent && !byValueOnly;
  return scalars.some((scalar) => matchesValue(leaf, scalar));
}

function matchesValue(leaf: Leaf, value: Scalar): boolean {
  if (leaf.exists) return true;
  const scalar = typeof value === 'object' ? plainest(value) : value;
  if (leaf.exact.has(scalar)) return true;
  if (leaf.exactTexts.size > 0 && typeof scalar === 'object' && scalar !== null) {
    if (leaf.exactTexts.has(scalar.rawJSON)) return true;
  }
  for (const test of leaf.operators) if (test(scalar)) return true;
  return false;
}

/** Whether an event has any value under a path: something other than an object or an empty list. */
function hasValue(value: JsonValue | undefined, path: readonly string[], step = 0): boolean {
  if (value === undefined) return false;
  const key = path[step];
  if (key === undefined) {
    return isScalar(value) || (Array.isArray(value) && scalarsWithin(value).length > 0);
  }
  if (Array.isArray(value)) return objectsWithin(value).some((object) => hasValue(object, path, step));
  return isJsonObject(value) && hasValue(fieldOf(value, key), path, step + 1);
}

/**
 * What an event's object has in a field. A dot in one of its keys is a level as well: event-ruler joins the keys on the way
 * to a value with dots, and compares only what comes of it (Event.java, GenericMachine.isFieldStepUsed).
 */
function fieldOf(object: JsonObject, key: string): JsonValue | undefined {
  const own = Object.hasOwn(object, key) ? object[key] : undefined;
  const names = Object.keys(object).filter((name) => name.startsWith(`${key}.`));
  if (names.length === 0) return own;
  const below = names.map((name) => [name.slice(key.length + 1), object[name] as JsonValue] as const);
  const dotted: JsonObject = Object.fromEntries(below);
  if (own === undefined) return dotted;
  const isApart = isJsonObject(own) && below.every(([name]) => !Object.hasOwn(own, name));
  return isApart ? { ...own, ...dotted } : [own, dotted];
}

/** The objects of an array and of the arrays in it. Without recursion: an event can be nested deeper than the stack. */
function objectsWithin(array: readonly JsonValue[]): readonly JsonObject[] {
  return elementsWithin(array).filter(isJsonObject);
}

function scalarsWithin(array: readonly JsonValue[]): readonly Scalar[] {
  return elementsWithin(array).filter(isScalar);
}

function elementsWithin(array: readonly JsonValue[]): readonly JsonValue[] {
  if (!array.some(Array.isArray)) return array;
  const elements: JsonValue[] = [];
  const pending: JsonValue[] = [array as JsonValue[]];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (!Array.isArray(value)) elements.push(value);
    else for (let index = value.length - 1; index >= 0; index--) pending.push(value[index] as JsonValue);
  }
  return elements;
}

/** A bus takes few rules that use `wildcard`, so that not everybody may. */
export function usesWildcard(pattern: CompiledPattern): boolean {
  return wildcardPlace(pattern) !== undefined;
}

/** Where the first `wildcard` stands: `$or[0].s[0].anything-but.wildcard`. A field of that name is none. */
export function wildcardPlace({ branches }: CompiledPattern): string | undefined {
  for (const { leaves } of branches) {
    for (const { place, wanted } of leaves) {
      for (const [index, entry] of wanted.entries()) {
        if (!isJsonObject(entry)) continue;
        if ('wildcard' in entry) return `${place}[${index}].wildcard`;
        const negated = entry['anything-but'];
        if (isJsonObject(negated) && 'wildcard' in negated) return `${place}[${index}].anything-but.wildcard`;
      }
    }
  }
  return undefined;
}

export interface Mismatch {
  /** The field: `detail.data.x`. */
  readonly path: string;
  readonly reason: string;
  /** What the pattern has there, as JSON text, cut short; absent where no single field is to blame. */
  readonly wanted?: string;
  /** What the event has there, likewise; absent: nothing. */
  readonly found?: string;
  /** Which alternative asks for it, where the pattern has `$or`: `$or[1]`. */
  readonly alternative?: string;
}

// What a person reads; a pattern can have a thousand alternatives.
const maxMismatches = 100;

/** Why an event does not match; empty where it does. With `$or`, every alternative has its reasons. */
export function explain(pattern: CompiledPattern, event: JsonValue): Mismatch[] {
  if (matches(pattern, event)) return [];
  if (!isJsonObject(event)) return [{ path: '', reason: 'the event is not an object' }];
  const mismatches: Mismatch[] = [];
  for (const branch of pattern.branches) {
    for (const mismatch of explainBranch(branch, event)) {
      if (mismatches.length >= maxMismatches) return mismatches;
      mismatches.push(branch.label === '' ? mismatch : { ...mismatch, alternative: branch.label });
    }
  }
  return mismatches;
}

function explainBranch(branch: Branch, event: JsonObject): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const leaf of branch.leaves) {
    const values = valuesAt(event, leaf.path);
    const wanted = excerpt(JSON.stringify(leaf.wanted));
    if (values.length === 0) {
      if (!leaf.absent) mismatches.push({ path: leaf.name, reason: `is missing; wanted: ${wanted}`, wanted });
    } else if (!values.some((value) => matchesValue(leaf, value))) {
      const found = excerpt(values.length === 1 ? JSON.stringify(values[0]) : `one of ${JSON.stringify(values)}`);
      mismatches.push({ path: leaf.name, reason: `is ${found}; wanted: ${wanted}`, wanted, found });
    }
  }
  if (mismatches.length > 0) return mismatches;
  // Each field matches by itself, so what is missing is one element of an array that has them all.
  const names = branch.leaves.map(({ name }) => name).join(', ');
  return [{ path: commonPath(branch.leaves), reason: `no single element of the array matches in all of ${names}` }];
}

/** The values that an event has in a field, in all elements of the arrays on the way. */
export function valuesAt(event: JsonValue, path: readonly string[]): readonly Scalar[] {
  let value = event;
  for (const [step, key] of path.entries()) {
    if (Array.isArray(value)) {
      const rest = path.slice(step);
      return objectsWithin(value).flatMap((object) => valuesAt(object, rest));
    }
    const field = isJsonObject(value) ? fieldOf(value, key) : undefined;
    if (field === undefined) return [];
    value = field;
  }
  if (Array.isArray(value)) return scalarsWithin(value);
  return isScalar(value) ? [value] : [];
}

function commonPath(leaves: readonly Leaf[]): string {
  const [first, ...others] = leaves.map(({ path }) => path);
  if (first === undefined) return '';
  const length = first.findIndex((key, index) => others.some((path) => path[index] !== key));
  return (length < 0 ? first : first.slice(0, length)).join('.');
}

function excerpt(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}
