import { EngineError } from '../engine/engine-error.ts';
import { notServed } from '../not-served.ts';
import type { Input } from './service.ts';

/** Reads the members of a request; what is missing or of the wrong kind is answered as `code`, with its name. */
export class Members {
  readonly #input: Input;
  readonly #code: string;

  constructor(input: Input, code = 'ValidationException') {
    this.#input = input;
    this.#code = code;
  }

  wrong(name: string, reason: string): EngineError {
    return new EngineError(this.#code, `Parameter ${name} is not valid. Reason: ${reason}.`);
  }

  required<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw this.wrong(name, 'it is required');
    return value;
  }

  text(name: string): string {
    return this.required(name, this.textIfAny(name));
  }

  textIfAny(name: string): string | undefined {
    return this.#read(name, 'a string', (value): value is string => typeof value === 'string');
  }

  number(name: string): number | undefined {
    return this.#read(name, 'a number', (value): value is number => typeof value === 'number');
  }

  /** AWS's JSON has epoch seconds; here it is epoch milliseconds. */
  time(name: string): number {
    return Math.round(this.required(name, this.number(name)) * 1000);
  }

  texts(name: string): readonly string[] | undefined {
    return this.#read(name, 'a list of strings', (value): value is string[] => isListOf(value, isText));
  }

  object(name: string): Input | undefined {
    return this.#read(name, 'an object', isObject);
  }

  objects(name: string): readonly Input[] | undefined {
    return this.#read(name, 'a list of objects', (value): value is Input[] => isListOf(value, isObject));
  }

  /** Names and texts. */
  textMap(name: string): Readonly<Record<string, string>> | undefined {
    return this.#read(
      name,
      'an object of strings',
      (value): value is Record<string, string> => isObject(value) && Object.values(value).every(isText),
    );
  }

  #read<T>(name: string, what: string, isRight: (value: unknown) => value is T): T | undefined {
    const value = this.#input[name] ?? undefined;
    if (value === undefined) return undefined;
    if (!isRight(value)) throw this.wrong(name, `it must be ${what}`);
    return value;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, isRight: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isRight);
}

/** Members that AWS knows and the local run does not would be left out without a word: they are refused by name. */
export function refuseOtherMembers(
  input: Input,
  taken: readonly string[],
  what: string,
  code = 'ValidationException',
): void {
  const other = Object.keys(input).find((name) => input[name] != null && !taken.includes(name));
  if (other !== undefined) throw new EngineError(code, `${notServed(`${what}: ${other}`)}.`);
}

/** A part of a list, and the token for the next. Throws `code` for a token that was never given out. */
export function onePage<T>(
  items: readonly T[],
  limit: number,
  token: string | undefined,
  code = 'ValidationException',
): { readonly page: readonly T[]; readonly next?: string } {
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0) throw new EngineError(code, 'The token of the next page is not valid.');
  const until = from + limit;
  return { page: items.slice(from, until), ...(until < items.length ? { next: String(until) } : {}) };
}

/** A member of an answer that is left out where there is none. */
export function present<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}
