import fc from 'fast-check';
import { expect, it } from 'vitest';
import { event, pattern } from '../../../lab/fuzz/patterns.ts';
import { referenceMatches } from '../../../lab/fuzz/reference-matcher.ts';
import { targets } from '../../../lab/fuzz/targets.ts';
import { parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';

// `npm run fuzz` puts a million inputs into each.
it.each(Object.keys(targets))('%s hold for a few hundred inputs', async (name) => {
  const property = await targets[name]?.property();
  if (property === undefined) throw new Error(`no target ${name}`);
  const details = await fc.check(property, { numRuns: 400, seed: 20261122 });
  if (details.failed) throw details.errorInstance;
  expect(details.numRuns).toBe(400);
});

it('draws patterns that are mostly valid, and events of which some match', () => {
  const drawn = fc.sample(fc.tuple(pattern, event), { numRuns: 2000, seed: 1 });
  const valid = drawn.filter(([value]) => parseEventPattern(value).kind === 'pattern');
  expect(valid.length).toBeGreaterThan(800);
  expect(valid.filter(([value, given]) => referenceMatches(value, given)).length).toBeGreaterThan(80);
});

it('the second matcher tells a match from none', () => {
  const wanted: JsonObject = { a: { b: [{ prefix: 'x' }], c: [{ exists: false }] } };
  expect(referenceMatches(wanted, { a: [{ b: 'xy' }, { d: 1 }] })).toBe(true);
  expect(referenceMatches(wanted, { a: [{ b: 'xy', c: 1 }] })).toBe(false);
  expect(referenceMatches(wanted, { a: [{ b: 'y' }] })).toBe(false);
});
