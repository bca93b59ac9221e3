import { MetricError } from './metric-error.ts';
import type { MetricId } from './metric-store.ts';

/**
 * The first argument of SEARCH: `{Namespace,Dimension,…} MetricName="X" dimension="value" NOT dimension="value" word`.
 * Answers whether a metric is found. Throws `MetricError` for what the local run does not know of the language.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
 */
export function parseSearch(text: string): (id: MetricId) => boolean {
  const [, schema, rest = ''] = /^\s*\{([^{}]*)\}(.*)$/s.exec(text) ?? [];
  if (schema === undefined) throw new MetricError(`the search ${text} does not begin with {namespace,dimensions}`);
  const [namespace = '', ...dimensions] = schema.split(',').map((part) => unquoted(part.trim()));
  const wanted = dimensions.toSorted().join();
  const terms = parseTerms(rest);
  return (id) =>
    id.namespace === namespace &&
    Object.keys(id.dimensions).toSorted().join() === wanted &&
    terms.every(({ isWanted, matches }) => matches(id) === isWanted);
}

interface Term {
  readonly isWanted: boolean;
  readonly matches: (id: MetricId) => boolean;
}

const termForm = /\s*(?:(NOT)\s+)?(?:([\w-]+)="([^"]*)"|([\w-]+))(?=\s|$)/y;

function parseTerms(text: string): Term[] {
  const terms: Term[] = [];
  termForm.lastIndex = 0;
  while (text.slice(termForm.lastIndex).trim() !== '') {
    const at = termForm.lastIndex;
    const [found, not, name, value = '', word = ''] = termForm.exec(text) ?? [];
    if (found === undefined || word === 'OR' || word === 'AND') {
      throw new MetricError(`the local run does not know "${text.slice(at).trim()}" of a search`);
    }
    const matches = name === undefined ? hasWord(word) : isExactly(name, value);
    terms.push({ isWanted: not === undefined, matches });
  }
  return terms;
}

function isExactly(name: string, value: string): Term['matches'] {
  return ({ metric, dimensions }) => (name === 'MetricName' ? metric : dimensions[name]) === value;
}

/** Found in names by the words that these are made of, upper and lower case alike. */
function hasWord(word: string): Term['matches'] {
  const wanted = word.toLowerCase();
  return ({ metric, dimensions }) =>
    [metric, ...Object.entries(dimensions).flat()].some((text) => words(text).has(wanted));
}

function words(text: string): Set<string> {
  const parts = text.split(/[^A-Za-z0-9]+/);
  const inCamelCase = parts.flatMap((part) => part.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? []);
  return new Set([text, ...parts, ...inCamelCase].map((part) => part.toLowerCase()));
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
