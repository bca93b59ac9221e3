import type { FieldError } from '../../http/problem.ts';
import { eventRows, operationalEventTypes } from '../events/event-types.ts';

const knownTypes: readonly string[] = [...Object.keys(eventRows), ...Object.values(operationalEventTypes)];
/** More than a third of a name is another name, and no typo. */
const maxShareOfTypos = 1 / 3;

/** Types that nobody knows yet are accepted, since Drift may send them tomorrow; but mostly they are typos. */
export function eventTypeWarnings(types: readonly string[]): FieldError[] {
  return types.flatMap((type, index) => {
    if (knownTypes.includes(type)) return [];
    const nearest = nearestType(type);
    const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
    return [{ field: `eventTypes[${index}]`, detail: `${type} is not a known event type${hint}` }];
  });
}

function nearestType(type: string): string | undefined {
  const [best] = knownTypes
    .map((known) => ({ known, typos: typosBetween(type.toLowerCase(), known) }))
    .sort((one, other) => one.typos - other.typos);
  return best !== undefined && best.typos <= best.known.length * maxShareOfTypos ? best.known : undefined;
}

/** Levenshtein's distance: how many characters must be put in, taken out or replaced. */
function typosBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
