import { describe, expect, it } from 'vitest';
import { createTraceSampler, nextTraceHeader } from '../../../../local/aws/engine/trace-header.ts';

const root = '1-5759e988-bd862e3fe1be46a994272793';

describe('a trace', () => {
  it('is kept where it is the first of its second, or every twentieth of the others', () => {
    let now = 1_000;
    const keeps = createTraceSampler(() => now);
    const kept = Array.from({ length: 41 }, () => keeps()).map((isKept, index) => (isKept ? index : -1));
    expect(kept.filter((index) => index >= 0)).toEqual([0, 20, 40]);
    now = 2_000;
    expect(keeps()).toBe(true);
  });

  it('is not decided on twice', () => {
    const never = (): boolean => {
      throw new Error('asked');
    };
    expect(nextTraceHeader(`Root=${root};Sampled=0`, 0, never)).toMatch(/;Sampled=0$/);
    expect(nextTraceHeader(`Root=${root};Sampled=1`, 0, never)).toMatch(/;Sampled=1$/);
  });

  it('stays undecided where who hands it on does not decide', () => {
    expect(nextTraceHeader(`Root=${root}`, 0)).toMatch(
      /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16}$/,
    );
    expect(nextTraceHeader(undefined, 1_700_000_000_000)).toMatch(/^Root=1-6553f100-[0-9a-f]{24};Parent=[0-9a-f]{16}$/);
  });
});
