import { MetricError } from './metric-error.ts';
import type { MetricStore, TimeRange } from './metric-store.ts';
import { parseSearch } from './search-expression.ts';
import { readSeries, stepsOf, type TimeSeries } from './time-series.ts';

export interface MathScope {
  readonly store: MetricStore;
  readonly range: TimeRange;
  /** Of the expression; functions that make new steps use it. */
  readonly periodMs: number;
  /** The period that is drawn for one that is asked for; seconds to ms. */
  readonly drawnPeriodMs: (periodSeconds: number) => number;
  /** By the id that a metric or another expression has. Undefined: there is none such. */
  readonly named: (id: string) => readonly TimeSeries[] | undefined;
}

type Value =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'series'; readonly series: TimeSeries }
  | { readonly kind: 'list'; readonly list: readonly TimeSeries[] };

type Token =
  | { readonly kind: 'number' | 'name' | 'sign'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string };

const operators: Readonly<Record<string, (one: number, other: number) => number>> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
};

/**
 * What a metric math expression draws: numbers, ids, `+ - * /`, parentheses, SEARCH, SUM and FILL. Throws `MetricError`
 * for anything else.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function evaluateMath(expression: string, scope: MathScope): readonly TimeSeries[] {
  const tokens = tokensOf(expression);
  let next = 0;

  const peek = (): string | undefined => (tokens[next]?.kind === 'sign' ? tokens[next]?.text : undefined);
  const expect = (sign: string): void => {
    if (peek() !== sign) throw wrong(`expected ${sign} at ${tokens[next]?.text ?? 'the end'}`);
    next++;
  };
  const wrong = (why: string): MetricError => new MetricError(`${why} in the expression ${expression}`);

  const sum = (): Value => chain(['+', '-'], product);
  const product = (): Value => chain(['*', '/'], atom);
  const chain = (signs: readonly string[], part: () => Value): Value => {
    let value = part();
    for (let sign = peek(); sign !== undefined && signs.includes(sign); sign = peek()) {
      next++;
      value = combine(value, part(), operators[sign] as (one: number, other: number) => number);
    }
    return value;
  };
  const atom = (): Value => {
    const token = tokens[next++];
    if (token === undefined) throw wrong('something is missing at the end');
    switch (token.kind) {
      case 'number':
        return { kind: 'number', value: Number(token.text) };
      case 'text':
        return { kind: 'text', text: token.text };
      case 'name':
        return peek() === '(' ? call(token.text) : named(token.text);
      case 'sign': {
        if (token.text !== '(') throw wrong(`${token.text} was not expected`);
        const value = sum();
        expect(')');
        return value;
      }
      default:
        return token satisfies never;
    }
  };
  const named = (id: string): Value => {
    const list = scope.named(id);
    if (list === undefined) throw wrong(`nothing has the id ${id}`);
    const [only, ...others] = list;
    return only !== undefined && others.length === 0 ? { kind: 'series', series: only } : { kind: 'list', list };
  };
  const call = (name: string): Value => {
    const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (known === undefined) throw wrong(`the local run does not know the function ${name}`);
    expect('(');
    const given: Value[] = [];
    while (peek() !== ')') {
      if (given.length > 0) expect(',');
      given.push(sum());
    }
    expect(')');
    const value = known(given, scope);
    if (value === undefined) throw wrong(`the local run does not know ${name} of such arguments`);
    return value;
  };
  const combine = (one: Value, other: Value, operator: (one: number, other: number) => number): Value => {
    if (one.kind === 'text' || other.kind === 'text') throw wrong('a text is no operand');
    if (one.kind === 'number' && other.kind === 'number') {
      return { kind: 'number', value: operator(one.value, other.value) };
    }
    if (one.kind === 'list' && other.kind === 'list') throw wrong('two searches are no operands: SUM them first');
    if (one.kind === 'list') {
      return {
        kind: 'list',
        list: one.list.map((series) => ofSeries(combine({ kind: 'series', series }, other, operator))),
      };
    }
    if (other.kind === 'list') {
      return {
        kind: 'list',
        list: other.list.map((series) => ofSeries(combine(one, { kind: 'series', series }, operator))),
      };
    }
    return { kind: 'series', series: pointwise(one, other, operator, scope) };
  };
  const ofSeries = (value: Value): TimeSeries => {
    if (value.kind !== 'series') throw wrong('a search is no operand here');
    return value.series;
  };

  const value = sum();
  if (next < tokens.length) throw wrong(`${tokens[next]?.text} was not expected`);
  switch (value.kind) {
    case 'series':
      return [value.series];
    case 'list':
      return value.list;
    default:
      throw wrong('there is no metric');
  }
}

const functions: Readonly<Record<string, (given: readonly Value[], scope: MathScope) => Value | undefined>> = {
  SEARCH([search, statistic, period], { store, range, drawnPeriodMs }) {
    if (search?.kind !== 'text' || statistic?.kind !== 'text' || period?.kind !== 'number') return undefined;
    const isFound = parseSearch(search.text);
    const list = store
      .list()
      .filter(isFound)
      // Who comes first changes from run to run.
      .sort((one, other) => compare(Object.values(one.dimensions).join(), Object.values(other.dimensions).join()))
      .map((id) => readSeries(store, id, statistic.text, drawnPeriodMs(period.value), range))
      // A search finds what has figures in the range only.
      .filter(({ points }) => points.size > 0);
    return { kind: 'list', list };
  },
  SUM([list, ...rest], { periodMs }) {
    if (rest.length > 0 || (list?.kind !== 'list' && list?.kind !== 'series')) return undefined;
    if (list.kind === 'series') {
      return { kind: 'number', value: [...list.series.points.values()].reduce((sum, value) => sum + value, 0) };
    }
    const points = new Map<number, number>();
    for (const series of list.list) {
      for (const [step, value] of series.points) points.set(step, (points.get(step) ?? 0) + value);
    }
    const sorted = new Map([...points].sort(([one], [other]) => one - other));
    return { kind: 'series', series: { periodMs: list.list[0]?.periodMs ?? periodMs, points: sorted } };
  },
  FILL([series, value, ...rest], { range }) {
    if (rest.length > 0 || series?.kind !== 'series' || value?.kind !== 'number') return undefined;
    const { periodMs, points } = series.series;
    const filled = stepsOf(range, periodMs).map((step) => [step, points.get(step) ?? value.value] as const);
    return { kind: 'series', series: { periodMs, points: new Map(filled) } };
  },
};

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** A step that either side lacks has no figure. */
function pointwise(
  one: Exclude<Value, { kind: 'text' | 'list' }>,
  other: Exclude<Value, { kind: 'text' | 'list' }>,
  operator: (one: number, other: number) => number,
  scope: MathScope,
): TimeSeries {
  const points = new Map<number, number>();
  const leading = one.kind === 'series' ? one.series : other.kind === 'series' ? other.series : undefined;
  for (const step of leading?.points.keys() ?? []) {
    const left = one.kind === 'series' ? one.series.points.get(step) : one.value;
    const right = other.kind === 'series' ? other.series.points.get(step) : other.value;
    if (left === undefined || right === undefined) continue;
    const value = operator(left, right);
    // CloudWatch drops what is divided by zero.
    if (Number.isFinite(value)) points.set(step, value);
  }
  return { periodMs: leading?.periodMs ?? scope.periodMs, points };
}

const tokenForm = /\s*(?:(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|'((?:[^'\\]|\\.)*)'|([A-Za-z][A-Za-z0-9_]*)|([-+*/(),]))/y;

function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  tokenForm.lastIndex = 0;
  while (expression.slice(tokenForm.lastIndex).trim() !== '') {
    const at = tokenForm.lastIndex;
    const [found, number, text, name, sign] = tokenForm.exec(expression) ?? [];
    if (found === undefined) {
      throw new MetricError(`the local run does not know "${expression.slice(at).trim()}" of an expression`);
    }
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (text !== undefined) tokens.push({ kind: 'text', text: text.replace(/\\(.)/g, '$1') });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}
