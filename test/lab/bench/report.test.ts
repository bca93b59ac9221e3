import { describe, expect, it } from 'vitest';
import { quantile } from '../../../lab/bench/distribution.ts';
import { comparePairs, ratioOf, spreadOf } from '../../../lab/bench/paired-comparison.ts';
import { printSection, resultsMarkdown } from '../../../lab/bench/report.ts';
import type { SectionReport } from '../../../lab/bench/section.ts';
import { drawChart, ticksUpTo } from '../../../lab/bench/svg-chart.ts';

const report: SectionReport = {
  title: 'Delivery',
  method: 'Posts.',
  tables: [{ head: ['client', 'µs'], rows: [['deliver', '72']] }],
  charts: [
    { kind: 'bars', name: 'delivery', title: 'A & B', unit: 'µs', limit: 1.3, bars: [{ label: '<a>', value: 1.2 }] },
  ],
  targets: [
    { what: 'CPU', limit: 'at most 1.30', found: '1.20', isMet: true },
    { what: 'lost', limit: 'at most 0', found: '3', isMet: false },
  ],
};

describe('the report of a run', () => {
  it('shows every target, table and chart, and keeps what was written by hand', () => {
    const text = resultsMarkdown({
      startedAt: new Date(Date.UTC(2026, 10, 22, 12)),
      machine: { processor: 'a chip, 2 cores' },
      isBusy: true,
      command: 'npm run bench',
      sections: [
        { name: 'delivery', report, seconds: 1 },
        { name: 'bus', report: { failed: 'ended with code 1\nstack' }, seconds: 1 },
      ],
      findings: '## What was found\n\nBy hand.\n',
    });
    expect(text).toContain('2026-11-22 12:00 UTC');
    expect(text).toContain('- processor: a chip, 2 cores');
    expect(text).toContain('doing other work');
    expect(text).toContain('| CPU | at most 1.30 | 1.20 | met |');
    expect(text).toContain('| lost | at most 0 | 3 | **not met** |');
    expect(text).toContain('| deliver | 72 |');
    expect(text).toContain('![A & B](charts/delivery.svg)');
    expect(text).toContain('This section failed: ended with code 1');
    expect(text).toContain('By hand.');
  });

  it('says on the terminal which targets are not met, and why a section failed', () => {
    expect(printSection({ name: 'delivery', report, seconds: 2 })).toContain('NOT MET  lost: 3 (at most 0)');
    expect(printSection({ name: 'bus', report: { failed: 'no port' }, seconds: 2 })).toContain('no port');
  });
});

describe('charts', () => {
  it('escape what they are told to write', () => {
    const drawn = drawChart(report.charts[0] as never);
    expect(drawn).toContain('&#60;a&#62;');
    expect(drawn).toContain('A &#38; B');
    expect(drawn).not.toContain('NaN');
  });

  it('draw lines over sizes that grow tenfold', () => {
    const drawn = drawChart({
      kind: 'lines',
      name: 'timers',
      title: 'Timers',
      unit: 'times',
      xLabel: 'armed',
      logarithmicX: true,
      lines: [
        {
          label: 'a sweep',
          points: [
            [10_000, 1],
            [100_000, 1.1],
            [1_000_000, 1.2],
          ],
        },
      ],
    });
    expect(drawn).toContain('1,000,000');
    expect(drawn).not.toContain('NaN');
  });

  it.each([
    [1.3, [0, 0.5, 1, 1.5]],
    [459, [0, 100, 200, 300, 400, 500]],
    [0, [0, 1]],
    [1000, [0, 200, 400, 600, 800, 1000]],
  ])('have round figures up to %d', (most, ticks) => {
    expect(ticksUpTo(most)).toEqual(ticks);
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
