import { AwsError } from './service.ts';

export type Input = Readonly<Record<string, unknown>>;

/** Reads the members of a request; what is missing or of the wrong kind is answered as `code`, with its name. */
export function membersOf(input: Input, code = 'ValidationException') {
  const wrong = (name: string, what: string) => new AwsError(code, `Parameter ${name} is not valid. Reason: ${what}.`);
  const optional = {
    text(name: string): string | undefined {
      const value = input[name] ?? undefined;
      if (value !== undefined && typeof value !== 'string') throw wrong(name, 'it must be a string');
      return value;
    },
    number(name: string): number | undefined {
      const value = input[name] ?? undefined;
      if (value !== undefined && typeof value !== 'number') throw wrong(name, 'it must be a number');
      return value;
    },
    /** AWS's JSON has epoch seconds; here it is epoch milliseconds. */
    time(name: string): number | undefined {
      const seconds = this.number(name);
      return seconds === undefined ? undefined : Math.round(seconds * 1000);
    },
    list(name: string): readonly unknown[] | undefined {
      const value = input[name] ?? undefined;
      if (value !== undefined && !Array.isArray(value)) throw wrong(name, 'it must be a list');
      return value;
    },
    texts(name: string): readonly string[] | undefined {
      const value = this.list(name);
      if (value?.some((item) => typeof item !== 'string')) throw wrong(name, 'it must be a list of strings');
      return value as readonly string[] | undefined;
    },
    object(name: string): Input | undefined {
      const value = input[name] ?? undefined;
      if (value !== undefined && (typeof value !== 'object' || Array.isArray(value))) {
        throw wrong(name, 'it must be an object');
      }
      return value as Input | undefined;
    },
    objects(name: string): readonly Input[] | undefined {
      const value = this.list(name);
      if (value?.some((item) => typeof item !== 'object' || item === null || Array.isArray(item))) {
        throw wrong(name, 'it must be a list of objects');
      }
      return value as readonly Input[] | undefined;
    },
    /** Names and texts. */
    textMap(name: string): Readonly<Record<string, string>> | undefined {
      const value = this.object(name);
      if (value !== undefined && Object.values(value).some((item) => typeof item !== 'string')) {
        throw wrong(name, 'its values must be strings');
      }
      return value as Readonly<Record<string, string>> | undefined;
    },
  };
  const required = <T>(name: string, value: T | undefined): T => {
    if (value === undefined) throw wrong(name, 'it is required');
    return value;
  };
  return { optional, required, wrong };
}

/** Members that AWS knows and the local run does not would be left out without a word: they are refused by name. */
export function refuseOtherMembers(input: Input, known: readonly string[], what: string): void {
  const unknown = Object.keys(input).find((name) => input[name] != null && !known.includes(name));
  if (unknown !== undefined) {
    throw new AwsError('ValidationException', `${what}: the local run does not support ${unknown}.`);
  }
}

/** A part of a list, and the token for the next. */
export function onePage<T>(
  items: readonly T[],
  limit: number,
  token: string | undefined,
): { readonly page: readonly T[]; readonly next?: string } {
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0)
    throw new AwsError('ValidationException', 'Parameter NextToken is not valid.');
  const until = from + limit;
  return { page: items.slice(from, until), ...(until < items.length ? { next: String(until) } : {}) };
}
