import type { BarChart, Chart, LineChart } from './section.ts';

const width = 720;
/** Told apart by people who do not see all colours, on white and on black. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const style =
  '<style>text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;font-size:14px}.grid{stroke:#8c959f;stroke-opacity:.3}.limit{stroke:#cf222e;stroke-dasharray:4 3}.spread{stroke:#57606a}</style>';

/** Draws a chart as a text of SVG that is readable on a light and on a dark page. */
export function drawChart(chart: Chart): string {
  return chart.kind === 'bars' ? drawBars(chart) : drawLines(chart);
}

function drawBars({ title, unit, bars, limit }: BarChart): string {
  const left = 250;
  const right = width - 90;
  const rowHeight = 30;
  const top = 48;
  const height = top + bars.length * rowHeight + 34;
  const most = Math.max(limit ?? 0, ...bars.map(({ value, high }) => Math.max(value, high ?? 0)));
  const ticks = ticksUpTo(most);
  const x = (value: number): number => left + (value / (ticks.at(-1) ?? 1)) * (right - left);
  const bottom = top + bars.length * rowHeight;
  const parts = [
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${fixed(x(tick))}" x2="${fixed(x(tick))}" y1="${top}" y2="${bottom}"/><text x="${fixed(x(tick))}" y="${bottom + 18}" text-anchor="middle">${figure(tick)}</text>`,
    ),
    ...bars.map(({ label, value, low, high }, index) => {
      const y = top + index * rowHeight + 6;
      const spread =
        low === undefined || high === undefined
          ? ''
          : `<line class="spread" x1="${fixed(x(low))}" x2="${fixed(x(high))}" y1="${y + 9}" y2="${y + 9}"/>`;
      return `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escapeXml(label)}</text><rect x="${left}" y="${y}" width="${fixed(Math.max(1, x(value) - left))}" height="18" fill="${colours[0]}"/>${spread}<text x="${fixed(x(Math.max(value, high ?? 0)) + 6)}" y="${y + 13}">${figure(value)}</text>`;
    }),
    limit === undefined
      ? ''
      : `<line class="limit" x1="${fixed(x(limit))}" x2="${fixed(x(limit))}" y1="${top - 4}" y2="${bottom}"/>`,
  ];
  return svg(height, title, unit, parts);
}

function drawLines({ title, unit, xLabel, logarithmicX, lines, limit }: LineChart): string {
  const left = 64;
  const right = width - 150;
  const top = 48;
  const bottom = 280;
  const points = lines.flatMap((line) => line.points);
  const scaled = (value: number): number => (logarithmicX === true ? Math.log10(value) : value);
  const xs = [...new Set(points.map(([value]) => value))].sort((one, other) => one - other);
  const least = scaled(xs[0] ?? 0);
  const range = Math.max(1e-9, scaled(xs.at(-1) ?? 1) - least);
  const ticks = ticksUpTo(Math.max(limit ?? 0, ...points.map(([, value]) => value)));
  const x = (value: number): number => left + ((scaled(value) - least) / range) * (right - left);
  const y = (value: number): number => bottom - (value / (ticks.at(-1) ?? 1)) * (bottom - top);
  const parts = [
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${left}" x2="${right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}"/><text x="${left - 8}" y="${fixed(y(tick) + 4)}" text-anchor="end">${figure(tick)}</text>`,
    ),
    ...xs.map(
      (value) => `<text x="${fixed(x(value))}" y="${bottom + 18}" text-anchor="middle">${figure(value)}</text>`,
    ),
    `<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    ...lines.map((line, index) => {
      const colour = colours[index % colours.length];
      const path = line.points.map(([px, py]) => `${fixed(x(px))},${fixed(y(py))}`).join(' ');
      const dots = line.points.map(
        ([px, py]) => `<circle cx="${fixed(x(px))}" cy="${fixed(y(py))}" r="3" fill="${colour}"/>`,
      );
      const labelY = top + 12 + index * 18;
      return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}<rect x="${right + 14}" y="${labelY - 9}" width="10" height="10" fill="${colour}"/><text x="${right + 30}" y="${labelY}">${escapeXml(line.label)}</text>`;
    }),
    limit === undefined
      ? ''
      : `<line class="limit" x1="${left}" x2="${right}" y1="${fixed(y(limit))}" y2="${fixed(y(limit))}"/>`,
  ];
  return svg(bottom + 50, title, unit, parts);
}

function svg(height: number, title: string, unit: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">${style}<text class="title" x="8" y="20">${escapeXml(title)}</text><text x="8" y="38">${escapeXml(unit)}</text>${parts.join('')}</svg>\n`;
}

/** About five round figures from 0 on, the last one not below `most`. */
export function ticksUpTo(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) =>
    Number((index * step).toPrecision(12)),
  );
}

function figure(value: number): string {
  if (value >= 10_000) return value.toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
