import type { Spread } from './paired-comparison.ts';

/** `1.24 (1.21 to 1.30)` */
export function withSpread({ median, low, high }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

export function times(value: number): string {
  return `${value.toFixed(2)} times`;
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}
