import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { isJsonObject, type JsonObject, parseJson } from '../lambdas/json/json.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** `a,b` and the option repeated both make a list. */
export function collectList(text: string, before: readonly string[] = []): readonly string[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) throw new InvalidArgumentError('It holds no value.');
  return [...before, ...entries];
}

/** `X-Key: value`, repeated. */
export function collectHeaders(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError("It must be like 'X-Api-Key: secret'.");
  return { ...before, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() };
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

/** How many of a list. */
export function countOf(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return value;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Seconds, of `90`, `90s`, `10m`, `24h` or `7d`. */
export function durationSeconds(text: string): number {
  const [, digits = '', unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (digits === '') throw new InvalidArgumentError('It must be a time like 90s, 10m, 24h or 7d.');
  return Number(digits) * (unitSeconds[unit] ?? 1);
}

/** The bytes of a file, or of standard input for `-`. */
export async function readSource(source: string, { stdin }: Surroundings): Promise<Uint8Array> {
  if (source === '-') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stdin) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  try {
    return await readFile(source);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }[code];
    throw new CommandFailed(exitCodes.usage, `cannot read ${source}: ${reason ?? code}`);
  }
}

/** A JSON object given as text, as `@file`, or as `-` for standard input. `name` is what the user calls it. */
export async function readJsonObject(name: string, text: string, surroundings: Surroundings): Promise<JsonObject> {
  const isInline = text !== '-' && !text.startsWith('@');
  const json = isInline
    ? text
    : Buffer.from(await readSource(text === '-' ? '-' : text.slice(1), surroundings)).toString('utf8');
  const place = isInline ? name : `${name} (${text === '-' ? 'standard input' : text.slice(1)})`;
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (error) {
    throw new CommandFailed(
      exitCodes.usage,
      `${place} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      ...(isInline && !/^\s*[[{"]/.test(text) ? [`To read it from a file, write @${text}`] : []),
    );
  }
  if (!isJsonObject(value)) throw new CommandFailed(exitCodes.usage, `${place} must be a JSON object`);
  return value;
}

/** An instant in ISO 8601, UTC: of one, of a date, or of a time ago as `24h`. `now` in epoch milliseconds. */
export function instantText(option: string, text: string, now: number): string {
  const [, digits, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (digits !== undefined) return new Date(now - Number(digits) * (unitSeconds[unit] ?? 1) * 1000).toISOString();
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const instant = isDate || isInstant ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new CommandFailed(
      exitCodes.usage,
      `${option} must be a time like 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago), but is ${text}`,
    );
  }
  return new Date(instant).toISOString();
}

/** The query of a list that is asked for by time: `--since 2h`, or `--from` and `--to`. */
export function timeQuery(
  { since, from, to }: { readonly since?: string; readonly from?: string; readonly to?: string },
  now: number,
): { readonly from: string | undefined; readonly to: string | undefined } {
  const instant = (option: string, text: string | undefined) =>
    text === undefined ? undefined : instantText(option, text, now);
  return { from: instant('--since', since) ?? instant('--from', from), to: instant('--to', to) };
}
