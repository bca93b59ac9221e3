import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { retryDelaysSeconds } from '../../lambdas/domain/deliveries/retry-schedule.ts';

const text = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8');

it('docs/delivery.md has the delays between attempts as they are', () => {
  const [, listed = ''] = /at once, then after ([^:]+), and six times 10 h: 16 attempts/.exec(text) ?? [];
  const unitSeconds: Record<string, number> = { s: 1, min: 60, h: 3600 };
  const delays = [...listed.matchAll(/(\d+) (s|min|h)\b/g)].map(
    ([, count, unit = '']) => Number(count) * (unitSeconds[unit] ?? Number.NaN),
  );
  expect([...delays, ...new Array<number>(6).fill(10 * 3600)]).toEqual(retryDelaysSeconds);
});
