/** Colours are told apart by lightness too, and are strong enough for text on both grounds. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --card: #fff; --ink: #16191f; --soft: #5a6472; --line: #e3e6ea; --ok: #1a7f4b; --bad: #c4281b; --open: #8a6d00;
  --c0: #0a6cd6; --c1: #d9480f; --c2: #1f8a4c; --c3: #8b3dd1; --c4: #b58900; --c5: #c2255c; --c6: #0b8a96; --c7: #6b5b4b; --c8: #4c5fd7; --c9: #5c940d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10141a; --card: #1a2029; --ink: #e8ebef; --soft: #9aa5b4; --line: #2b333e; --ok: #4cc38a; --bad: #ff7a6b; --open: #e2b93b;
    --c0: #58a6ff; --c1: #ff9554; --c2: #5ac98c; --c3: #c297ff; --c4: #e3c14a; --c5: #ff7eb0; --c6: #4fd0dc; --c7: #c3b1a0; --c8: #97a3ff; --c9: #a9d65a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 14px 18px 20px; background: var(--ground); color: var(--ink); font: 13px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; margin-bottom: 10px; }
h1 { font-size: 18px; margin: 0; }
.note { color: var(--soft); margin: 0; flex: 1 1 20em; }
.badge { margin: 0; padding: 2px 10px; border-radius: 99px; font-weight: 600; color: var(--card); background: var(--ok); }
.badge.alarm { background: var(--bad); }
.chooser { color: var(--soft); }
select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 3px 6px; color: var(--ink); }
section { display: grid; grid-template-columns: repeat(24, minmax(0, 1fr)); gap: 8px; margin-bottom: 8px; }
section > * { grid-column: var(--x) / span var(--w); grid-row: 1; min-width: 0; }
section > [hidden] { display: none; }
.question { padding: 8px 4px 0 0; }
h2 { font-size: 15px; line-height: 1.25; margin: 0 0 4px; }
.question p { margin: 0; color: var(--soft); font-size: 12px; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 7px 10px 8px; display: flex; flex-direction: column; }
h3 { font-size: 12.5px; font-weight: 600; margin: 0 0 2px; }
svg { display: block; width: 100%; height: auto; }
.grid, .tickmark { stroke: var(--line); }
.tick { fill: var(--soft); font-size: 11px; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.line.d1 { stroke-dasharray: 6 4; } .line.d2 { stroke-dasharray: 2 4; } .line.d3 { stroke-dasharray: 9 3 2 3; }
.swatch.d1, .swatch.d2, .swatch.d3 { opacity: 0.55; }
.area { opacity: 0.14; stroke: none; }
line.threshold { stroke: var(--bad); stroke-dasharray: 5 4; }
text.threshold { fill: var(--bad); font-size: 11px; }
.under { fill: transparent; }
.under:hover { fill: var(--soft); fill-opacity: 0.12; }
.shares { border-radius: 5px; }
.share { fill: var(--card); font-size: 12px; font-weight: 600; pointer-events: none; }
.whole { font-size: 22px; font-weight: 600; margin: 2px 0 6px; }
.whole span { font-size: 12px; font-weight: 400; color: var(--soft); }
.legend { list-style: none; margin: 4px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 1px 12px; font-size: 12px; color: var(--soft); max-height: 5.8em; overflow: auto; }
.legend li { white-space: nowrap; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
.legend b { color: var(--ink); font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; }
.nothing { margin: auto; padding: 20px 0; color: var(--soft); }
.alarms { list-style: none; margin: 2px 0 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 3px 8px; font-size: 12px; }
.alarms li { padding-left: 16px; position: relative; overflow-wrap: anywhere; }
.alarms li::before { content: ""; position: absolute; left: 0; top: 4px; width: 9px; height: 9px; border-radius: 50%; background: var(--ok); }
.alarms li.unknown::before { background: none; border: 2px solid var(--open); width: 10px; height: 10px; }
.alarms li.unknown { color: var(--soft); }
.alarms li.alarm { color: var(--bad); font-weight: 600; }
.alarms li.alarm::before { background: var(--bad); border-radius: 2px; }
.who { font-weight: 400; }
.numbers { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px 6px; margin: auto 0; }
.numbers div { min-width: 0; }
.numbers dd { margin: 0; font-size: 24px; font-weight: 600; line-height: 1.1; font-variant-numeric: tabular-nums; }
.numbers dt { color: var(--soft); font-size: 12px; }
.numbers .bad dd { color: var(--bad); }
${Array.from({ length: 10 }, (_, index) => `.line.c${index} { stroke: var(--c${index}); } .dot.c${index}, .area.c${index}, .bar.c${index} { fill: var(--c${index}); } .swatch.c${index} { background: var(--c${index}); }`).join('\n')}
@media (max-width: 1100px) {
  section { grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
  section > * { grid-column: auto; grid-row: auto; }
  section > .question { grid-column: 1 / -1; }
}
`;
