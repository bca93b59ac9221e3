import type { DeployedStack } from './deployed-stack.ts';
import { createLambdaParts } from './lambda-parts.ts';
import { readQueueAges } from './queue-ages.ts';

/** What AWS says of one subscriber's route, beside what the API knows. */
export interface RouteParts {
  /** `Enabled`, `Disabled`, …, or `missing`. */
  readonly mapping: string;
  readonly problem?: string;
  /** What is set aside for its function; 0 lets nothing run. */
  readonly reservedConcurrency?: number;
  /** How old the oldest event in its queue is, where CloudWatch knows. */
  readonly oldestSeconds?: number;
}

/** By subscription, for those that are named; the concurrency of those that are `stuck` alone, since it is a call for each. */
export async function readRouteParts(
  stack: DeployedStack,
  {
    ids,
    waiting,
    stuck,
  }: { readonly ids: readonly string[]; readonly waiting: readonly string[]; readonly stuck: readonly string[] },
): Promise<ReadonlyMap<string, RouteParts>> {
  const nameOf = (id: string) => `${stack.routePrefix}-${id}`;
  const lambda = createLambdaParts(stack);
  const [mappings, ages] = await Promise.all([lambda.mappings(), readQueueAges(stack, waiting.map(nameOf))]);
  const byFunction = new Map(mappings.map((mapping) => [mapping.functionName, mapping]));
  const parts = new Map<string, RouteParts>();
  for (const id of ids) {
    const mapping = byFunction.get(nameOf(id));
    const oldestSeconds = ages.get(nameOf(id));
    const isStuck = stuck.includes(id) && mapping !== undefined;
    const reservedConcurrency = isStuck ? await lambda.reservedConcurrency(nameOf(id)) : undefined;
    parts.set(id, {
      mapping: mapping?.state ?? 'missing',
      ...(mapping?.problem === undefined ? {} : { problem: mapping.problem }),
      ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
      ...(oldestSeconds === undefined ? {} : { oldestSeconds }),
    });
  }
  return parts;
}
