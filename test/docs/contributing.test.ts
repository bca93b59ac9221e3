import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('CONTRIBUTING.md', root), 'utf8');
const paths = [...text.matchAll(/`((?:lambdas|infra|cli|local|lab|test|docs)\/[\w./-]*)`/g)].map(
  ([, path = '']) => path,
);

it.each([...new Set(paths)])('CONTRIBUTING.md names %s, which is there', (path) => {
  expect(existsSync(new URL(path, root))).toBe(true);
});

it('has a recipe for each of what people add most', () => {
  const recipes = [...text.matchAll(/^\*\*(.+)\*\*$/gm)].map(([, title]) => title);
  expect(recipes).toEqual(['An event type', 'A setting of a subscription', 'An operation of the API', 'An alarm']);
});
