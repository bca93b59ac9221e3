import { MetricError } from './metric-error.ts';

type Passes<Line> = (line: Line) => boolean;

/**
 * A filter pattern of CloudWatch Logs: any of some terms (`?ERROR ?"Task timed out"`), all of some (`"dead letters"`), or comparisons of a JSON line's
 * fields with texts, joined (`{ ($.level = "ERROR") && ($.a.b != "x") }`). Throws `MetricError` for the other forms.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function parseLogFilter(pattern: string): Passes<string> {
  return pattern.startsWith('{') ? parseFieldFilter(pattern) : parseTermFilter(pattern);
}

function parseTermFilter(pattern: string): Passes<string> {
  const terms = [...pattern.matchAll(/(\??)(?:"((?:[^"\\]|\\.)*)"|([\w-]+))(?:\s+|$)/g)];
  if (terms.length === 0 || terms.map(([found]) => found).join('') !== pattern) throw unknown(pattern);
  const wanted = terms.map(([, , quoted, plain]) => quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
  const optional = terms.filter(([, mark]) => mark === '?').length;
  if (optional === terms.length) return (line) => wanted.some((term) => line.includes(term));
  if (optional === 0) return (line) => wanted.every((term) => line.includes(term));
  throw unknown(pattern);
}

function parseFieldFilter(pattern: string): Passes<string> {
  const tokens = pattern.match(/[{}()]|&&|\|\||!=|=|\$(?:\.\w+)+|"[^"\\]*"|\S/g) ?? [];
  let at = 0;
  const take = (expected: string | RegExp): string => {
    const token = tokens[at++] ?? '';
    if (typeof expected === 'string' ? token !== expected : !expected.test(token)) throw unknown(pattern);
    return token;
  };
  /** `&&` binds more strongly than `||`. */
  const joined = (operator: '||' | '&&', read: () => Passes<unknown>): Passes<unknown> => {
    const parts = [read()];
    for (; tokens[at] === operator; parts.push(read())) at++;
    return (line) => (operator === '||' ? parts.some((part) => part(line)) : parts.every((part) => part(line)));
  };
  const comparison = (): Passes<unknown> => {
    const [, ...path] = take(/^\$\./).split('.');
    const equal = take(/^!?=$/) === '=';
    const wanted = take(/^"/).slice(1, -1);
    return (line) => {
      const value = path.reduce<unknown>(
        (object, name) => (object as Record<string, unknown> | undefined)?.[name],
        line,
      );
      return value !== undefined && value !== null && (String(value) === wanted) === equal;
    };
  };
  const group = (): Passes<unknown> => {
    if (tokens[at] !== '(') return comparison();
    at++;
    const inner = any();
    take(')');
    return inner;
  };
  const any = (): Passes<unknown> => joined('||', () => joined('&&', group));
  take('{');
  const passes = any();
  take('}');
  if (at !== tokens.length) throw unknown(pattern);
  return (line) => {
    const parsed = line.startsWith('{') ? parsedOrNothing(line) : undefined;
    return parsed !== undefined && passes(parsed);
  };
}

function parsedOrNothing(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function unknown(pattern: string): MetricError {
  return new MetricError(`the local run does not know the filter pattern ${pattern}`);
}
