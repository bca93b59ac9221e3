import type { AlarmState } from '../aws/metrics/alarm-state.ts';
import { figureText } from './figures.ts';
import type { DashboardFigures, FiguresPanel, Panel } from './panels.ts';

const style = `
:root { color-scheme: light dark; }
body { margin: 1rem; font: 14px/1.4 system-ui, sans-serif; }
h1 { font-size: 1.2rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: .75rem; }
section { grid-column: 1 / -1; }
h2, h3 { font-size: 1rem; margin: 0 0 .25rem; }
article { border: 1px solid #8886; border-radius: 6px; padding: .5rem .75rem; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
td:last-child { text-align: right; font-weight: 600; white-space: nowrap; }
p { margin: 0; } small, p.none { opacity: .75; }
.alarm { color: #d33; font-weight: 600; }
`;

/** One HTML file without scripts, that asks for nothing else and loads itself again. */
export function dashboardPage({ name, range, panels }: DashboardFigures, refreshSeconds: number): string {
  const [from = '', until = ''] = [range.start, range.end].map((at) => new Date(at).toISOString().slice(0, 19));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${refreshSeconds}">
<link rel="icon" href="data:,">
<title>${escapeHtml(name)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(name)}</h1>
<p>The figures of the dashboard's graphs from ${from.replace('T', ' ')} to ${until.slice(11)} UTC, one for each line.</p>
<main>
${panels.map(panelHtml).join('\n')}
</main>
</body>
</html>
`;
}

function panelHtml(panel: Panel): string {
  const title = escapeHtml(panel.title);
  switch (panel.kind) {
    case 'text':
      return `<section><h2>${title}</h2><p>${escapeHtml(panel.text)}</p></section>`;
    case 'alarms':
      return `<article><h3>${title}</h3><table>${panel.alarms.map(alarmRow).join('')}</table></article>`;
    case 'figures':
      return `<article><h3>${title}</h3>${figures(panel)}</article>`;
    default:
      return panel satisfies never;
  }
}

const stateWords = { alarm: 'rings', ok: 'ok', unknown: 'too early to say' } as const;

function alarmRow({ name, description, state, contributors }: AlarmState): string {
  const who = contributors.length === 0 ? '' : ` (${contributors.join(', ')})`;
  return `<tr class="${state}" title="${escapeHtml(description)}"><td>${escapeHtml(`${name}${who}`)}</td><td>${stateWords[state]}</td></tr>`;
}

function figures({ lines, thresholds, unit }: FiguresPanel): string {
  const known = lines.filter(({ value }) => value !== undefined);
  const rows = known.map(
    ({ label, value = 0 }) => `<tr><td>${escapeHtml(label)}</td><td>${escapeHtml(figureText(value, unit))}</td></tr>`,
  );
  const limits = thresholds.map(
    ({ label, value }) => `<small>${escapeHtml(`${label} ${figureText(value, unit)}`)}</small>`,
  );
  const table = rows.length === 0 ? '<p class="none">none in this time</p>' : `<table>${rows.join('')}</table>`;
  return `${table}${limits.join(' ')}`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
