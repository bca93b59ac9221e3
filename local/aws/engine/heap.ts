/** A priority queue: the least key first, and among equal keys the one that came first. */
export class Heap<T> {
  #entries: { readonly key: number; readonly order: number; readonly value: T }[] = [];
  #pushed = 0;

  get size(): number {
    return this.#entries.length;
  }

  /** The least key, or undefined where the heap is empty. */
  get leastKey(): number | undefined {
    return this.#entries[0]?.key;
  }

  peek(): T | undefined {
    return this.#entries[0]?.value;
  }

  push(key: number, value: T): void {
    const entry = { key, order: this.#pushed++, value };
    const entries = this.#entries;
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = entries[parentIndex] as (typeof entries)[number];
      if (parent.key < key || (parent.key === key && parent.order < entry.order)) break;
      entries[index] = parent;
      index = parentIndex;
    }
    entries[index] = entry;
  }

  pop(): T | undefined {
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#entries.length > 0) this.#sink(last, 0);
    return first.value;
  }

  /** Drops all values for which `isKept` says no. */
  retain(isKept: (value: T) => boolean): void {
    const kept = this.#entries.filter(({ value }) => isKept(value));
    // A sorted array is a heap.
    this.#entries = kept.sort((one, other) => one.key - other.key || one.order - other.order);
  }

  clear(): void {
    this.#entries = [];
  }

  #sink(entry: { readonly key: number; readonly order: number; readonly value: T }, from: number): void {
    const entries = this.#entries;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = entries[childIndex];
      if (child === undefined) break;
      const right = entries[childIndex + 1];
      if (right !== undefined && (right.key < child.key || (right.key === child.key && right.order < child.order))) {
        child = right;
        childIndex++;
      }
      if (entry.key < child.key || (entry.key === child.key && entry.order < child.order)) break;
      entries[index] = child;
      index = childIndex;
    }
    entries[index] = entry;
  }
}
