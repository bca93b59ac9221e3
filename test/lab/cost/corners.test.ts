import { expect, it } from 'vitest';
import { playCorners } from '../../../lab/cost/local-run/corners.ts';
import { readUnits } from '../../../lab/cost/units.ts';

/** Bytes of lines and heads vary with the digits in them; units and requests do not. */
const bytesTolerance = 0.03;

it('the calculator comes to what the local run counts: alone and in full batches, small and large, at a fan-out of 1 and 10, with answers, failures and timers', async () => {
  const corners = await playCorners(readUnits());
  const wrong = corners.flatMap(({ what, rows }) =>
    rows
      .filter(({ what: row, counted, computed }) => {
        const tolerance = row.endsWith('bytes') ? bytesTolerance * counted : 0.001;
        return Math.abs(computed - counted) > tolerance;
      })
      .map(({ what: row, counted, computed }) => `${what}; ${row}: counted ${counted}, computed ${computed}`),
  );
  expect(corners).toHaveLength(5);
  expect(wrong).toEqual([]);
});
