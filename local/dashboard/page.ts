import type { AlarmState } from '../aws/metrics/alarm-state.ts';
import { chartSvg, lineClasses } from './chart.ts';
import { figureText } from './figures.ts';
import { escapeHtml } from './html.ts';
import { pageStyle } from './page-style.ts';
import type { DrawnDashboard, GraphLine, GraphPanel, NumberPanel, Panel } from './panels.ts';

export interface PageOptions {
  /** What the figures are of, in a sentence. */
  readonly note: string;
  /** Loads itself again, for a run that goes on. */
  readonly refreshSeconds?: number;
}

/** One HTML file that needs nothing else: no script, style, font or picture from anywhere. */
export function dashboardPage(dashboard: DrawnDashboard, { note, refreshSeconds }: PageOptions): string {
  const { name, range, choice, panels, alarms } = dashboard;
  const rows = Map.groupBy(panels, ({ y }) => y);
  const refresh = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  const times = [range.start, range.end].map((at) => new Date(at).toISOString().slice(0, 19).replace('T', ' '));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
${refresh}<title>${escapeHtml(name)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${escapeHtml(name)}</h1>
${alarmSummary(alarms)}
<p class="note">${escapeHtml(`${times[0]} to ${times[1]?.slice(11)} UTC. ${note}`)}</p>
${choice === undefined ? '' : chooser(choice.label, choice.values)}
</header>
<main>
${[...rows.values()].map((row) => `<section>${row.map((panel) => panelHtml(panel, dashboard)).join('')}</section>`).join('\n')}
</main>
<script>${choiceScript}</script>
</body>
</html>
`;
}

function alarmSummary(alarms: readonly AlarmState[]): string {
  const ringing = alarms.filter(({ state }) => state === 'alarm');
  const open = alarms.filter(({ state }) => state === 'unknown').length;
  if (ringing.length > 0) {
    return `<p class="badge alarm">${ringing.length} of ${alarms.length} alarms ${ringing.length === 1 ? 'rings' : 'ring'}</p>`;
  }
  const rest = open === 0 ? '' : `, ${open} too early to say`;
  return `<p class="badge ok">no alarm rings, of ${alarms.length}${rest}</p>`;
}

function chooser(label: string, values: readonly string[]): string {
  if (values.length === 0) return '';
  const options = values.map((value) => `<option>${escapeHtml(value)}</option>`).join('');
  return `<label class="chooser">${escapeHtml(label)} <select id="choice">${options}</select></label>`;
}

function panelHtml(panel: Panel, dashboard: DrawnDashboard): string {
  const first = dashboard.choice?.values[0];
  const chosen = panel.chosen === undefined ? '' : ` data-chosen="${escapeHtml(panel.chosen)}"`;
  const hidden = panel.chosen === undefined || panel.chosen === first ? '' : ' hidden';
  const place = `style="--x:${panel.x + 1};--w:${panel.width}"${chosen}${hidden}`;
  switch (panel.kind) {
    case 'text':
      return `<div class="question" ${place}><h2>${escapeHtml(panel.title)}</h2><p>${escapeHtml(panel.text)}</p></div>`;
    case 'alarms':
      return `<article ${place}><h3>${escapeHtml(panel.title)}</h3><ul class="alarms">${alarmItems(panel.alarms, dashboard.name)}</ul></article>`;
    case 'numbers':
      return `<article ${place}><h3>${escapeHtml(panel.title)}</h3><dl class="numbers">${numberItems(panel)}</dl></article>`;
    case 'graph':
      return `<article ${place}><h3>${escapeHtml(panel.title)}</h3>${graph(panel, dashboard)}</article>`;
    default:
      return panel satisfies never;
  }
}

const stateWords = { alarm: 'rings', ok: 'ok', unknown: 'too early to say' } as const;
const stateOrder = ['alarm', 'unknown', 'ok'] as const;

function alarmItems(alarms: readonly AlarmState[], stack: string): string {
  return alarms
    .toSorted((one, other) => stateOrder.indexOf(one.state) - stateOrder.indexOf(other.state))
    .map(({ name, description, state, contributors }) => {
      const short = name.startsWith(`${stack}-`) ? name.slice(stack.length + 1) : name;
      const who = contributors.length === 0 ? '' : ` <span class="who">${escapeHtml(contributors.join(', '))}</span>`;
      return `<li class="${state}" title="${escapeHtml(`${stateWords[state]}. ${description}`)}">${escapeHtml(short)}${who}</li>`;
    })
    .join('');
}

function numberItems({ numbers, unit }: NumberPanel): string {
  return numbers
    .map(({ label, value }) => {
      const bad = value !== undefined && value > 0 ? ' class="bad"' : '';
      const text = value === undefined ? '–' : figureText(value, unit);
      const why = value === undefined ? ' title="no figure in this time"' : '';
      return `<div${bad}><dd${why}>${escapeHtml(text)}</dd><dt>${escapeHtml(label)}</dt></div>`;
    })
    .join('');
}

function graph(panel: GraphPanel, { range, choice }: DrawnDashboard): string {
  const lines = panel.lines.filter(({ points }) => points.size > 0);
  if (lines.length === 0) return '<p class="nothing">none in this time</p>';
  const single = panel.stacked && lines.every(({ points }) => points.size === 1);
  const drawn = { ...panel, lines };
  const classes = lineClasses(lines, choice?.subjects ?? []);
  const legend = lines.map((line, index) => legendItem(line, classes[index] ?? '', panel)).join('');
  return `${single ? shares(drawn, classes) : chartSvg(drawn, range, classes)}<ul class="legend">${legend}</ul>`;
}

/** One step of a stack: how the whole is made up says more than one column. */
function shares({ lines, unit, title }: GraphPanel, classes: readonly string[]): string {
  const values = lines.map(({ points }) => [...points.values()][0] ?? 0);
  const whole = values.reduce((sum, value) => sum + value, 0);
  let from = 0;
  const parts = values.map((value, index) => {
    const share = whole === 0 ? 0 : (value / whole) * 1000;
    const text =
      share > 60
        ? `<text class="share" x="${from + share / 2}" y="17" text-anchor="middle">${Math.round(share / 10)} %</text>`
        : '';
    const part = `<rect class="bar ${classes[index]}" x="${from.toFixed(1)}" width="${share.toFixed(1)}" y="0" height="26"><title>${escapeHtml(`${lines[index]?.label}: ${figureText(value, unit)}`)}</title></rect>${text}`;
    from += share;
    return part;
  });
  return `<p class="whole">${escapeHtml(figureText(whole, unit))} <span>in this time</span></p><svg class="shares" viewBox="0 0 1000 26" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg>`;
}

function legendItem({ label, points, isSum }: GraphLine, colour: string, { unit, stacked }: GraphPanel): string {
  const values = [...points.values()];
  const sum = values.reduce((total, value) => total + value, 0);
  const most = Math.max(...values);
  const adds = isSum || stacked;
  const figure = figureText(adds ? sum : most, unit);
  return `<li><i class="swatch ${colour}"></i>${escapeHtml(label)} <b title="${adds ? 'in this time' : 'the highest'}">${escapeHtml(adds ? figure : `max ${figure}`)}</b></li>`;
}

/** Shows the panels of what is chosen, and keeps the choice when the page loads itself again. */
const choiceScript = `
const select = document.getElementById('choice');
if (select) {
  const show = () => {
    for (const panel of document.querySelectorAll('[data-chosen]')) panel.hidden = panel.dataset.chosen !== select.value;
    location.replace('#' + encodeURIComponent(select.value));
  };
  const kept = decodeURIComponent(location.hash.slice(1));
  if ([...select.options].some(({ value }) => value === kept)) {
    select.value = kept;
    show();
  }
  select.addEventListener('change', show);
}
`;
