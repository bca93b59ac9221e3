import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { productFaults } from '../../../lab/simulator/fault-list.ts';
import { findFault } from '../../../lab/simulator/find-fault.ts';

describe('a fault that is introduced into the product', () => {
  it.each(productFaults)('$name: its line is still there', ({ file, line }) => {
    expect(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split(line)).toHaveLength(2);
  });

  // All of them, and within how many seeds: npm run simulate:faults.
  const quickFaults = ['mark before publish', 'forget to re-arm', 'ignore Retry-After'];
  const quick = productFaults.filter(({ name }) => quickFaults.includes(name));
  it.each(quick)('$name: an invariant says so', (fault) => {
    expect(findFault(fault, 20).invariant).toMatch(/reference model|as long as it asks|Retry-After/);
  });
});
