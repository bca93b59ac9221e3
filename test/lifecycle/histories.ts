import fc from 'fast-check';
import type { Step } from './lifecycle-run.ts';

export interface History {
  readonly seed: number;
  readonly quietSeconds: number;
  readonly steps: readonly Step[];
}

const conversation = fc.integer({ min: 1, max: 3 });
const quietSeconds = fc.constantFrom(5, 20, 60, 120, 600);

const undisturbed: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('activity'),
      conversation,
      agoSeconds: fc.oneof(fc.constant(0), fc.integer({ min: -30, max: 60 }), fc.integer({ min: 0, max: 1500 })),
      closes: fc.constant(false),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('activity'),
      conversation,
      agoSeconds: fc.integer({ min: -5, max: 60 }),
      closes: fc.constant(true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('repeat'), index: fc.nat(20) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      seconds: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 700 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('set-quiet-period'), seconds: quietSeconds }) },
];

const disturbances: fc.WeightedArbitrary<Step>[] = [
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash'), afterCalls: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('step-clock'), seconds: fc.integer({ min: -20, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('miss-sweeps'), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fail-publish' } as const) },
];

function histories(kinds: fc.WeightedArbitrary<Step>[]): fc.Arbitrary<History> {
  return fc.record({
    seed: fc.integer(),
    quietSeconds,
    steps: fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 25 }),
  });
}

/** Duplicates, disorder, late and future times, changed settings, batches and functions that run at once. */
export const undisturbedHistories = histories(undisturbed);
/** The same, with crashes at any call, failing publishes, clock steps and missed sweeps. */
export const disturbedHistories = histories([...undisturbed, ...disturbances]);
