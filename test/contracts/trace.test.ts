import { expect, test } from 'vitest';
import { traceIdOf } from '../../lambdas/contracts/trace.ts';

const id = '1-5759e988-bd862e3fe1be46a994272793';

test.each([
  ['the root alone', `Root=${id}`],
  ['with parent and decision', `Root=${id};Parent=53995c3f42cd8ad8;Sampled=1`],
  ['behind a load balancer', `Self=1-67891234-12456789abcdef012345678;Root=${id};Sampled=0`],
  ['with spaces', `Sampled=?; Root=${id}`],
])('finds the id of a trace in the header: %s', (_, header) => {
  expect(traceIdOf(header)).toBe(id);
});

test.each([
  [undefined],
  [''],
  ['Root='],
  ['Root=1-5759e988'],
  [`root=${id}`],
  [`NoRoot=${id}`],
  [`Root=${id}00`],
  [id],
])('takes %j for no trace', (header) => {
  expect(traceIdOf(header)).toBeUndefined();
});
