import { assumptions } from './assumptions.ts';
import { type Bill, usd } from './bill.ts';
import type { Case } from './case.ts';
import type { Units } from './units.ts';
import { parts } from './usage.ts';

/** For the terminal. */
export function billText(load: Case, bill: Bill, units: Units): string {
  const { month, byPart, total, base, baseLines, perMillion } = bill;
  const millions = perMillion === undefined ? 0 : month.deliveries / 1_000_000;
  const columns = (what: string, ...cells: string[]): string =>
    `  ${what.padEnd(62)}${cells.map((cell) => cell.padStart(12)).join('')}`;
  const row = (what: string, value: number): string =>
    columns(what, usd(value), millions === 0 ? '' : usd(value / millions));
  const rows = parts
    .filter((part) => part !== 'monthly base' && (byPart.get(part) ?? 0) > 0)
    .map((part) => row(part, byPart.get(part) ?? 0));
  return [
    `${usd(total)} USD a month${perMillion === undefined ? '' : `, ${usd(perMillion)} for a million deliveries beside the base of ${usd(base)}`}.`,
    `${count(month.posts)} posts and ${count(month.deliveries)} deliveries a month, to ${load.subscribers} subscribers.`,
    '',
    columns('USD', 'a month', ...(millions === 0 ? [] : ['a million'])),
    ...rows,
    row('what follows the load', total - base),
    '',
    ...baseLines.filter((line) => line.usd > 0).map((line) => columns(line.what, usd(line.usd))),
    columns('the monthly base', usd(base)),
    '',
    'Assumed:',
    ...assumptions(load, month.filling, units).map((text) => `  - ${text}`),
    '',
  ].join('\n');
}

export function billJson(load: Case, bill: Bill, units: Units): string {
  const { month, byPart, total, base, baseLines, perMillion } = bill;
  const cents = (value: number): number => Math.round(value * 10_000) / 10_000;
  return JSON.stringify(
    {
      load,
      usdPerMonth: cents(total),
      usdPerMillionDeliveries: perMillion === undefined ? null : cents(perMillion),
      posts: Math.round(month.posts),
      deliveries: Math.round(month.deliveries),
      messagesPerBatch: month.filling.deliveries,
      parts: Object.fromEntries([...byPart].map(([part, value]) => [part, cents(value)])),
      monthlyBase: { total: cents(base), lines: baseLines.map((line) => ({ ...line, usd: cents(line.usd) })) },
      assumed: assumptions(load, month.filling, units),
    },
    undefined,
    2,
  );
}

function count(value: number): string {
  return value >= 1_000_000 ? `${(value / 1_000_000).toFixed(1)} million` : Math.round(value).toLocaleString('en-US');
}
