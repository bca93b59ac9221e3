import { describe, expect, it } from 'vitest';
import {
  batchTraceHeader,
  countInvocation,
  createTraceSampler,
  nextTraceHeader,
} from '../../../../local/aws/engine/trace-header.ts';

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

describe('a chain of requests', () => {
  /** As the SDK hands it on: the header that the function was invoked with. */
  const chainOf = (functions: readonly string[]): { readonly header: string; readonly before: number } =>
    functions.reduce<{ header: string; before: number }>(
      ({ header }, arn) => countInvocation(nextTraceHeader(header, 0), arn),
      { header: `Root=${root};Sampled=0`, before: 0 },
    );

  it('counts how often it came to each function, and not what other functions did', () => {
    expect(chainOf(['a']).before).toBe(0);
    expect(chainOf(['a', 'a', 'a']).before).toBe(2);
    expect(chainOf(['a', 'b', 'a', 'b', 'c']).before).toBe(0);
    expect(chainOf(['a', 'b', 'a', 'b', 'a']).before).toBe(2);
  });

  it('is one trace, and begins anew where nobody hands it on', () => {
    expect(chainOf(['a', 'b', 'a']).header).toMatch(
      /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1\|[0-9a-f]{8}:0$/,
    );
    expect(countInvocation(undefined, 'a')).toEqual({
      header: expect.stringMatching(/^Lineage=[0-9a-f]{8}:0$/),
      before: 0,
    });
  });

  it('goes on through a batch from its longest, in a trace of its own', () => {
    const header = batchTraceHeader([undefined, chainOf(['a', 'b']).header, chainOf(['a', 'a', 'a']).header, 'x']);
    expect(header).not.toContain('Root');
    expect(countInvocation(header, 'a').before).toBe(3);
    expect(countInvocation(header, 'b').before).toBe(1);
    expect(batchTraceHeader([undefined, `Root=${root}`])).toBeUndefined();
  });
});
