import type { TimeRange } from '../aws/metrics/metric-store.ts';
import { stepsOf } from '../aws/metrics/time-series.ts';
import { axisTicks, figureText } from './figures.ts';
import { escapeHtml } from './html.ts';
import type { GraphLine, GraphPanel } from './panels.ts';

/** Colours of lines; the page's style sheet has them for light and for dark. */
const lineColours = 10;

/** The style class of each line: a subject keeps its colour from graph to graph, and its second line is dashed. */
export function lineClasses(lines: readonly GraphLine[], subjects: readonly string[]): string[] {
  const drawn = new Map<string, number>();
  const isAboutOne = new Set(lines.map(({ subject }) => subject)).size === 1;
  return lines.map(({ subject }, index) => {
    if (subject === undefined || isAboutOne) return `c${index % lineColours}`;
    const before = drawn.get(subject) ?? 0;
    drawn.set(subject, before + 1);
    return `c${Math.max(0, subjects.indexOf(subject)) % lineColours}${before === 0 ? '' : ` d${Math.min(before, 3)}`}`;
  });
}

const pixelsPerColumn = 62;
const pixelsPerLabel = 72;
const height = 148;
const margin = { top: 12, right: 10, bottom: 18, left: 50 };
// A threshold further away than this would press the curve to the floor; an arrow says where it is.
const farThreshold = 2.5;

interface Frame {
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  readonly width: number;
  readonly bottom: number;
  readonly range: TimeRange;
}

/** A graph as inline SVG. */
export function chartSvg(panel: GraphPanel, range: TimeRange, classes: readonly string[]): string {
  const { lines, unit, thresholds, stacked } = panel;
  const width = panel.width * pixelsPerColumn;
  const near = thresholds.filter(({ value }) => value <= farThreshold * Math.max(highest(lines, stacked), 1e-12));
  const ticks = axisTicks(Math.max(highest(lines, stacked), ...near.map(({ value }) => value)), unit);
  const top = ticks.at(-1) ?? 1;
  const bottom = height - margin.bottom;
  const inner = { width: width - margin.left - margin.right, height: bottom - margin.top };
  const frame: Frame = {
    x: (at) => margin.left + ((at - range.start) / (range.end - range.start)) * inner.width,
    y: (value) => bottom - (top === 0 ? 0 : value / top) * inner.height,
    width,
    bottom,
    range,
  };
  const grid = ticks.map((tick) => {
    const y = frame.y(tick).toFixed(1);
    return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}"/><text class="tick" x="${margin.left - 6}" y="${y}" dy="0.32em" text-anchor="end">${escapeHtml(figureText(tick, unit))}</text>`;
  });
  const drawn = stacked
    ? columns(lines, frame, classes)
    : lines.map((line, index) => curve(line, classes[index] ?? '', frame, lines.length === 1)).join('');
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(panel.title)}">${grid.join('')}${timeAxis(frame)}${drawn}${thresholdLines(panel, frame, near)}${tooltips(panel, frame)}</svg>`;
}

function highest(lines: readonly GraphLine[], stacked: boolean): number {
  if (!stacked) return Math.max(0, ...lines.flatMap(({ points }) => [...points.values()]));
  const sums = new Map<number, number>();
  for (const { points } of lines) for (const [at, value] of points) sums.set(at, (sums.get(at) ?? 0) + value);
  return Math.max(0, ...sums.values());
}

/** A step without a figure is a gap; a figure between gaps is a dot. */
function curve(
  { points, periodMs }: GraphLine,
  colour: string,
  { x, y, bottom, range }: Frame,
  filled: boolean,
): string {
  const stretches: [number, number][][] = [];
  let last: number | undefined;
  for (const [at, value] of points) {
    if (last === undefined || at - last > periodMs * 1.5) stretches.push([]);
    stretches.at(-1)?.push([x(Math.min(Math.max(at + periodMs / 2, range.start), range.end)), y(value)]);
    last = at;
  }
  return stretches
    .map((stretch) => {
      const [first] = stretch;
      if (first === undefined) return '';
      if (stretch.length === 1)
        return `<circle class="dot ${colour}" cx="${first[0].toFixed(1)}" cy="${first[1].toFixed(1)}" r="2.6"/>`;
      const path = stretch.map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join('');
      const end = stretch.at(-1)?.[0] ?? 0;
      const area = filled
        ? `<path class="area ${colour}" d="${path}L${end.toFixed(1)} ${bottom}L${first[0].toFixed(1)} ${bottom}Z"/>`
        : '';
      return `${area}<path class="line ${colour}" d="${path}"/>`;
    })
    .join('');
}

function columns(lines: readonly GraphLine[], { x, y, range }: Frame, classes: readonly string[]): string {
  const floor = new Map<number, number>();
  return lines
    .map(({ points, periodMs }, index) =>
      [...points]
        .map(([at, value]) => {
          const from = floor.get(at) ?? 0;
          floor.set(at, from + value);
          const [left, right] = [x(Math.max(at, range.start)) + 1, x(Math.min(at + periodMs, range.end)) - 1];
          const upper = y(from + value);
          return `<rect class="bar ${classes[index]}" x="${left.toFixed(1)}" width="${Math.max(1, right - left).toFixed(1)}" y="${upper.toFixed(1)}" height="${Math.max(0, y(from) - upper).toFixed(1)}"/>`;
        })
        .join(''),
    )
    .join('');
}

function thresholdLines(
  { thresholds, unit }: GraphPanel,
  { y, width }: Frame,
  near: readonly { readonly value: number }[],
): string {
  return thresholds
    .map((threshold) => {
      const text = escapeHtml(`${threshold.label} ${figureText(threshold.value, unit)}`);
      const right = width - margin.right;
      if (!near.includes(threshold)) {
        return `<text class="threshold" x="${right}" y="${margin.top - 3}" text-anchor="end">${text} ↑</text>`;
      }
      const at = y(threshold.value).toFixed(1);
      return `<line class="threshold" x1="${margin.left}" x2="${right}" y1="${at}" y2="${at}"/><text class="threshold" x="${right}" y="${at}" dy="-3" text-anchor="end">${text}</text>`;
    })
    .join('');
}

function timeAxis({ x, bottom, range, width }: Frame): string {
  const spanSeconds = (range.end - range.start) / 1000;
  const maxLabels = (width - margin.left - margin.right) / pixelsPerLabel;
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const step = (steps.find((candidate) => spanSeconds / candidate <= maxLabels) ?? 7200) * 1000;
  const labels: string[] = [];
  for (let at = Math.ceil(range.start / step) * step; at < range.end; at += step) {
    const text = new Date(at).toISOString().slice(11, step < 60_000 ? 19 : 16);
    const px = x(at).toFixed(1);
    // One that would be cut off at the edge is left out.
    if (x(at) - margin.left < 18 || x(at) > width - 28) continue;
    labels.push(
      `<line class="tickmark" x1="${px}" x2="${px}" y1="${bottom}" y2="${bottom + 3}"/><text class="tick" x="${px}" y="${bottom + 14}" text-anchor="middle">${text}</text>`,
    );
  }
  return labels.join('');
}

/** What all lines say at a step, under the pointer. */
function tooltips({ lines, unit }: GraphPanel, { x, bottom, range }: Frame): string {
  const periodMs = lines[0]?.periodMs;
  if (periodMs === undefined) return '';
  return stepsOf(range, periodMs)
    .map((step) => {
      const said = lines
        .flatMap(({ label, points }) => {
          const value = points.get(step);
          return value === undefined ? [] : [{ label, value }];
        })
        .sort((one, other) => other.value - one.value)
        .map(({ label, value }) => `${label}: ${figureText(value, unit)}`);
      if (said.length === 0) return '';
      const [left, right] = [x(Math.max(step, range.start)), x(Math.min(step + periodMs, range.end))];
      const title = escapeHtml([new Date(step).toISOString().slice(11, 19), ...said].join('\n'));
      return `<rect class="under" x="${left.toFixed(1)}" y="${margin.top}" width="${Math.max(0, right - left).toFixed(1)}" height="${bottom - margin.top}"><title>${title}</title></rect>`;
    })
    .join('');
}
