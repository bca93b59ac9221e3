import { quantile } from './distribution.ts';

/** One of the two things that are compared. */
export interface Arm {
  readonly name: string;
  /** Does its work once and says how many units that was. */
  run(): Promise<number>;
}

/** What one unit of work cost. */
export interface UnitCost {
  /** Processor time of this process, all its threads: the garbage collector and the compiler work for the arm as well. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

export interface PairedComparison {
  readonly pairs: readonly { readonly first: UnitCost; readonly second: UnitCost }[];
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What each of the arms cost in each round. */
export type Rounds<Name extends string> = readonly Readonly<Record<Name, UnitCost>>[];

/**
 * Runs arms in turn in this process, A B C C B A A B C …, so that whatever else the machine does falls on both. No garbage
 * is collected between them: a full collection also throws compiled code away whose shapes of objects have no instance
 * just then, and what was measured after one was, for the most part, compiling again.
 */
export async function takeTurns<Name extends string>(
  arms: Readonly<Record<Name, Arm>>,
  { rounds, warmUps }: { readonly rounds: number; readonly warmUps: number },
): Promise<Rounds<Name>> {
  const inOrder = Object.entries(arms) as [Name, Arm][];
  for (let round = 0; round < warmUps; round++) for (const [, arm] of inOrder) await arm.run();
  const costs: Record<Name, UnitCost>[] = [];
  for (let round = 0; round < rounds; round++) {
    const taken: [Name, UnitCost][] = [];
    for (const [name, arm] of round % 2 === 0 ? inOrder : inOrder.toReversed()) taken.push([name, await costOf(arm)]);
    costs.push(Object.fromEntries(taken) as Record<Name, UnitCost>);
  }
  return costs;
}

export async function costOf(arm: Arm): Promise<UnitCost> {
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  const units = await arm.run();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { cpuMs: (user + system) / 1000 / units, wallMs: (performance.now() - wallBefore) / units };
}

/** How many times as much the first arm takes: of each pair by itself, then the median and the middle half. */
export function ratioOf(
  { pairs }: PairedComparison,
  measure: (cost: UnitCost) => number = ({ cpuMs }) => cpuMs,
): Spread {
  return spreadOf(pairs.map(({ first, second }) => measure(first) / measure(second)));
}

/** The median and the middle half of the values. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/** Two arms in turn. */
export async function comparePairs(
  first: Arm,
  second: Arm,
  { pairs, warmUps }: { readonly pairs: number; readonly warmUps: number },
): Promise<PairedComparison> {
  return { pairs: await takeTurns({ first, second }, { rounds: pairs, warmUps }) };
}
