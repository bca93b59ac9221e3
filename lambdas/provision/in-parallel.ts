/** Lambda's control plane takes 15 calls a second in all; more routes at once would only wait for each other. */
const parallelRoutes = 5;

/** Works on several items at once, and on all of them even if one fails; throws the first failure at the end. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    for (let index = next++; index < items.length; index = next++) {
      try {
        results[index] = await work(items[index] as Item);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallelRoutes, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
