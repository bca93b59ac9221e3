/** Works on all items, `parallelism` at a time, in their order. */
export async function inParallel<Item>(
  items: readonly Item[],
  parallelism: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(parallelism, items.length) }, worker));
}
