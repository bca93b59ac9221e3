import { describe, expect, it } from 'vitest';
import { quantile } from '../../../lab/bench/distribution.ts';
import { comparePairs, ratioOf, spreadOf } from '../../../lab/bench/paired-comparison.ts';
import { printSection, resultsMarkdown } from '../../../lab/bench/report.ts';
import type { SectionReport } from '../../../lab/bench/section.ts';

const report: SectionReport = {
  title: 'Delivery',
  method: 'Posts.',
  tables: [{ head: ['client', 'µs'], rows: [['deliver', '72']] }],
  targets: [
    { what: 'CPU', limit: 'at most 1.30', found: '1.20', isMet: true },
    { what: 'lost', limit: 'at most 0', found: '3', isMet: false },
  ],
};

describe('the report of a run', () => {
  it('shows every target and table, and keeps what was written by hand', () => {
    const text = resultsMarkdown({
      startedAt: new Date(Date.UTC(2026, 10, 22, 12)),
      machine: { processor: 'a chip, 2 cores' },
      isBusy: true,
      command: 'npm run bench',
      sections: [
        { name: 'delivery', report, seconds: 1 },
        { name: 'timers', report: { failed: 'ended with code 1\nstack' }, seconds: 1 },
      ],
      findings: '## What was found\n\nBy hand.\n',
    });
    expect(text).toContain('2026-11-22 12:00 UTC');
    expect(text).toContain('- processor: a chip, 2 cores');
    expect(text).toContain('doing other work');
    expect(text).toContain('| CPU | at most 1.30 | 1.20 | met |');
    expect(text).toContain('| lost | at most 0 | 3 | **not met** |');
    expect(text).toContain('| deliver | 72 |');
    expect(text).toContain('This section failed: ended with code 1');
    expect(text).toContain('By hand.');
  });

  it('says on the terminal which targets are not met, and why a section failed', () => {
    expect(printSection({ name: 'delivery', report, seconds: 2 })).toContain('NOT MET  lost: 3 (at most 0)');
    expect(printSection({ name: 'timers', report: { failed: 'no port' }, seconds: 2 })).toContain('no port');
  });
});

describe('a paired comparison', () => {
  it('takes both sides as often, in turn, beginning with each as often', async () => {
    const order: string[] = [];
    const arm = (name: string) => ({
      name,
      async run() {
        order.push(name);
        return 1;
      },
    });
    const { pairs } = await comparePairs(arm('a'), arm('b'), { pairs: 4, warmUps: 1 });
    expect(pairs).toHaveLength(4);
    expect(order.join('')).toBe(`ab${'abba'.repeat(2)}`);
  });

  it('takes the ratio of each pair by itself', () => {
    const cost = (cpuMs: number) => ({ cpuMs, wallMs: 1 });
    const pairs = [
      { first: cost(2), second: cost(1) },
      { first: cost(30), second: cost(10) },
      { first: cost(4), second: cost(4) },
    ];
    expect(ratioOf({ pairs })).toEqual({ median: 2, low: 1, high: 3 });
  });

  it('gives the middle half beside the median', () => {
    expect(spreadOf([5, 1, 2, 4, 3, 8, 6, 7])).toEqual({ median: 4, low: 2, high: 6 });
    expect(quantile([1], 0.95)).toBe(1);
  });
});
