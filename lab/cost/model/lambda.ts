import type { Quantities } from '../usage.ts';

/** So many invocations that last so long each. */
export function invocations(count: number, milliseconds: number, memoryMegabytes: number): Quantities {
  return { lambdaRequest: count, lambdaGigabyteSecond: (count * milliseconds * memoryMegabytes) / 1000 / 1024 };
}
