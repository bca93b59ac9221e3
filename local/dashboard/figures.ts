export type Unit = 'count' | 'milliseconds' | 'seconds' | 'usd';

/** A graph's title says what its axis is in: `Event to 2xx, p95, ms`, `USD per hour`; else it counts. */
export function unitOfTitle(title: string): Unit {
  if (/, ms$/.test(title)) return 'milliseconds';
  if (/, s$/.test(title)) return 'seconds';
  return /\bUSD\b/.test(title) ? 'usd' : 'count';
}

/** For people: `1.2k`, `340 ms`, `5 min`, `$0.0012`. */
export function figureText(value: number, unit: Unit): string {
  switch (unit) {
    case 'milliseconds':
      return durationText(value);
    case 'seconds':
      return durationText(value * 1000);
    case 'usd':
      return usdText(value);
    case 'count':
      return countText(value);
    default:
      return unit satisfies never;
  }
}

function countText(value: number): string {
  const size = Math.abs(value);
  if (size >= 999_950_000) return `${short(value / 1e9)}G`;
  if (size >= 999_950) return `${short(value / 1e6)}M`;
  if (size >= 10_000) return `${short(value / 1e3)}k`;
  return Number.isInteger(value) ? value.toLocaleString('en-US') : short(value);
}

function durationText(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 999.5) return `${short(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 99.95) return `${short(seconds)} s`;
  if (seconds < 5_970) return `${short(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${short(seconds / 3600)} h` : `${short(seconds / 86_400)} d`;
}

function usdText(value: number): string {
  if (value === 0) return '$0';
  if (value >= 0.01) return `$${value >= 100 ? value.toFixed(0) : value.toFixed(2)}`;
  // Two digits that say something, and no power of ten.
  return `$${value.toFixed(Math.min(10, 1 - Math.floor(Math.log10(value))))}`;
}

/** Three digits at the most, without zeros that say nothing. */
function short(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}
